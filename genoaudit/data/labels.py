"""Labels in a file of their own: one row per sample, found by sample id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import pandas as pd

from genoaudit.data.sheet import Sheet, position
from genoaudit.data.table import Table, as_text, numbers_of
from genoaudit.errors import DataError
from genoaudit.phrases import count


@dataclass(frozen=True)
class LabelsFile:
    """Where the labels of a matrix are.

    Parameters
    ----------
    path
        A text table or a parquet file, samples in rows.
    key
        The column with the sample ids of the matrix; the first one if None.
    column
        The column with the classes; the one named as the cohort's label if None.
    """

    path: str | PathLike[str]
    key: str | None = None
    column: str | None = None


@dataclass(frozen=True, eq=False)
class Labels:
    """A labels file as read: `obs` describes the samples named in `keys`, row by row."""

    keys: tuple[str, ...]
    obs: pd.DataFrame
    source: str


def labels_of(sheet: Sheet, file: LabelsFile, *, label: str, patient: str | None, source: str) -> Labels:
    """Return the labels in a sheet, the class column named `label`.

    Raises
    ------
    DataError
        If a column is missing or there twice.
    """
    names = sheet.names
    key = position(names, file.key, role="the sample ids", source=source, listed=names)
    position(names, file.column or label, role="the label", source=source, listed=names)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        twice = ", ".join(map(repr, repeated))
        raise DataError(source, [f"{count(len(repeated), 'column name')} more than once: {twice}. Remove all but one."])
    obs = sheet.data.set_axis(list(names), axis=1)
    if names[key] != patient:
        obs = obs.drop(columns=names[key])
    if file.column not in (None, label):
        if label in obs.columns:
            raise DataError(source, [f"Both {label!r} and {file.column!r} could be the label. Remove one of them."])
        obs = obs.rename(columns={file.column: label})
    return Labels(keys=tuple(as_text(sheet.data[key])), obs=obs, source=source)


def join_labels(table: Table, labels: Labels, *, label: str) -> Table:
    """Return a table whose `obs` has the columns of a labels file beside its own, which come first in doubt.

    Samples without a label, labels that are there twice and a label column on both sides are problems of the table;
    rows of the labels file that name no sample are noted.
    """
    own = pd.DataFrame(index=range(len(table.sample_ids))) if table.obs is None else table.obs.reset_index(drop=True)
    known = set(table.sample_ids)
    repeated = pd.Index(labels.keys, dtype=object).duplicated() & np.array([key in known for key in labels.keys])
    row_of = {key: row for row, key in enumerate(labels.keys)}
    absent = np.array([name not in row_of for name in table.sample_ids], dtype=np.bool_)
    problems = []
    if label in own.columns:
        problems.append(
            f"The label {label!r} is a column of the matrix and of {labels.source}. Give the label another name and "
            "declare its column in the labels file."
        )
    if absent.any():
        problems.append(
            f"{count(int(absent.sum()), 'sample')} of {len(absent):,} not in {labels.source} "
            f"({numbers_of(absent, table)}). Add them there, or declare which column holds the sample ids; columns of "
            "the matrix that are no samples belong into ignore."
        )
    if repeated.any():
        problems.append(
            f"{count(int(repeated.sum()), 'duplicate sample id')} in {labels.source} "
            f"(first: row {int(repeated.argmax()) + 1}). Keep one row per sample."
        )
    if problems:
        return replace(table, obs=None, problems=(*table.problems, *problems))
    found = labels.obs.iloc[[row_of[name] for name in table.sample_ids]].reset_index(drop=True)
    found = found[[name for name in found.columns if name not in own.columns]]
    obs = pd.concat([own, found], axis=1) if own.columns.size else found
    extra = len(row_of.keys() - known)
    notes = [f"{count(extra, 'row')} of {labels.source} without a sample in the matrix."] if extra else []
    return replace(table, obs=obs, notes=(*table.notes, *notes))
