"""Samples in rows or genes in rows: how a rectangular file becomes a table of samples by genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from genoaudit.data.labels import Labels, join_labels
from genoaudit.data.sheet import Sheet, numbers, position
from genoaudit.data.table import Table, as_text, nearest
from genoaudit.errors import ConfigError, DataError
from genoaudit.phrases import count

Orientation: TypeAlias = Literal["auto", "samples", "genes"]
"""What the rows of a file are. ``"auto"`` follows the labels, and asks where these do not tell."""


@dataclass(frozen=True)
class Roles:
    """What the columns of a file are, as declared; what is not declared is expression.

    Parameters
    ----------
    label, patient, groups
        Columns that describe a sample.
    ids
        The column with the names of the rows; the first one if None.
    ignore
        Names of columns that are neither samples nor genes; every column of such a name.
    """

    label: str
    patient: str | None = None
    groups: tuple[str, ...] = ()
    ids: str | None = None
    ignore: tuple[str, ...] = ()

    @property
    def described(self) -> frozenset[str]:
        """Names of the columns that describe a sample."""
        return frozenset((self.label, *self.groups, *(() if self.patient is None else (self.patient,))))


def table_of_sheet(
    sheet: Sheet, roles: Roles, *, orientation: Orientation, labels: Labels | None, source: str
) -> Table:
    """Return a sheet as a table of samples by genes, with the labels of a second file if there is one.

    Raises
    ------
    DataError
        If a column that was named is missing, or the rows could be samples as well as genes.
    ConfigError
        If genes in rows come without a labels file.
    """
    key = position(sheet.names, roles.ids, role="the row names", source=source)
    for name in roles.ignore:
        if name not in sheet.names:
            raise DataError(source, [f"No column {name!r} to ignore. {nearest(name, (), hidden=sheet.names)}"])
    columns = [place for place, name in enumerate(sheet.names) if place != key and name not in roles.ignore]
    row_names = tuple(as_text(sheet.data[key]))
    if roles.ids is None and _are_values(row_names):
        problem = (
            "The first column holds numbers with fractions, not row names. Declare ids, the column with the names."
        )
        raise DataError(source, [problem])
    if orientation == "auto":
        orientation = _found(sheet, roles.label, row_names, columns, labels=labels, source=source)
    if orientation == "samples":
        table = _samples_in_rows(sheet, roles, row_names, columns, source=source)
    elif labels is None:
        msg = 'orientation = "genes" needs a labels file: a column of the matrix cannot hold the label of a sample.'
        raise ConfigError(msg)
    else:
        table = _genes_in_rows(sheet, row_names, columns, source=source)
    return table if labels is None else join_labels(table, labels, label=roles.label)


def _are_values(row_names: Sequence[str]) -> bool:
    """Return whether these can only be expression values: a file without row names would lose its first gene."""
    read = pd.to_numeric(pd.Series(row_names, dtype=object), errors="coerce")
    return bool(read.notna().all() and (read % 1 != 0).any())


def _found(
    sheet: Sheet, label: str, row_names: Sequence[str], columns: Sequence[int], *, labels: Labels | None, source: str
) -> Literal["samples", "genes"]:
    if labels is None:
        if label in sheet.names:
            return "samples"
        # The names of number columns may be sample ids: they are searched, but not shown.
        words = [sheet.names[place] for place in columns if not pd.api.types.is_numeric_dtype(sheet.data[place])]
        found = f"No column {label!r} for the label. {nearest(label, list(dict.fromkeys(words)), hidden=sheet.names)}"
        raise DataError(source, [f"{found} If genes are in rows, the labels need a file of their own."])
    known = set(labels.keys)
    rows = sum(name in known for name in row_names)
    across = sum(sheet.names[place] in known for place in columns)
    if bool(rows) == bool(across):
        problem = (
            f"{count(rows, 'row')} and {count(across, 'column')} with a name that is a sample id in {labels.source}: "
            'are samples in rows or in columns? Declare orientation = "samples" or "genes"; or ids, the column with '
            "the row names; or the key of the labels file, the column with the sample ids."
        )
        raise DataError(source, [problem])
    return "samples" if rows else "genes"


def _samples_in_rows(
    sheet: Sheet, roles: Roles, row_names: tuple[str, ...], columns: Sequence[int], *, source: str
) -> Table:
    described = [place for place, name in enumerate(sheet.names) if name in roles.described]
    genes = [place for place in columns if place not in described]
    values, text = numbers(sheet.data[genes])
    problems = []
    if text:
        row, column = text[0]
        problems.append(
            f"{count(len(text), 'column')} with text among the numbers (first: row {row + 1}, column "
            f"{sheet.names[genes[column]]!r}). Declare such columns as label, patient or group, list them in ignore, "
            "or correct the values."
        )
    return Table(
        values=values,
        sample_ids=row_names,
        genes=tuple(sheet.names[place] for place in genes),
        obs=sheet.data[described].set_axis([sheet.names[place] for place in described], axis=1),
        source=source,
        problems=tuple(problems),
    )


def _genes_in_rows(sheet: Sheet, row_names: tuple[str, ...], columns: Sequence[int], *, source: str) -> Table:
    values, text = numbers(sheet.data[list(columns)])
    problems = []
    if text:
        row, column = text[0]
        problems.append(
            f"{count(len(text), 'sample column')} with text among the numbers (first: sample column {column + 1}, gene "
            f"{row_names[row]!r}). List columns that are no samples in ignore, or correct the values."
        )
    return Table(
        values=values.T,
        sample_ids=tuple(sheet.names[place] for place in columns),
        genes=row_names,
        obs=None,
        source=source,
        samples_in="sample column",
        problems=tuple(problems),
    )
