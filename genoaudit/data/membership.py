"""Who a model was trained on: a column of the cohort, a file of identifiers, a drawn share, or everybody."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray
from genoaudit.data.design import make_random_splits
from genoaudit.data.table import as_text, nearest
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_lines
from genoaudit.phrases import count

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_YES = frozenset({"1", "true", "yes", "member", "in", "train"})
_NO = frozenset({"0", "false", "no", "non_member", "non-member", "out", "test"})
_HEADERS = frozenset({"patient_id", "sample_id", "patient", "sample", "id"})


@dataclass(frozen=True, eq=False)
class Membership:
    """Who a model was trained on.

    Parameters
    ----------
    members
        Which patients; [patients].
    given_by
        How it is known, in words without identifiers: ``"column 'split' of the cohort"``.
    """

    members: BoolArray
    given_by: str

    @property
    def everybody(self) -> bool:
        """Whether nobody was left out."""
        return bool(self.members.all())


def members_by_column(cohort: Cohort, column: str) -> Membership:
    """Read membership from a covariate that says yes or no (true, 1, member, train, ...) of every sample.

    Raises
    ------
    DataError
        If the column is missing, says anything else, or a patient has samples on both sides.
    """
    if column not in cohort.obs.columns:
        problem = f"No column {column!r} for the members. {nearest(column, [str(name) for name in cohort.obs.columns])}"
        raise DataError(cohort.source, [problem])
    rows = range(1, cohort.n_samples + 1)
    held, problems = yes_or_no(as_text(cohort.obs[column]), rows, column)
    problems = problems or torn_patients(held, cohort)
    if problems:
        raise DataError(cohort.source, problems)
    return Membership(_patients_of(held, cohort), f"column {column!r} of the cohort")


def members_by_file(cohort: Cohort, path: Path) -> Membership:
    """Read membership from a text file with a patient or sample id in a line, or first in a line of CSV.

    A header of one word is skipped.

    Raises
    ------
    DataError
        If the file cannot be read, names nobody, or names anybody who is not of this cohort (by line, never by id), or
        if a patient has samples on both sides.
    """
    lines = read_lines(path)
    try:
        first = [(next(csv.reader([line]), None) or [""])[0] for line in lines]
    except csv.Error as error:
        raise DataError(path.name, ["cannot be read as text with one id in a line."]) from error
    named = [(number, name.strip()) for number, name in enumerate(first, start=1)]
    if named and named[0][1].casefold() in _HEADERS:
        named = named[1:]
    named = [(number, name) for number, name in named if name]
    if not named:
        raise DataError(path.name, ["names nobody; write one patient or sample id in a line."])
    by_patient: Mapping[str, Sequence[int]] = _rows_of(cohort.patient_ids, cohort.patients)
    by_sample = {name: (row,) for row, name in enumerate(cohort.sample_ids)}
    known = by_patient if any(name in by_patient for _, name in named) else by_sample
    unknown = [number for number, name in named if name not in known]
    if unknown:
        what = "patient" if known is by_patient else "sample"
        problem = (
            f"{count(len(unknown), 'line')} of {len(named)} with no {what} of this cohort (first: line {unknown[0]}). "
            "Use the cohort's own ids, all of patients or all of samples."
        )
        raise DataError(path.name, [problem])
    held = np.zeros(cohort.n_samples, dtype=np.bool_)
    for _, name in named:
        held[list(known[name])] = True
    if problems := torn_patients(held, cohort):
        raise DataError(path.name, problems)
    return Membership(_patients_of(held, cohort), f"file {path.name}")


def draw_members(cohort: Cohort, *, share: float, seed: int) -> Membership:
    """Draw a share of the patients, stratified by class; the same seed, share and cohort give the same patients.

    Parameters
    ----------
    cohort
        The patients; their order is that of their ids, so that the order of a file does not matter.
    share
        Share of the patients, in (0, 1).
    seed
        Root of the seed tree.

    Raises
    ------
    ConfigError
        If the share leaves nobody on a side.
    DataError
        If some class cannot have two patients on each side.
    """
    members = round(share * cohort.n_patients)
    if not 0 < members < cohort.n_patients:
        msg = f"a share of {share:g} of {cohort.n_patients} patients leaves nobody on one side; name another share."
        raise ConfigError(msg)
    design = make_random_splits(cohort.y, cohort.patients, members=members, models=1, seed=seed)
    return Membership(design.members[0], f"a share of {share:g} drawn by seed")


def everybody(cohort: Cohort) -> Membership:
    """Say that all patients of the cohort were trained on."""
    return Membership(np.ones(cohort.n_patients, dtype=np.bool_), "all patients of the cohort")


def yes_or_no(text: NDArray[np.object_], places: Sequence[int], column: str) -> tuple[BoolArray, list[str]]:
    """Read a column of yes and no; `places` are the rows' numbers for messages. Returns values and problems."""
    words = [str(word).strip().casefold() for word in text]
    odd = [row for row, word in enumerate(words) if word not in _YES | _NO]
    problems = []
    if odd:
        blank = sum(not words[row] for row in odd)
        problems.append(
            f"{count(len(odd), 'value')} in column {column!r} neither yes nor no, {blank} of them blank (first: row "
            f"{places[odd[0]]}). Write true or false."
        )
    return np.array([word in _YES for word in words], dtype=np.bool_), problems


def torn_patients(held: BoolArray, cohort: Cohort) -> list[str]:
    """Return a problem if a patient has samples on both sides."""
    inside = np.bincount(cohort.patients, weights=held)
    torn = (inside > 0) & (inside < np.bincount(cohort.patients))
    if not torn.any():
        return []
    problem = (
        f"{count(int(torn.sum()), 'patient')} with samples on both sides. A patient is a member if any of his samples "
        "is: mark all of them, or leave the others out of the cohort."
    )
    return [problem]


def _patients_of(held: BoolArray, cohort: Cohort) -> BoolArray:
    members = np.zeros(cohort.n_patients, dtype=np.bool_)
    members[cohort.patients[held]] = True
    return members


def _rows_of(names: Sequence[str], codes: NDArray[np.intp]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {name: [] for name in names}
    for row, code in enumerate(codes):
        rows[names[code]].append(row)
    return rows
