"""A given model, known by what it said: one row per sample with its membership and the probability of every class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.data.membership import torn_patients, yes_or_no
from genoaudit.data.table import as_text, count, nearest
from genoaudit.errors import DataError

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_READERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


@dataclass(frozen=True, eq=False)
class Target:
    """A model that is to be released.

    Parameters
    ----------
    members
        Which patients it was trained on; [patients].
    proba
        Its probabilities on every sample, in the order of the cohort's classes; float64 [samples, classes].
    source
        Where they come from.
    """

    members: BoolArray
    proba: FloatArray
    source: str


def read_target(path: str | Path, cohort: Cohort, *, sample: str | None = None, member: str = "member") -> Target:
    """Read what a model said from a table, or say everything that is wrong with it.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.txt`` (each also ``.gz``), or ``.parquet``: one row per sample, in any order; rows of
        samples that the cohort does not have are left out.
    cohort
        The samples that must be there.
    sample
        Column with the sample ids; the first one if None.
    member
        Column that says whether the model was trained on the sample: true or false, 1 or 0, yes or no.

    Raises
    ------
    DataError
        With every problem found; samples are named by their row, never by their id.
    """
    file = Path(path)
    frame = _frame(file)
    columns = [str(name) for name in frame.columns]
    sample = sample if sample is not None else columns[0]
    if sample == member:
        problem = f"column {sample!r} is named for both the sample ids and the membership. Name two columns."
        raise DataError(file.name, [problem])
    problems = [
        f"No column {name!r}. {nearest(name, columns)}"
        for name in (sample, member, *cohort.classes)
        if columns.count(name) != 1
    ]
    if problems:
        raise DataError(file.name, problems)
    rows, found = _rows(as_text(frame[sample]), cohort.sample_ids)
    problems += found
    kept = frame.iloc[[row for row in rows if row >= 0]]
    places = [row + 1 for row in rows if row >= 0]
    held, found = yes_or_no(as_text(kept[member]), places, member)
    problems += found
    proba, found = _probabilities(kept, places, cohort.classes)
    problems += found
    if not problems:
        problems += torn_patients(held, cohort)
    if problems:
        raise DataError(file.name, problems)
    members = np.zeros(cohort.n_patients, dtype=np.bool_)
    members[cohort.patients[held]] = True
    return _checked(Target(members, proba, file.name), cohort)


def _checked(target: Target, cohort: Cohort) -> Target:
    inside = int(target.members.sum())
    if min(inside, cohort.n_patients - inside) < 1:
        missing = "non-members to compare with" if inside else "members"
        problem = (
            f"{inside} of {cohort.n_patients} patients were members: {missing} are missing. Audit the recipe alone."
        )
        raise DataError(target.source, [problem])
    return target


def _frame(file: Path) -> pd.DataFrame:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    if kind != ".parquet" and kind not in _READERS:
        raise DataError(file.name, ["has an unknown suffix; expected .parquet, .csv, .tsv or .txt (also with .gz)."])
    if not file.is_file():
        raise DataError(file.name, ["does not exist."])
    try:
        if kind == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, sep=_READERS[kind], dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise DataError(file.name, ["cannot be read as a table; is it damaged?"]) from error


def _rows(ids: NDArray[np.object_], wanted: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the row of every sample that the cohort has, -1 where there is none."""
    place: Mapping[Any, int] = {name: row for row, name in reversed(list(enumerate(ids)))}
    rows = [place.get(name, -1) for name in wanted]
    known = set(wanted)
    repeated = [row for row, name in enumerate(ids) if name in known and place[name] != row]
    problems = []
    if repeated:
        problems.append(f"{count(len(repeated), 'sample')} given twice (first: row {repeated[0] + 1}). Keep one each.")
    missing = [number for number, row in enumerate(rows) if row < 0]
    if missing:
        problems.append(
            f"no row for {count(len(missing), 'sample')} of the cohort's {len(wanted)} (first: number {missing[0] + 1} "
            "of the cohort in order of sample ids). Score every sample with the model."
        )
    return rows, problems


def _probabilities(frame: pd.DataFrame, places: Sequence[int], classes: Sequence[str]) -> tuple[FloatArray, list[str]]:
    values = frame[list(classes)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(values) & (values >= 0) & (values <= 1))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        problem = (
            f"no probability: {count(int(bad.sum()), 'value')} (first: row {places[row]}, column {classes[column]!r}). "
            "Give numbers from 0 to 1."
        )
        return values, [problem]
    off = np.abs(values.sum(axis=1) - 1) > 0.02
    if off.any():
        problem = (
            f"{count(int(off.sum()), 'sample')} whose probabilities do not add up to 1 (first: row "
            f"{places[int(off.argmax())]}, {values[off][0].sum():.3g}). Is a class missing, or are these scores of "
            "another kind?"
        )
        return values, [problem]
    return values, []
