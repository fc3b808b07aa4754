"""An expression table as its source gives it, and everything that can be wrong with one.

Every check returns the sentences it has to say and raises nothing, so that `make_cohort` can say them all at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, Scale
from genoaudit.data.backed import Expression, row_blocks
from genoaudit.data.logs import AMOUNTS
from genoaudit.data.scales import contradiction
from genoaudit.phrases import count

MIN_PATIENTS = 20
"""Below this, no rate has an interval worth printing and no class can be split."""

MISSING = ("", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
"""What text files write where there is no value."""

_NOBODY = frozenset(
    {
        "na",
        "n/a",
        "#n/a",
        "<na>",
        "nan",
        "null",
        "none",
        "unknown",
        "unassigned",
        "undefined",
        "pool",
        "pooled",
        "mixed",
    }
    | {"missing", "anonymous", "?", "-", "."}
)


@dataclass(frozen=True, eq=False)
class Table:
    """What a reader hands over: nothing checked, nothing sorted, nothing dropped.

    Parameters
    ----------
    values
        Expression, float32 [samples, genes]; NaN where missing.
    sample_ids, genes
        Names of rows and columns as given, possibly repeated.
    obs
        What is known of each sample, one row per sample in the same order: label, patient and covariates. None where it
        could not be put together; `problems` then says why.
    source
        File name without directories, or what else was read.
    sha256
        Digest of the bytes that were read; None for objects in memory.
    samples_in
        Whether a sample is a row or a column of the source, for messages that people can follow.
    problems, notes
        What the reader itself has to say.
    """

    values: Expression
    sample_ids: tuple[str, ...]
    genes: tuple[str, ...]
    obs: pd.DataFrame | None
    source: str
    sha256: str | None = None
    samples_in: Literal["row", "sample column"] = "row"
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def looks_like_id(name: str) -> bool:
    """Return whether a name could be a sample's: names with three digits or more are not repeated.

    Examples
    --------
    >>> [name for name in ("cancer_type", "TCGA-AB-2803", "TP53", "sex") if looks_like_id(name)]
    ['TCGA-AB-2803']
    """
    return sum(letter.isdigit() for letter in name) >= 3


def nearest(name: str, known: Sequence[str], *, hidden: Sequence[str] = ()) -> str:
    """Return a sentence that names what is most like `name`, and lists a few of the known names.

    The `hidden` names may be the nearest but are not listed: they may be thousands of genes. Names that could be ids of
    samples are never repeated.

    Examples
    --------
    >>> nearest("canser_type", ["age", "sex"], hidden=["TP53", "cancer_type"])
    "The nearest is 'cancer_type'. There are: 'age', 'sex'."
    """
    known = [candidate for candidate in known if candidate and not looks_like_id(candidate)]
    folded = {candidate.casefold(): candidate for candidate in (*known, *hidden) if not looks_like_id(candidate)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    sentences = [f"The nearest is {folded[close[0]]!r}."] if close else []
    if known:
        sentences.append(f"There are: {', '.join(map(repr, known[:6]))}{', ...' if len(known) > 6 else '.'}")
    return " ".join(sentences) or "There is none like it."


def as_text(column: pd.Series[Any] | pd.Index[Any]) -> NDArray[np.object_]:
    """Return a column of labels or ids as text, the empty string where missing.

    Whole numbers lose the decimal point that a missing neighbour gave them, so that patient 7 is ``"7"`` in every file.
    """
    values = pd.Series(column).astype(object)
    missing = values.isna().to_numpy()
    text = [
        "" if gap else str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        for value, gap in zip(values, missing, strict=True)
    ]
    return np.array(text, dtype=object)


def numbers_of(samples: BoolArray, table: Table) -> str:
    """Name the marked samples by their numbers in the source, at most five."""
    places = np.flatnonzero(samples) + 1
    listed = ", ".join(str(place) for place in places[:5])
    return f"{table.samples_in}{'s' * (len(places) > 1)} {listed}{', ...' * (len(places) > 5)}"


def id_problems(table: Table) -> list[str]:
    """Check that every sample and every gene has a name of its own."""
    problems = []
    for noun, ids in (("sample id", table.sample_ids), ("gene name", table.genes)):
        # An id in a message would be a patient's; a gene is public.
        where = table.samples_in if noun == "sample id" else "gene number"
        empty = [place for place, name in enumerate(ids, start=1) if not name.strip()]
        if empty:
            problems.append(f"{count(len(empty), 'empty ' + noun)} (first: {where} {empty[0]}). Give each a name.")
        repeated = np.flatnonzero(pd.Index(ids, dtype=object).duplicated())
        repeated = repeated[[bool(ids[place].strip()) for place in repeated]]
        if repeated.size:
            again = int(repeated[0])
            name = "" if noun == "sample id" else f", {ids[again]!r}"
            problems.append(
                f"{count(int(repeated.size), 'duplicate ' + noun)} (first: {where} {again + 1} repeats "
                f"{ids.index(ids[again]) + 1}{name}). Combine or remove them; nothing is renamed or dropped here."
            )
    return problems


def value_problems(table: Table, scale: Scale) -> list[str]:
    """Check that every value is a finite number, and that the declared scale is possible."""
    values = table.values
    if values.size == 0:
        return [f"No values: {count(values.shape[0], 'sample')}, {count(values.shape[1], 'gene')}."]
    problems = []
    numbers, first = {"missing value": 0, "infinite value": 0}, dict[str, str]()
    empty = np.zeros(values.shape[0], dtype=np.bool_)
    for rows, block in row_blocks(values):
        finite, missing = np.isfinite(block), np.isnan(block)
        for noun, cells in (("missing value", missing), ("infinite value", ~finite & ~missing)):
            if cells.any():
                sample, gene = np.unravel_index(int(cells.argmax()), cells.shape)
                place = f"{table.samples_in} {rows.start + int(sample) + 1}, gene {table.genes[gene]!r}"
                first.setdefault(noun, place)
                numbers[noun] += int(cells.sum())
        empty[rows] = ~(block.astype(bool) & finite).any(axis=1)
    for noun, place in first.items():
        problems.append(
            f"{count(numbers[noun], noun)} (first: {place}). Fill them in, or leave those samples or genes out."
        )
    if empty.any() and scale in AMOUNTS:
        problems.append(
            f"{count(int(empty.sum()), 'sample')} with nothing but zeros (first: {table.samples_in} "
            f"{int(empty.argmax()) + 1}). Leave those samples out."
        )
    wrong_scale = contradiction(values, scale)
    return [*problems, wrong_scale] if wrong_scale else problems


def column_problems(table: Table, *, label: str, patient: str | None, groups: Sequence[str]) -> list[str]:
    """Check that every declared column exists once."""
    if table.obs is None:
        return []
    columns = [str(name) for name in table.obs.columns]
    problems = []
    declared = [("label", label), *([("patient", patient)] if patient is not None else [])]
    for role, name in [*declared, *(("group", group) for group in groups)]:
        found = columns.count(name)
        if found == 0:
            # A misspelt column of a text file was taken for a gene.
            problems.append(f"No column {name!r} for the {role}. {nearest(name, columns, hidden=table.genes)}")
        elif found > 1:
            problems.append(f"{found} columns named {name!r} for the {role}. Remove all but one.")
    return problems


def unlabelled(labels: NDArray[np.object_]) -> BoolArray:
    """Return where a label says that there is none."""
    return np.array([not name.strip() or name in MISSING for name in labels], dtype=np.bool_)


def label_problems(labels: NDArray[np.object_], table: Table, *, label: str) -> list[str]:
    """Check that every sample has a class, and that there are two classes to tell apart."""
    problems = []
    missing = unlabelled(labels)
    if missing.any():
        problems.append(
            f"{count(int(missing.sum()), 'sample')} without a class in column {label!r} "
            f"({numbers_of(missing, table)}). Label them, or leave them out."
        )
    odd = np.array([not name.isprintable() for name in labels], dtype=np.bool_)
    if odd.any():
        problems.append(
            f"{count(int(odd.sum()), 'sample')} whose class holds control characters ({numbers_of(odd, table)}). "
            "Rename those classes."
        )
    found = len(set(labels[~missing]))
    if found < 2:
        problems.append(f"{count(found, 'class', 'classes')} in column {label!r}; a classifier needs at least 2.")
    return problems


def patient_problems(patients: NDArray[np.object_], table: Table, *, patient: str) -> list[str]:
    """Check that every sample belongs to somebody: a placeholder would make one patient of many."""
    nobody = np.array([not name.strip() or name.strip().casefold() in _NOBODY for name in patients], dtype=np.bool_)
    if not nobody.any():
        return []
    problem = (
        f"{count(int(nobody.sum()), 'sample')} whose patient in column {patient!r} is empty or a placeholder such as "
        f"'unknown' or 'pooled' ({numbers_of(nobody, table)}). The patient is what is protected: name each, or leave "
        "these samples out."
    )
    return [problem]


def few_patients(patients: int) -> list[str]:
    """Check that there are enough patients for an audit to say anything."""
    if patients >= MIN_PATIENTS:
        return []
    return [f"{count(patients, 'patient')}; an audit needs at least {MIN_PATIENTS}."]


def lookalikes(names: Iterable[str]) -> int:
    """Count the names that differ from another one in nothing but case and surrounding spaces.

    Examples
    --------
    >>> lookalikes(["Neural", "neural", "Classical"])
    2
    """
    folded = pd.Series([name.strip().casefold() for name in names], dtype=object)
    return int(folded.duplicated(keep=False).sum())
