"""One mark per patient, class by class: where everybody lies, not only the average and the worst.

Marks that would lie on one another are stacked, so that each strip is a histogram made of patients (a dot plot after
Wilkinson, The American Statistician 53:276, 1999). A class is one SVG path of dots, a dozen bytes a patient; the script
of the page finds a patient by the place of the mark in its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.report.result import AuditReport
from genoaudit.report.wording import unexposed_band

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 600
_EDGE = 3  # half a mark, so that none is cut off
_PITCHES = ((1_500, 5), (10**9, 3))
"""Distance of bins and of stacked marks, in units of the drawing, by the number of patients up to which it holds."""

_HEIGHTS = ((8, 44), (16, 30), (10_000, 20))
"""Height of a strip by the number of strips up to which it holds."""


@dataclass(frozen=True)
class StripRow:
    """One class.

    Parameters
    ----------
    name, code
        Of the class, which is the cohort's and not escaped; and its place among the sorted names.
    patients
        How many.
    median, high
        Of the measure: half of the patients lie at or below the first, 95 % at or below the second. Of members alone,
        where the measure tells members and non-members apart; None without any.
    paths
        ``"all"``, or ``"members"`` and ``"non_members"``, with their marks in the order of the table of patients.
    """

    name: str
    code: int
    patients: int
    median: float | None
    high: float | None
    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Strip:
    """The strips of all classes on one axis, the highest median first.

    Parameters
    ----------
    measure
        ``"auc"`` of the patient over models, or ``"non_members_below"``: the share of non-members with a lower score.
    rows
        One per class.
    height, mark
        Of a strip, whose width is `WIDTH`; and how large its marks are.
    ticks
        Values on the axis with their place.
    guess, band
        Where 0.5 lies, and where 95 % of patients would lie if membership left no trace; None without an AUC.
    """

    measure: str
    rows: tuple[StripRow, ...]
    height: int
    mark: float
    ticks: tuple[tuple[float, float], ...]
    guess: float | None
    band: tuple[float, float] | None


def strip_of(patients: pd.DataFrame, report: AuditReport) -> Strip | None:
    """Lay out one mark per patient.

    Parameters
    ----------
    patients
        The table of an audit, in the order of ranks.
    report
        For the band of patients who left no trace.

    Returns
    -------
    Strip or None
        None where the table has neither an AUC per patient nor scores of one model.
    """
    measure = "non_members_below" if "non_members_below" in patients else "auc"
    if measure not in patients or not len(patients):
        return None
    values = patients[measure].to_numpy(dtype=np.float64)
    band = unexposed_band(report) if measure == "auc" else None
    low = 0.0 if band is None else float(np.floor(10 * min(0.4, float(values.min()), band[0])) / 10)
    across = _EDGE + (WIDTH - 2 * _EDGE) * (values - low) / (1 - low)
    names = patients["class"].astype(str).to_numpy()
    members = None if band is not None else patients["member"].to_numpy(dtype=bool)
    classes = sorted(set(names), key=lambda name: (-float(np.median(values[names == name])), name))
    pitch = next(pitch for most, pitch in _PITCHES if names.size <= most)
    height = next(height for most, height in _HEIGHTS if len(classes) <= most)
    own = {name: names == name for name in classes}
    judged = own if members is None else {name: own[name] & members for name in classes}
    sides = {name: None if members is None else members[own[name]] for name in classes}
    places = [_stacked(across[own[name]], sides[name], pitch) for name in classes]
    rows = tuple(
        StripRow(
            name=name,
            code=sorted(classes).index(name),
            patients=int(own[name].sum()),
            median=_quantile(values[judged[name]], 0.5),
            high=_quantile(values[judged[name]], 0.95),
            paths=_paths(at, _down(level, height, pitch), sides[name]),
        )
        for name, (at, level) in zip(classes, places, strict=True)
    )
    return Strip(
        measure=measure,
        rows=rows,
        height=height,
        mark=0.88 * pitch,
        ticks=tuple(
            (float(tick), _place(tick, low)) for tick in np.round(np.arange(low, 1.01, 0.1 if low else 0.2), 1)
        ),
        guess=None if band is None else _place(0.5, low),
        band=None if band is None else (_place(band[0], low), _place(band[1], low)),
    )


def _quantile(values: FloatArray, share: float) -> float | None:
    return float(np.quantile(values, share)) if values.size else None


def _place(value: float, low: float) -> float:
    return round(_EDGE + (WIDTH - 2 * _EDGE) * (value - low) / (1 - low), 1)


def _stacked(across: FloatArray, members: BoolArray | None, pitch: int) -> tuple[IntArray, IntArray]:
    """Return the bin's centre and the level in its stack of every mark, non-members below members."""
    bins = (across // pitch).astype(np.intp)
    order = np.lexsort((np.arange(bins.size), np.zeros(bins.size) if members is None else members, bins))
    ordered = bins[order]
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    level = np.empty(bins.size, dtype=np.intp)
    level[order] = np.arange(bins.size) - np.repeat(starts, np.diff(np.r_[starts, bins.size]))
    return bins * pitch + pitch // 2, level


def _down(level: IntArray, height: int, pitch: int) -> FloatArray:
    """Return how far down each mark lies: stacked touching, closer where the highest stack of the class needs it."""
    step = min(float(pitch), (height - 2 * _EDGE) / max(int(level.max()), 1))
    return np.asarray(height - _EDGE - step * level, dtype=np.float64)


def _paths(across: IntArray, down: FloatArray, members: BoolArray | None) -> tuple[tuple[str, str], ...]:
    marks = [f"M{x} {y:.1f}".removesuffix(".0") + "h0" for x, y in zip(across, down, strict=True)]
    if members is None:
        return (("all", "".join(marks)),)
    return tuple(
        (side, "".join(mark for mark, member in zip(marks, members, strict=True) if member == wanted))
        for side, wanted in (("non_members", False), ("members", True))
    )
