"""The numbers that say how strong a protection is set, checked."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from genoaudit.errors import ConfigError


def amount(name: str, setting: Any, *, low: float = 0.0, below: float = math.inf) -> float:
    """Return the setting of protection `name` as a number in [low, below).

    Raises
    ------
    ConfigError
        If it is not such a number.

    Examples
    --------
    >>> amount("dropout", 0.5, below=1.0)
    0.5
    """
    if isinstance(setting, bool) or not isinstance(setting, Real) or not low <= float(setting) < below:
        above = "" if below == math.inf else f" and below {below:g}"
        raise ConfigError(f"{name} needs a number of at least {low:g}{above}, found {setting!r}.")
    return float(setting)


def positive(name: str, setting: Any) -> float:
    """Return the setting of protection `name` as a number above 0, which may be infinite.

    Raises
    ------
    ConfigError
        If it is not such a number.
    """
    if isinstance(setting, bool) or not isinstance(setting, Real) or not float(setting) > 0:
        raise ConfigError(f"{name} needs a number above 0, found {setting!r}.")
    return float(setting)


def count(name: str, setting: Any, *, least: int = 1) -> int:
    """Return the setting of protection `name` as a whole number of at least `least`.

    Raises
    ------
    ConfigError
        If it is not such a number.
    """
    if isinstance(setting, bool) or not isinstance(setting, Integral) or setting < least:
        raise ConfigError(f"{name} needs a whole number of at least {least}, found {setting!r}.")
    return int(setting)
