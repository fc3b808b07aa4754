"""Text tables: comma- or tab-separated, plain or gzipped, as spreadsheets, pandas and R write them."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from genoaudit.data.sheet import Sheet
from genoaudit.data.table import MISSING
from genoaudit.errors import DataError
from genoaudit.phrases import count

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
"""Comma-separated, tab-separated, and either of them; each also with ``.gz``."""

_NAMES = {",": "comma", "\t": "tab"}


def is_text(path: Path) -> bool:
    """Return whether the suffix is one of a text table."""
    return path.name.lower().removesuffix(".gz").endswith(TEXT_SUFFIXES)


def read_text(path: Path, *, ids: str | None, as_text: Collection[str]) -> Sheet:
    """Return a text table by position, so that repeated names in the header stay visible.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.txt``, possibly with ``.gz``; UTF-8. A header one field shorter than the rows is R's:
        then the first column has no name.
    ids
        The column with the names of the rows; the first one if None. Its values stay as they are written.
    as_text
        Names of columns that stay text even where they look like numbers.

    Raises
    ------
    DataError
        If the file is empty, damaged or not what its suffix says.
    """
    try:
        names, separator = _header(path)
        key = names.index(ids) if ids in names else 0
        columns: list[Any] = list(range(len(names)))
        data = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=1,
            names=columns,
            dtype={position: str for position in columns if position == key or names[position] in as_text},
            # The name of a row is what is written, even if it is "NA".
            na_values={position: list(MISSING) for position in columns if position != key},
            keep_default_na=False,
            low_memory=False,
            encoding="utf-8-sig",
            compression="gzip" if _zipped(path) else None,
        )
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(path.name, ["is truncated, damaged or not gzip-compressed as its suffix says."]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(path.name, ["is not UTF-8 text. Is it another format with the wrong suffix?"]) from error
    except pd.errors.ParserError as error:
        # pandas counts the lines of the file, header included.
        raise DataError(path.name, [f"is not a table: {str(error).rpartition('error: ')[2].strip()}."]) from error
    return Sheet(names=names, data=data)


def _zipped(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _open(path: Path) -> TextIO:
    if _zipped(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _header(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the column names and the separator.

    pandas would rename a repeated name to ``name.1``, and take a header that is one short for something else.
    """
    with _open(path) as file:
        first = file.readline()
        separator = _separator(path, first)
        file.seek(0)
        rows = csv.reader(file, delimiter=separator)
        header = next(rows, [])
        body = next((row for row in rows if row), None)
    if not header:
        raise DataError(path.name, ["is empty." if not first else "starts with an empty line instead of a header."])
    if body is None:
        raise DataError(path.name, ["has a header but no rows."])
    if len(body) == len(header) + 1:
        header = ["", *header]
    if len(body) != len(header):
        fields = f"{count(len(header), 'field')} in the header and {len(body)} in the first row"
        raise DataError(path.name, [f"is not a table: {fields}."])
    if len(header) == 1:
        raise DataError(path.name, [f"has one column only, or a separator other than the {_NAMES[separator]}."])
    return tuple(header), separator


def _separator(path: Path, first_line: str) -> str:
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    separator = "\t" if suffix == ".tsv" or (suffix == ".txt" and "\t" in first_line) else ","
    # Semicolons come with decimal commas, which would pass for a second column.
    if separator not in first_line and any(other in first_line for other in ",;\t"):
        raise DataError(
            path.name, [f"has no {_NAMES[separator]} in its first line. Does its suffix fit its separator?"]
        )
    return separator
