"""All patients of an audit as columns for the page: what its script sorts, filters and shows.

The page holds them as a block of JSON, by columns and rounded to what is shown, so that 10,000 patients take half a
megabyte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


FIRST_SHOWN = 20
"""Patients that the page shows without its script."""


@dataclass(frozen=True)
class Column:
    """A column of the table of all patients.

    Parameters
    ----------
    key
        Of the table of patients.
    title
        What stands above it.
    digits
        Decimals of a number; None for words and for yes and no.
    limits
        Whether ``key_low`` and ``key_high`` are shown below it.
    """

    key: str
    title: str
    digits: int | None = None
    limits: bool = False


_WHO = (Column("pseudonym", "Patient"), Column("class", "Class"), Column("samples", "Samples", 0))
_OF_ONE_MODEL = (
    Column("member", "Member"),
    Column("score", "Score", 2),
    Column("non_members_below", "Non-members with a lower score", 3),
)
_OVER_MODELS = (
    Column("auc", "AUC", 2, limits=True),
    Column("d_prime", "d\N{PRIME}", 2, limits=True),
    Column("flagged", "Flagged"),
)


def columns_of(patients: pd.DataFrame) -> tuple[Column, ...]:
    """Return which columns there is something to show in, in their order."""
    rank = Column("rank", "Rank", 0, limits="rank_low" in patients)
    one_model = _OF_ONE_MODEL if "member" in patients else ()
    return tuple(column for column in (rank, *_WHO, *one_model, *_OVER_MODELS) if column.key in patients)


def patient_block(patients: pd.DataFrame, *, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Put the table of patients in the form that the page's script reads.

    Parameters
    ----------
    patients
        The table of an audit, in the order of ranks.
    names
        Identifiers by pseudonym, to be shown in their place.

    Returns
    -------
    dict
        ``columns``, each with title and values (and limits), and ``classes``, into which the values of the class are
        codes. Numbers are rounded to what is shown.
    """
    classes = sorted(set(patients["class"].astype(str)))
    return {
        "classes": classes,
        "columns": [_column(column, patients, classes, names) for column in columns_of(patients)],
    }


def first_rows(block: Mapping[str, Any], *, most: int = FIRST_SHOWN) -> list[tuple[str, ...]]:
    """Return the first rows as they are shown, for the page to hold without its script.

    Parameters
    ----------
    block
        As `patient_block` gives it.
    most
        How many rows.
    """
    shown = [
        [_shown(column, value, block["classes"]) for value in column["values"][:most]] for column in block["columns"]
    ]
    return list(zip(*shown, strict=True))


def _shown(column: Mapping[str, Any], value: Any, classes: Sequence[str]) -> str:
    if column["key"] == "class":
        return str(classes[value])
    if "digits" in column:
        return "\N{EM DASH}" if value is None else f"{value:,.{column['digits']}f}"
    return str(value) if isinstance(value, str) else ("no", "yes")[value]


def _column(
    column: Column, patients: pd.DataFrame, classes: list[str], names: Mapping[str, str] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"key": column.key, "title": column.title}
    values = patients[column.key]
    if column.key == "class":
        code = {name: place for place, name in enumerate(classes)}
        return found | {"values": [code[name] for name in values.astype(str)]}
    if column.key == "pseudonym":
        return found | {"values": [(names or {}).get(str(name), str(name)) for name in values]}
    if column.digits is None:
        return found | {"values": [int(value) for value in values]}
    found |= {"digits": column.digits, "values": _rounded(values, column.digits)}
    if column.limits:
        found |= {end: _rounded(patients[f"{column.key}_{end}"], column.digits) for end in ("low", "high")}
    return found


def _rounded(values: pd.Series[Any], digits: int) -> list[float | int | None]:
    numbers = np.round(values.to_numpy(dtype=np.float64), digits)
    return [None if np.isnan(value) else int(value) if value == int(value) else float(value) for value in numbers]


def script_json(content: object) -> str:
    r"""Write JSON that may stand inside a ``<script>`` element: no ``<``, ``>`` or ``&``, whatever a name holds.

    Examples
    --------
    >>> script_json({"name": "</script>&"})
    '{"name":"\\u003c/script\\u003e\\u0026"}'
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
