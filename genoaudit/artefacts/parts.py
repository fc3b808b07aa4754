"""Parts of a recipe that other libraries made, as files: skops, which names every type before it makes one."""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.artefacts import skops_file
from genoaudit.artefacts.facts import unused
from genoaudit.errors import ArtefactError, DataError

log = logging.getLogger(__name__)

_SEEDS = ("random_state", "random_seed", "seed", "rng")
"""How the attributes end in which libraries keep what random numbers were drawn from."""

_NAME = "model.skops"


@dataclass(frozen=True)
class Told:
    """What a file of parts would tell of the members besides its answers, by class and attribute.

    Parameters
    ----------
    profiles
        Arrays that hold the profile of a member as it is.
    sized
        Arrays with a place for every member sample.
    counts
        Numbers, or arrays that add up to them, that say how many member samples there were.
    names
        All that the file holds.
    """

    profiles: frozenset[str]
    sized: frozenset[str]
    counts: frozenset[str]
    names: frozenset[str] = frozenset()


def write_parts(parts: Sequence[Any]) -> bytes:
    """Return fitted estimators of other libraries as one skops file, without seeds and what no answer needs.

    Raises
    ------
    ArtefactError
        If skops cannot hold one of them.
    """
    import skops.io

    try:
        return bytes(skops.io.dumps([_bare(copy.deepcopy(part), set()) for part in parts]))
    except Exception as error:
        names = ", ".join(dict.fromkeys(type(part).__name__ for part in parts))
        raise ArtefactError(
            f"skops cannot hold {names} ({type(error).__name__}: {error}), and nothing else is safe to read. Use "
            "estimators whose attributes are numbers, texts, arrays and estimators."
        ) from error


def untrusted_types(data: bytes) -> tuple[str, ...]:
    """Name the types in a skops file that neither skops nor this package vouches for.

    Raises
    ------
    ArtefactError
        If it is no skops file.
    """
    with _told_of_the_parts():
        found = skops_file.untrusted_types(data, _NAME)
    return tuple(name for name in found if name not in our_types())


def read_parts(data: bytes, *, trusted: Collection[str] = ()) -> list[Any]:
    """Return the estimators of `write_parts`; weights that are not finite are refused, as NaN elsewhere may be meant.

    Parameters
    ----------
    data
        The file.
    trusted
        Full names of types that may be made besides those that skops and this package vouch for.

    Raises
    ------
    ArtefactError
        If it is no such file, or holds types that nobody vouched for: all of them are named.
    """
    strange = [name for name in untrusted_types(data) if name not in trusted]
    if strange:
        listed = ", ".join(f'"{name}"' for name in strange)
        raise ArtefactError(
            f"it holds {len(strange)} types that are not trusted. If you know where they come from, name them: "
            f"trusted = [{listed}]."
        )
    if wrong := skops_file.not_finite(data):
        raise ArtefactError(f"{wrong} has values that are not finite.")
    with _told_of_the_parts():
        found, told = skops_file.load(data, _NAME, trusted=[*trusted, *our_types()])
    for warning in told:
        log.warning("%s", warning)
    if not isinstance(found, list):
        raise ArtefactError("it does not hold a list of estimators.")
    estimators: list[Any] = found
    return estimators


def our_types() -> tuple[str, ...]:
    """Name the estimators and records of this package that may stand inside another library's estimator."""
    from genoaudit.artefacts.networks import NETWORKS
    from genoaudit.artefacts.steps import STEPS
    from genoaudit.models.distillation import DistilledClassifier
    from genoaudit.models.outputs import DefendedOutputs
    from genoaudit.privacy.dpsgd import DPSGD
    from genoaudit.privacy.mechanism import Mechanism

    kinds = (*(kept.kind for kept in (*STEPS, *NETWORKS)), DefendedOutputs, DistilledClassifier, DPSGD, Mechanism)
    return tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)


def told_by(data: bytes, inputs: Sequence[NDArray[Any]]) -> Told:
    """Look through a skops file for what it tells of the members, as far as that can be seen from outside.

    Parameters
    ----------
    data
        The file.
    inputs
        What each part was fitted on, [member samples, columns].
    """
    samples = len(inputs[0])
    rows = {row for X in inputs for row in _rows(np.asarray(X))}
    profiles, sized, counts, names = set[str](), set[str](), set[str](), set[str]()
    for where, value in skops_file.contents(data):
        names |= set() if value is None else {where}
        if isinstance(value, np.ndarray) and value.ndim:
            if value.ndim == 2 and value.dtype.kind == "f" and not rows.isdisjoint(_rows(value)):
                profiles.add(where)
            if samples in value.shape:
                sized.add(where)
        if any(_adds_up(numbers, samples) for numbers in _numbers(value)):
            counts.add(where)
    return Told(frozenset(profiles), frozenset(sized), frozenset(counts), frozenset(names))


@contextmanager
def _told_of_the_parts() -> Iterator[None]:
    """Tell what is wrong with the file as with any other of a model's folder."""
    try:
        yield
    except DataError as error:
        raise ArtefactError(f"it {error.problems[0]}") from error


def _bare(value: Any, seen: set[int]) -> Any:
    """Take from estimators, however deep, what no answer needs: random numbers tell whom a tree never saw."""
    if id(value) in seen or isinstance(value, type):
        return value
    seen.add(id(value))
    if isinstance(value, dict):
        items: Iterator[Any] = iter(value.values())
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        items = iter(np.asarray(value, dtype=object).ravel() if isinstance(value, np.ndarray) else value)
    elif hasattr(value, "__dict__"):
        attributes = vars(value)
        for name in unused(value):
            attributes.pop(name, None)
        for name, held in attributes.items():
            if name.rstrip("_").endswith(_SEEDS) or isinstance(held, np.random.RandomState | np.random.Generator):
                attributes[name] = None
        items = iter(list(attributes.values()))
    else:
        return value
    for item in items:
        _bare(item, seen)
    return value


def _numbers(value: Any) -> Iterator[NDArray[Any]]:
    """Yield what may count members: a number, an array of them, or a column of a table of nodes."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    array = np.asarray(value)
    if array.dtype.names:
        yield from (array[name].ravel()[:1] for name in array.dtype.names if array[name].dtype.kind in "iuf")
    elif array.dtype.kind in "iuf" and array.ndim < 2:
        yield array


def _adds_up(numbers: NDArray[Any], samples: int) -> bool:
    return bool(numbers.size and numbers.ravel().astype(np.float64).sum() == samples)


def _rows(X: NDArray[Any]) -> set[int]:
    """Return hashes of a matrix's rows in float32, but for rows of a single value: those are nobody's profile."""
    if X.ndim != 2 or X.dtype.kind != "f" or X.shape[1] < 2:
        return set()
    values = np.ascontiguousarray(X, dtype=np.float32) + np.float32(0)  # one zero, not two
    return {hash(row.tobytes()) for row in values[(values != values[:, :1]).any(axis=1)]}
