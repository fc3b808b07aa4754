"""Classes with too few patients to be split between members and non-members: a declared policy, never a silent one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.data.table import few_patients
from genoaudit.errors import ConfigError, DataError
from genoaudit.phrases import count

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

SmallClasses: TypeAlias = Literal["error", "drop", "merge"]
"""What to do with small classes: refuse the cohort, drop their samples, or merge them into one class."""

MERGED = "other"
"""Name of the class that small classes are merged into."""


_LISTED = 40


def check_policy(policy: str, min_class: int) -> None:
    """Raise a `ConfigError` unless the policy is known and classes it lets through can be split."""
    if policy not in get_args(SmallClasses):
        msg = f"small_classes = {policy!r} is not known. Declare one of {', '.join(get_args(SmallClasses))}."
        raise ConfigError(msg)
    if min_class < 4:
        msg = f"min_class = {min_class}: at least 4, two members and two non-members per class for every model."
        raise ConfigError(msg)


def patients_per_class(y: IntArray, patients: IntArray, classes: int) -> IntArray:
    """Return the number of distinct patients with a sample of each class [classes].

    Examples
    --------
    >>> patients_per_class(np.array([0, 0, 1]), np.array([5, 5, 5]), 2).tolist()
    [1, 1]
    """
    pairs = np.unique(np.stack([y, patients]), axis=1)
    return np.bincount(pairs[0], minlength=classes).astype(np.intp)


def small_class_problems(y: IntArray, patients: IntArray, classes: Sequence[str], min_class: int) -> list[str]:
    """Check that every class has at least `min_class` patients; one sentence lists all that have fewer."""
    sizes = patients_per_class(y, patients, len(classes))
    small = np.flatnonzero(sizes < min_class)
    if not small.size:
        return []
    if small.size == len(classes) and sizes.max() == 1:
        return [f"every one of {len(classes)} patients has a class of their own. Is that column an identifier?"]
    listed = ", ".join(f"{classes[int(code)]!r} ({sizes[code]})" for code in small[:_LISTED])
    listed += f" and {small.size - _LISTED} more" if small.size > _LISTED else ""
    problem = (
        f"{count(small.size, 'class', 'classes')} with fewer than {min_class} patients: {listed}. Declare "
        'small_classes = "drop" to leave their samples out or "merge" to make one class of them, or keep "error" '
        "and lower min_class (at least 4)."
    )
    return [problem]


def apply_small_classes(cohort: Cohort, policy: SmallClasses, min_class: int) -> Cohort:
    """Return a cohort whose every class has at least `min_class` patients.

    Parameters
    ----------
    cohort
        The cohort as read.
    policy
        ``"error"`` refuses small classes, ``"drop"`` leaves their samples out, ``"merge"`` makes one class named
        ``"other"`` of them. What was done is added to the cohort's notes, with counts.
    min_class
        Fewest patients per class, at least 4: two on each side of every model.

    Raises
    ------
    DataError
        If small classes are not allowed, stay too small when merged, or leave too little behind.
    ConfigError
        If the policy is unknown or `min_class` below 4.

    Examples
    --------
    >>> from genoaudit.data.cohort import make_cohort
    >>> from genoaudit.data.table import Table
    >>> import pandas as pd
    >>> ids = tuple(f"s{i:02}" for i in range(30))
    >>> obs = pd.DataFrame({"type": ["A"] * 14 + ["B"] * 13 + ["C"] * 3})
    >>> table = Table(np.arange(60, dtype=np.float32).reshape(30, 2), ids, ("g1", "g2"), obs, source="example")
    >>> apply_small_classes(make_cohort(table, label="type", scale="counts"), "drop", 8).notes[-1]
    "small_classes = drop: 3 samples of 1 class left out, 'C' (3 patients)."
    """
    check_policy(policy, min_class)
    sizes = patients_per_class(cohort.y, cohort.patients, len(cohort.classes))
    small = sizes < min_class
    if not small.any():
        return cohort
    if policy == "error":
        raise DataError(cohort.source, small_class_problems(cohort.y, cohort.patients, cohort.classes, min_class))
    listed = ", ".join(
        f"{cohort.classes[code]!r} ({count(int(sizes[code]), 'patient')})" for code in np.flatnonzero(small)
    )
    affected = small[cohort.y]
    done = f"{count(int(affected.sum()), 'sample')} of {count(int(small.sum()), 'class', 'classes')}"
    if policy == "drop":
        _refuse(cohort.source, int((~small).sum()), few_patients(len(np.unique(cohort.patients[~affected]))))
        rest, note = cohort.subset(~affected), f"small_classes = drop: {done} left out, {listed}."
    else:
        rest, note = _merged(cohort, small, min_class), f"small_classes = merge: {done} now {MERGED!r}, {listed}."
    return replace(rest, notes=(*rest.notes, note))


def _refuse(source: str, classes: int, problems: list[str]) -> None:
    if classes < 2:
        left = count(classes, "class", "classes")
        problems = [*problems, f"{left} left after the small ones are dealt with; a classifier needs at least 2."]
    if problems:
        raise DataError(source, problems)


def _merged(cohort: Cohort, small: BoolArray, min_class: int) -> Cohort:
    kept = [name for name, is_small in zip(cohort.classes, small, strict=True) if not is_small]
    together = len(np.unique(cohort.patients[small[cohort.y]]))
    problems = []
    if MERGED in kept:
        problems.append(f"There is a class {MERGED!r} already; rename it before small classes are merged into one.")
    if together < min_class:
        problems.append(
            f"The small classes have {count(together, 'patient')} together, fewer than {min_class}: merging does not "
            'help. Declare small_classes = "drop".'
        )
    _refuse(cohort.source, len(kept) + 1, problems)
    classes = tuple(sorted([*kept, MERGED]))
    renamed = [MERGED if is_small else name for name, is_small in zip(cohort.classes, small, strict=True)]
    code = np.array([classes.index(name) for name in renamed], dtype=np.intp)
    return replace(cohort, y=code[cohort.y], classes=classes)
