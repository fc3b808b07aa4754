"""The trade-off curve of a mechanism as a figure: what no membership attack exceeds at any false-positive rate."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.errors import ConfigError
from genoaudit.files import write_whole
from genoaudit.report.bounds_result import BoundsReport, Risks
from genoaudit.report.figures import DASHES, MUTED, SERIES, STYLE, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png")
_NAME, _SIZE = "bounds", (7.4, 4.7)
_TITLE = "Largest TPR of any membership attack, logarithmic axes"
_WORDS = {"add/remove": "is the {unit} in it? (add/remove)", "replace-one": "which of two is in it? (replace-one)"}


def curve_figure(report: BoundsReport) -> str:
    """Draw the FPR against the largest TPR on logarithmic axes, under both relations, beside guessing.

    Parameters
    ----------
    report
        What a mechanism guarantees.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    document = _drawn(report, "svg").decode("utf-8")
    return inline_svg(document, name=_NAME, title=_TITLE, description=_describe(report))


def save_figure(report: BoundsReport, path: Path) -> Path:
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


def _drawn(report: BoundsReport, suffix: str) -> bytes:
    import matplotlib.style
    from matplotlib.figure import Figure

    # From the library's defaults, not from the user's matplotlibrc: the same report gives the same bytes.
    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": _NAME}]):
        figure = Figure(figsize=_SIZE)
        axes = figure.add_axes((0.115, 0.52 / _SIZE[1], 0.845, 1 - 0.65 / _SIZE[1]))
        _draw(axes, report)
        file = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        figure.savefig(file, format=suffix, dpi=200, transparent=suffix == "svg", metadata=metadata)
    return file.getvalue()


def _draw(axes: Axes, report: BoundsReport) -> None:
    floor = report.risks[0].curve.fpr[0]
    axes.set(xscale="log", yscale="log", xlim=(floor, 1.0), ylim=(floor, 1.15))
    axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised, at most")
    for number, risks in enumerate(report.risks):
        _draw_risks(axes, risks, report.unit, number)
    axes.plot([floor, 1.0], [floor, 1.0], color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
    axes.legend(loc="lower right", handlelength=3.2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axis.set_minor_formatter(lambda _value, _: "")


def _draw_risks(axes: Axes, risks: Risks, unit: str, number: int) -> None:
    label = f"{_WORDS[risks.neighbouring].format(unit=unit)}, AUC {risks.auc:.2f}"
    (line,) = axes.plot(risks.curve.fpr, risks.curve.tpr, color=SERIES[number], linewidth=2.4 - number, label=label)
    dashes = DASHES[number]
    if dashes is not None:
        line.set_dashes(dashes)
    rates = risks.tpr_at_fpr
    axes.plot([rate.fpr for rate in rates], [rate.tpr for rate in rates], "o", color=SERIES[number], markersize=4.5)
    if number == 0:  # labels of both would run into each other
        for rate in rates:
            at = (rate.fpr, rate.tpr)
            axes.annotate(f"{100 * rate.tpr:.3g} %", at, (6, -11), textcoords="offset points", fontsize=9)


def _describe(report: BoundsReport) -> str:
    parts = []
    for risks in report.risks:
        rates = ", ".join(f"{100 * rate.tpr:.3g} % at {rate.fpr:g}" for rate in risks.tpr_at_fpr)
        parts.append(f"{risks.neighbouring}: at most {rates} false alarms, AUC {risks.auc:.3f}")
    return "; ".join(parts) + ". The diagonal is guessing."
