"""A given model, and what a table says that it said: one row per sample with the probability of every class."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, Recipe, log_of
from genoaudit.data.membership import Membership, torn_patients, yes_or_no
from genoaudit.data.table import as_text, nearest
from genoaudit.errors import DataError
from genoaudit.files import expect_file, file_digest, read_whole
from genoaudit.phrases import count
from genoaudit.privacy.mechanism import Mechanism

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

TargetKind = Literal["scores", "genoaudit", "sklearn", "xgboost", "torch"]

TABLES = (".csv", ".tsv", ".txt", ".parquet")
"""Endings of tables of scores; text also with ``.gz``."""

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
_MOST_BYTES = 1 << 31
_MOST_VALUES = 500_000_000
_MOST_COLUMNS = 10_000
_SUM_ERROR = 0.02
_MOST_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Target:
    """A model that is to be released.

    Parameters
    ----------
    members
        Which patients it was trained on; [patients].
    log_proba
        Its log-probabilities on every sample, in the order of the cohort's classes; float64 [samples, classes], finite.
    source
        Name of the file or folder it comes from, without the folders above it.
    kind
        What it is: a model of this package, of a library, or known by its scores alone.
    sha256
        As `genoaudit.files.content_digest` has it; empty for a model in memory.
    members_by
        How the members are known, in words without identifiers.
    manifest
        Whether a manifest of the model confirms the members.
    model
        The fitted model itself: takes the cohort's samples [samples, genes] on the cohort's scale, and its ``classes_``
        are the cohort's class codes. None: known by its scores only.
    mechanisms, delta
        What its private training has done, for the accountant; empty and None where nothing is known.
    seeded
        Whether that was on random numbers that can be drawn again; None: not known.
    non_members_from
        Where the other patients came from, as declared.
    decimals
        To how many its probabilities were rounded; None: they were not.
    notes
        What a reader of the audit should know.
    """

    members: BoolArray
    log_proba: FloatArray
    source: str
    kind: TargetKind = "scores"
    sha256: str = ""
    members_by: str = ""
    manifest: Literal["agrees", "none"] = "none"
    model: Recipe | None = None
    mechanisms: tuple[Mechanism, ...] = ()
    delta: float | None = None
    seeded: bool | None = None
    non_members_from: str | None = None
    decimals: int | None = None
    notes: tuple[str, ...] = ()


def read_target(
    path: str | Path,
    cohort: Cohort,
    *,
    sample: str | None = None,
    member: str = "member",
    members: Membership | None = None,
) -> Target:
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
    members
        Who the members are, where the table does not say; if it does, the two must agree.

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
    told = members is None or member in columns
    wanted = (sample, *((member,) if told else ()), *cohort.classes)
    problems = [
        f"{'No column' if columns.count(name) == 0 else 'More than one column'} {name!r}. {nearest(name, columns)}"
        for name in wanted
        if columns.count(name) != 1
    ]
    if problems:
        raise DataError(file.name, problems)
    rows, found = _rows(as_text(frame[sample]), cohort.sample_ids)
    problems += found
    kept = frame.iloc[[row for row in rows if row >= 0]]
    places = [row + 1 for row in rows if row >= 0]
    proba, found = _probabilities(kept, places, cohort.classes)
    problems += found
    inside = members.members if members is not None else np.zeros(cohort.n_patients, dtype=np.bool_)
    if told:
        held, found = yes_or_no(as_text(kept[member]), places, member)
        problems += found
        problems += [] if problems else torn_patients(held, cohort)
        if not problems:
            inside = np.zeros(cohort.n_patients, dtype=np.bool_)
            inside[cohort.patients[held]] = True
    if problems:
        raise DataError(file.name, problems)
    own = f"column {member!r} of {file.name}"
    if told and members is not None:
        same_members(inside, members, file.name, own)
    known_by = members.given_by if members is not None else own
    decimals = _decimals(proba)
    proba, notes = _in_full(proba, decimals, file.name)
    digest = file_digest(file)
    return Target(inside, log_of(proba), file.name, sha256=digest, members_by=known_by, decimals=decimals, notes=notes)


def same_members(own: BoolArray, given: Membership, source: str, said_by: str) -> None:
    """Raise unless two accounts of who the members are agree.

    Parameters
    ----------
    own
        Members by the model's own account; [patients].
    given
        Members by another one.
    source
        What the model is called in messages.
    said_by
        What its own account is called.

    Raises
    ------
    DataError
        With the numbers of patients, never who they are.
    """
    here, there = int((own & ~given.members).sum()), int((given.members & ~own).sum())
    if here or there:
        problem = (
            f"two accounts of its members disagree: {int(own.sum()):,} by {said_by}, {int(given.members.sum()):,} by "
            f"{given.given_by}; {here:,} only by the first, {there:,} only by the second. Use the right one alone."
        )
        raise DataError(source, [problem])


def need_both_sides(target: Target, cohort: Cohort) -> None:
    """Raise unless there are members, and non-members to compare them with.

    Raises
    ------
    DataError
        Naming the side that is empty.
    """
    inside = int(target.members.sum())
    if min(inside, cohort.n_patients - inside) < 1:
        missing, instead = "members", "Audit the recipe alone."
        if inside:
            missing, instead = "non-members to compare with", "Audit its recipe in its place (audit_everybody)."
        problem = f"{inside} of {cohort.n_patients} patients were members: {missing} are missing. {instead}"
        raise DataError(target.source, [problem])


def _frame(file: Path) -> pd.DataFrame:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    packed = suffixes[-1:] == [".gz"]
    kind = suffixes[-2] if packed and len(suffixes) > 1 else (suffixes or [""])[-1]
    if kind not in TABLES:
        raise DataError(file.name, ["has an unknown suffix; expected .parquet, .csv, .tsv or .txt (also with .gz)."])
    expect_file(file)
    try:
        frame = _parquet(file) if kind == ".parquet" else _text(file, _SEPARATORS[kind], packed=packed)
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:  # pandas and pyarrow raise ValueErrors
        raise DataError(file.name, ["cannot be read as a table; is it damaged?"]) from error
    if not len(frame.columns):
        raise DataError(file.name, ["has no columns."])
    return frame


def _text(file: Path, separator: str, *, packed: bool) -> pd.DataFrame:
    content = read_whole(file, most=_MOST_BYTES)
    if packed:
        with gzip.open(io.BytesIO(content)) as opened:
            content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DataError(file.name, [f"has more than {_MOST_BYTES:,} bytes of text."])
    _check_columns(content, separator, file.name)
    return pd.read_csv(io.BytesIO(content), sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _check_columns(content: bytes, separator: str, name: str) -> None:
    """Count the fields of the first two rows: every column costs a parser as much as thousands of rows."""
    with io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=separator)
        header, first = (len(next(rows, ())) for _ in range(2))
    if max(header, first) > _MOST_COLUMNS:
        raise DataError(name, [f"has {max(header, first):,} columns, too many for scores."])
    if first not in {0, header}:
        raise DataError(name, [f"is not a table: {count(header, 'field')} in the header and {first} in the first row."])


def _parquet(file: Path) -> pd.DataFrame:
    from pyarrow.parquet import read_metadata

    size = read_metadata(file)  # a few bytes of it may stand for any number of rows
    if size.num_rows * size.num_columns > _MOST_VALUES or size.num_columns > _MOST_COLUMNS:
        raise DataError(
            file.name, [f"has {size.num_rows:,} rows of {size.num_columns:,} columns, too many for scores."]
        )
    return pd.read_parquet(file)


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
    sums = values.sum(axis=1)
    off = (np.abs(sums - 1) > max(_SUM_ERROR, _rounding(values)) + 1e-9) | (sums == 0)
    if off.any():
        problem = (
            f"{count(int(off.sum()), 'sample')} whose probabilities do not add up to 1 (first: row "
            f"{places[int(off.argmax())]}, {sums[off][0]:.3g}). Is a class missing, or are these scores of another "
            "kind?"
        )
        return values, [problem]
    return values, []


def _rounding(values: FloatArray) -> float:
    """Return by how much a row of rounded probabilities may miss a sum of 1: half a last decimal for every class."""
    decimals = _decimals(values)
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals * values.shape[1]


def _decimals(values: FloatArray) -> int | None:
    """Return to how many decimals values were rounded; None: they were not, or to so many that it does not matter."""
    found = (places for places in range(1, _MOST_DECIMALS + 1) if (np.abs(values - values.round(places)) < 1e-7).all())
    return next(found, None)


def _in_full(proba: FloatArray, decimals: int | None, source: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Divide rounded probabilities by what they add up to, and say so."""
    sums = proba.sum(axis=1)
    if decimals is None or (np.abs(sums - 1) < 1e-6).all():
        return proba, ()
    note = (
        f"{source} gives probabilities to {count(decimals, 'decimal')}, which add up to {sums.min():.3g} to "
        f"{sums.max():.3g} in a row; each was divided by the sum of its row."
    )
    return proba / sums[:, None], (note,)
