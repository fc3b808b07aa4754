"""Trade-off curves: how rarely an attack can err in one way, given how often it errs in the other.

A guarantee on telling two cohorts apart is a floor under the FNR at every FPR; advantage and epsilon are read from it.

Dong, Roth, Su. Gaussian differential privacy. Journal of the Royal Statistical Society B 84:3-37, 2022.
Kulynych, Gomez, Kaissis, Calmon, Troncoso. Attack-aware noise calibration for differential privacy. NeurIPS 2024.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.lower_bounds import check_delta

_LARGEST_EXPONENT = 700.0  # exp of more is infinite, and infinity times an FPR of zero is no number


def _rate(name: str, values: ArrayLike) -> FloatArray:
    rates = np.asarray(values, dtype=np.float64)
    bad = np.flatnonzero(~((rates >= 0) & (rates <= 1)))
    if bad.size:
        raise ConfigError(
            f"`{name}` must lie in [0, 1]; {bad.size} of {rates.size} do not (first: number {bad[0]}, "
            f"{rates.flat[bad[0]]})."
        )
    return rates


def _check_guarantee(epsilon: float, delta: float) -> None:
    if not epsilon >= 0:
        raise ConfigError(f"epsilon must be at least 0, found {epsilon}.")
    check_delta(delta)


def dp_fnr(epsilon: float, delta: float, fpr: ArrayLike) -> FloatArray:
    """Smallest FNR of any attack on an (epsilon, delta)-DP mechanism at the given FPR.

    Parameters
    ----------
    epsilon, delta
        The guarantee; `epsilon` at least 0 (infinity promises delta alone), `delta` in [0, 1).
    fpr
        False positive rates, in [0, 1]; any shape.

    Returns
    -------
    In [0, 1], the shape of `fpr`.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(float(dp_fnr(1.0, 0.001, 0.8)), 3)
    0.073
    """
    _check_guarantee(epsilon, delta)
    rate = _rate("fpr", fpr)
    growth = math.exp(min(epsilon, _LARGEST_EXPONENT))
    return np.asarray(np.maximum(0.0, np.maximum(1 - delta - growth * rate, (1 - delta - rate) / growth)))


def gdp_fnr(mu: float, fpr: ArrayLike) -> FloatArray:
    """Smallest FNR of any attack on a mu-GDP mechanism at the given FPR.

    Parameters
    ----------
    mu
        At least 0.
    fpr
        False positive rates, in [0, 1]; any shape.

    Returns
    -------
    In [0, 1], the shape of `fpr`.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(float(gdp_fnr(1.0, 0.01)), 4)
    0.9076
    """
    if not (math.isfinite(mu) and mu >= 0):
        raise ConfigError(f"mu must be finite and at least 0, found {mu}.")
    return np.asarray(special.ndtr(-special.ndtri(_rate("fpr", fpr)) - mu))


def dp_advantage(epsilon: float, delta: float) -> float:
    """Largest TPR - FPR of any attack on an (epsilon, delta)-DP mechanism.

    Raises
    ------
    ConfigError
        If `epsilon` is negative or `delta` outside [0, 1).

    Examples
    --------
    >>> dp_advantage(0.0, 0.001)
    0.001
    """
    _check_guarantee(epsilon, delta)
    return math.tanh(epsilon / 2) + 2 * delta * float(special.expit(-epsilon))


def epsilon_from_error_rates(fpr: float, fnr: float, delta: float) -> float:
    """Smallest epsilon of the (epsilon, delta)-DP mechanisms that allow an attack with these error rates.

    The rates are those of an attack known exactly. From rates that were counted use the bounds of `many_run`.

    Parameters
    ----------
    fpr, fnr
        In [0, 1].
    delta
        In [0, 1).

    Returns
    -------
    At least 0; infinite if an attack that errs in one way only does better than delta allows.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(epsilon_from_error_rates(0.001, 0.8, 0.001), 3)
    5.293
    """
    check_delta(delta)
    _rate("fpr", fpr)
    _rate("fnr", fnr)
    if fpr + fnr >= 1 - delta:
        return 0.0
    # The curve is its own mirror image, and below the diagonal the smaller rate is the one that binds.
    smaller, larger = sorted((fpr, fnr))
    return math.inf if smaller == 0 else max(math.log((1 - delta - larger) / smaller), 0.0)
