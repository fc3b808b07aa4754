"""A rectangular file before anybody knows what its rows are: columns by position, names as written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.data.table import nearest
from genoaudit.errors import DataError


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file's columns by position, so that a repeated name is seen rather than renamed.

    Parameters
    ----------
    names
        Column names as written, possibly empty or repeated.
    data
        The columns, labelled 0, 1, 2, ...
    """

    names: tuple[str, ...]
    data: pd.DataFrame


def position(names: Sequence[str], name: str | None, *, role: str, source: str, listed: Sequence[str] = ()) -> int:
    """Return where the only column called `name` is; the first column if `name` is None.

    An error lists the names in `listed`: a matrix may have ids of samples in its header, so none by default.

    Raises
    ------
    DataError
        If no column or more than one has the name.
    """
    if name is None:
        return 0
    found = names.count(name)
    if found == 0:
        raise DataError(source, [f"No column {name!r} for {role}. {nearest(name, listed, hidden=names)}"])
    if found > 1:
        raise DataError(source, [f"{found} columns named {name!r} for {role}. Remove all but one."])
    return names.index(name)


def numbers(data: pd.DataFrame) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Return the values of a frame as numbers, and where the columns that hold text first do so.

    Returns
    -------
    Float32 [rows, columns], NaN where missing and 0 in place of text; and (row, column) of the first text of every
    column that has any, from 0.

    Examples
    --------
    >>> values, text = numbers(pd.DataFrame({0: [1.5, None], 1: ["2", "high"]}))
    >>> values.tolist(), text
    ([[1.5, 2.0], [nan, 0.0]], [(1, 1)])
    """
    values = np.empty(data.shape, dtype=np.float32)
    # TRUE and FALSE are an answer to a question, not an expression value.
    numeric = np.array([pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_bool_dtype(t) for t in data.dtypes])
    text = []
    with np.errstate(over="ignore"):  # too large for float32 is infinite, and reported as such
        values[:, numeric] = data.loc[:, numeric].to_numpy(dtype=np.float32, na_value=np.nan)
        for column in np.flatnonzero(~numeric):
            written: pd.Series[Any] = data[data.columns[int(column)]].astype(object)
            flags = written.map(lambda value: isinstance(value, bool))
            read = pd.to_numeric(written.where(~flags), errors="coerce")
            failed = (read.isna() & written.notna()).to_numpy()
            if failed.any():
                text.append((int(failed.argmax()), int(column)))
            values[:, column] = np.where(failed, 0, read.to_numpy(dtype=np.float64, na_value=np.nan))
    return values, text
