"""What is kept of a fitted estimator of ours: enough to answer as it did, and nothing else that it learnt."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genoaudit.errors import ArtefactError
from genoaudit.privacy.dpsgd import DPSGD

Arrays: TypeAlias = dict[str, NDArray[Any]]

Form: TypeAlias = tuple[tuple[int | None, ...], str]
"""Shape of an array, None for a side of any length, and its type as NumPy names it."""

LEFT_OUT = ("random_state", "estimator")
"""Parameters that are not written: seeds, and what follows from the fitted estimator inside."""


@dataclass(frozen=True)
class Kept:
    """How one class of estimators is taken apart and put together again.

    Parameters
    ----------
    kind
        The class itself, never a subclass of it.
    arrays
        What a fitted estimator needs for its answers.
    forms
        ``forms(estimator, inputs, classes)`` says which arrays an estimator with these parameters has.
    restore
        ``restore(estimator, arrays)`` makes an unfitted estimator the fitted one.
    outputs
        Number of columns that a restored transformer gives; None for a classifier.
    parameters_as_arrays
        Parameters that are large, and stand among the arrays.
    """

    kind: type
    arrays: Callable[[Any], Arrays]
    forms: Callable[[Any, int, int], Mapping[str, Form]]
    restore: Callable[[Any, Arrays], None]
    outputs: Callable[[Any], int] | None = None
    parameters_as_arrays: tuple[str, ...] = ()


def check_forms(arrays: Mapping[str, NDArray[Any]], forms: Mapping[str, Form], where: str) -> None:
    """Raise unless exactly these arrays are there, each in its form and finite.

    Raises
    ------
    ArtefactError
        Naming the first array at fault.
    """
    if set(arrays) != set(forms):
        odd = sorted(set(arrays) ^ set(forms))
        raise ArtefactError(f"{where}: {len(odd)} arrays too many or too few (first: {odd[0]!r}).")
    for name, (shape, dtype) in forms.items():
        found = arrays[name]
        fits = found.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
        if not fits or found.dtype.name != dtype:
            raise ArtefactError(
                f"{where}: array {name!r} has shape {found.shape} of {found.dtype.name}; its recipe has "
                f"{tuple(shape)} of {dtype}."
            )
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            wrong = int((~np.isfinite(found)).sum())
            raise ArtefactError(f"{where}: array {name!r} has {wrong} values that are not finite.")


def plain(value: Any, where: str) -> Any:
    """Return a parameter as JSON values.

    Raises
    ------
    ArtefactError
        If it is none that JSON can hold.

    Examples
    --------
    >>> plain((64, np.float32(0.5), math.inf), "hidden")
    [64, 0.5, {'float': 'inf'}]
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if isinstance(value, Mapping):
        return {"mapping": [[plain(key, where), plain(item, where)] for key, item in value.items()]}
    if isinstance(value, DPSGD):
        return {"dpsgd": {name: plain(item, where) for name, item in dataclasses.asdict(value).items()}}
    raise ArtefactError(f"{where} is a {type(value).__name__}, which no safe file can hold. Use a number or a text.")


def parameter(written: Any) -> Any:
    """Return a parameter from JSON values, the inverse of `plain`; a tuple comes back as a list.

    Examples
    --------
    >>> parameter([64, {"float": "inf"}])
    [64, inf]
    """
    if isinstance(written, list):
        return [parameter(item) for item in written]
    if isinstance(written, dict):
        ((kind, content),) = written.items()
        if kind == "float":
            return float(content)
        if kind == "mapping":
            return {parameter(key): parameter(item) for key, item in content}
        if kind == "dpsgd":
            return DPSGD(**{name: _tupled(parameter(item)) for name, item in content.items()})
        raise ArtefactError(f"a parameter of unknown kind {kind!r}.")
    return written


def parameters_of(estimator: Any, *, beside: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the parameters of an estimator as JSON values, without seeds and without those kept elsewhere."""
    found = estimator.get_params(deep=False)
    name = type(estimator).__name__
    return {
        key: plain(value, f"{name}.{key}") for key, value in sorted(found.items()) if key not in (*LEFT_OUT, *beside)
    }


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
