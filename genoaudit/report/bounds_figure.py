"""The trade-off curve of a mechanism as a figure: what no membership attack exceeds at any false-positive rate."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.files import write_whole
from genoaudit.privacy.trade_off import dp_fnr
from genoaudit.report.bounds_result import BoundsReport, CalibrationReport, Guarantees, Risks
from genoaudit.report.figures import DASHES, INK, MUTED, SERIES, STYLE, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png")
_NAME, _SIZE = "bounds", (7.4, 4.7)
_TITLE = "Largest TPR of any membership attack, logarithmic axes"
_WORDS = {"add/remove": "{unit} in or not (add/remove)", "replace-one": "this {unit} or another (replace-one)"}


@dataclass(frozen=True)
class Mark:
    """A calibration's target where the curve meets it: a line through these points, a dot if there is only one."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    label: str


def curve_figure(report: BoundsReport | CalibrationReport) -> str:
    """Draw the FPR against the largest TPR on logarithmic axes, under both relations, beside guessing.

    Curves of patients come first and bear the numbers; where samples are what is drawn, those of one sample stand
    beside them. Of a calibration the target is marked.

    Parameters
    ----------
    report
        What a mechanism guarantees, or one that was found for a target.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    document = _drawn(report, "svg").decode("utf-8")
    return inline_svg(document, name=_NAME, title=_TITLE, description=_describe(report))


def save_figure(report: BoundsReport | CalibrationReport, path: Path) -> Path:
    """Write the figure as a file of its own, SVG or PNG by its name, whole or not at all.

    Raises
    ------
    ConfigError
        If the name ends in neither, or the folder is not there.
    """
    check_figure(path)
    write_whole(path, _drawn(report, path.suffix.lower().removeprefix(".")))
    return path


def check_figure(path: Path) -> None:
    """Raise ConfigError unless a figure could be written there; asked before anything is computed."""
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise ConfigError(f"--figure {path} must end in .svg or .png.")
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--figure {path} cannot be written: {path.parent} must be a folder, and {path.name} none.")


def target_mark(report: CalibrationReport) -> Mark:
    """Return where the add/remove curve meets the target; nowhere if the target is no matter of this curve.

    A TPR, and picking among candidates, is a point of the curve; an advantage the longest distance from guessing; an
    epsilon at delta a limit of its own, which the curve touches where it is steepest, often beyond the axis.
    """
    curve = report.bounds.under("add/remove").curve
    if report.fpr is not None:
        name = "chance to pick the right one" if report.target == "reconstruction" else "TPR"
        return Mark((report.fpr,), (report.value,), f"target: {name} {100 * report.value:.3g} %")
    if report.target == "advantage":
        widest = curve.fpr[int(np.argmax(np.subtract(curve.tpr, curve.fpr)))]
        return Mark((widest, widest), (widest, widest + report.value), f"target: advantage {report.value:g}")
    if report.target == "epsilon":
        limit = 1 - dp_fnr(report.value, report.bounds.delta, curve.fpr)
        label = f"target: epsilon {report.value:g} at delta {report.bounds.delta:g}, which alone would allow this"
        return Mark(curve.fpr, tuple(limit.tolist()), label)
    return Mark((), (), f"target: an error of {report.value:g} from scratch, which no curve here shows")


def _of(report: BoundsReport | CalibrationReport) -> tuple[BoundsReport, Mark | None]:
    return (report, None) if isinstance(report, BoundsReport) else (report.bounds, target_mark(report))


def _levels(report: BoundsReport) -> Mapping[str, Guarantees]:
    return {"patient": report} if report.sample is None else {"patient": report, "sample": report.sample}


def _drawn(report: BoundsReport | CalibrationReport, suffix: str) -> bytes:
    import matplotlib.style
    from matplotlib.figure import Figure

    # From the library's defaults, not from the user's matplotlibrc: the same report gives the same bytes.
    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": _NAME}]):
        figure = Figure(figsize=_SIZE)
        axes = figure.add_axes((0.115, 0.52 / _SIZE[1], 0.845, 1 - 0.65 / _SIZE[1]))
        _draw(axes, *_of(report))
        file = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        figure.savefig(file, format=suffix, dpi=200, transparent=suffix == "svg", metadata=metadata)
    return file.getvalue()


def _draw(axes: Axes, report: BoundsReport, mark: Mark | None) -> None:
    floor = report.risks[0].curve.fpr[0]
    if mark is not None and len(mark.fpr) == 1:
        floor = min(floor, mark.fpr[0] / 2)
    axes.set(xscale="log", yscale="log", xlim=(floor, 1.0), ylim=(floor, 1.15))
    axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised, at most")
    number = 0
    for unit, found in _levels(report).items():
        for risks in found.risks:
            _draw_risks(axes, risks, unit, number)
            number += 1
    axes.plot([floor, 1.0], [floor, 1.0], color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
    if mark is not None:
        dot = {"marker": "D", "markersize": 7, "linestyle": ""} if len(mark.fpr) == 1 else {"linewidth": 1.6}
        axes.plot(mark.fpr, mark.tpr, color=INK, label=mark.label, **dot)
    axes.legend(loc="lower right", handlelength=3.2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axis.set_minor_formatter(lambda _value, _: "")


def _draw_risks(axes: Axes, risks: Risks, unit: str, number: int) -> None:
    label = f"{_WORDS[risks.neighbouring].format(unit=unit)}, AUC {risks.auc:.2f}"
    width = (2.4, 1.4, 1.4, 1.2)[number]
    (line,) = axes.plot(risks.curve.fpr, risks.curve.tpr, color=SERIES[number], linewidth=width, label=label)
    dashes = DASHES[number]
    if dashes is not None:
        line.set_dashes(dashes)
    rates = risks.tpr_at_fpr
    axes.plot([rate.fpr for rate in rates], [rate.tpr for rate in rates], "o", color=SERIES[number], markersize=4.5)
    if number == 0:  # labels of all would run into each other
        for rate in rates:
            at = (rate.fpr, rate.tpr)
            axes.annotate(f"{100 * rate.tpr:.3g} %", at, (6, -11), textcoords="offset points", fontsize=9)


def _describe(report: BoundsReport | CalibrationReport) -> str:
    shown, mark = _of(report)
    levels = _levels(shown)
    parts = []
    for unit, found in levels.items():
        for risks in found.risks:
            rates = ", ".join(f"{100 * rate.tpr:.3g} % at {rate.fpr:g}" for rate in risks.tpr_at_fpr)
            parts.append(f"{unit}, {risks.neighbouring}: at most {rates} false alarms, AUC {risks.auc:.3f}")
    marked = "" if mark is None else f" Marked is the {mark.label}."
    return f"{'; '.join(parts)}. The diagonal is guessing.{marked}"
