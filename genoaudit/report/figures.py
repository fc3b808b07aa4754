"""Figures of a report as inline SVG: the same report gives the same bytes.

Words stay text, so that they take the font of the page, and colours are CSS variables with a fallback, so that one
figure serves light and dark pages. Figures hold words of ours only, never a name from the cohort: those stand in the
page's tables, which escape them.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET  # parses what matplotlib has just written, nothing else
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.sections import Calibration, Convergence
from genoaudit.report.wording import auc_or_lowest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID, SHADE = "#1b1f23", "#5c6670", "#d9dee3", "#8a949e"
WIDTH, ROC_HEIGHT = 7.4, 4.7
"""Inches, at 72 of the figure's units each."""

BASELINE = "loss"
"""The attack that needs least and that every other is measured against."""

# Okabe & Ito, Color Universal Design, 2008; the headline attack comes first. Dashes repeat what the colour says.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES: tuple[tuple[float, ...] | None, ...] = (None, (5, 2), (2, 1.5), (7, 2, 1.5, 2), (9, 3), (1, 1))
_TOKENS = {INK: "--ink", MUTED: "--muted", GRID: "--rule", SHADE: "--shade"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)
}
_FONT = 9.5
STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _FONT,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}
_LETTERS = 76
"""How many of a legend's letters stand side by side across the axes, in two columns."""

_XLINK = "{http://www.w3.org/1999/xlink}href"


def roc_figure(report: AuditReport) -> str:
    """Draw the pooled ROC of a handful of attacks (see `drawn_attacks`) with logarithmic axes.

    The headline attack carries its 95 % band. False-positive rates with fewer than ten of the independent non-members
    behind them are shaded: rates there are shown, not relied on (Carlini et al., IEEE S&P 2022, on why to look at low
    false-positive rates).

    Parameters
    ----------
    report
        A report with at least one attack.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    attacks = drawn_attacks(report)
    n_out, floor = _resolution(attacks[0])

    def draw(axes: Axes) -> None:
        axes.set(xscale="log", yscale="log", xlim=(floor, 1.0), ylim=(floor, 1.0))
        axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised")
        axes.plot([floor, 1.0], [floor, 1.0], color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
        _shade_unresolved(axes, n_out, floor)
        roc = attacks[0].pooled.roc
        axes.fill_between(roc.fpr, roc.low, roc.high, color=SERIES[0], alpha=0.18, linewidth=0)
        for number, attack in reversed(list(enumerate(attacks))):
            _draw_roc(axes, attack, number)
        legend_above(axes, headline_first=True)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
            axis.set_minor_formatter(lambda _value, _: "")

    title = "ROC of attacks, logarithmic axes"
    above = legend_height(len(attacks) + 1)
    described = _describe_roc(attacks)
    return _svg(draw, name="roc", height=ROC_HEIGHT + above, above=above, title=title, description=described)


def roc_points(report: AuditReport) -> dict[str, Any]:
    """Return where the curves of `roc_figure` run, for the page's script to say what stands under a pointer.

    Returns
    -------
    dict
        ``box``: left, top, width and height of the axes in the figure's own units; ``floor``: where both axes begin;
        ``non_members``: behind the rates; ``curves``: title, FPR, TPR and the limits of the TPR.
    """
    attacks = drawn_attacks(report)
    n_out, floor = _resolution(attacks[0])
    above = legend_height(len(attacks) + 1)
    whole = ROC_HEIGHT + above
    left, bottom, width, height = _axes(whole, above)
    return {
        "box": [
            round(72 * inches, 2)
            for inches in (WIDTH * left, whole * (1 - bottom - height), WIDTH * width, whole * height)
        ],
        "floor": floor,
        "non_members": n_out,
        "curves": [
            {"title": attack.title}
            | {
                name: [float(f"{value:.4g}") for value in getattr(attack.pooled.roc, name)]
                for name in ("fpr", "tpr", "low", "high")
            }
            for attack in attacks
        ],
    }


def reliability_figure(calibration: Calibration) -> str:
    """Draw what was predicted against what happened: on the diagonal, probabilities can be taken at their word.

    Parameters
    ----------
    calibration
        With at least one bin.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    bins = [part for part in calibration.bins if part.observed.value is not None]

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="Predicted probability of membership", ylabel="Were members")
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, dashes=(2, 3), label="as predicted")
        legend_above(axes)
        _points(axes, [part.predicted for part in bins], [part.observed for part in bins])
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")

    listed = "; ".join(f"{part.observed.value:.0%} where {part.predicted:.0%} was predicted" for part in bins)
    title = "Predicted probabilities of membership against what happened"
    above = legend_height(1)
    described = f"Share of members: {listed}."
    return _svg(draw, name="reliability", height=3.5 + above, above=above, title=title, description=described)


def convergence_figure(rows: tuple[Convergence, ...]) -> str:
    """Draw the headline attack's AUC with its interval against the number of models, on a scale of doublings.

    Parameters
    ----------
    rows
        At least two, of rising numbers of models.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    known = [row for row in rows if row.auc.value is not None]
    ends = [end for row in known for end in (row.auc.low, row.auc.high, row.auc.value) if end is not None]

    def draw(axes: Axes) -> None:
        axes.set_xscale("log", base=2)
        axes.set(xlim=(rows[0].models / 1.2, rows[-1].models * 1.2), xlabel="Models (each step doubles them)")
        axes.set(ylim=(min([0.49, *(end - 0.02 for end in ends)]), min(1.02, max(ends, default=1.0) + 0.03)))
        axes.set_ylabel("AUC of the headline attack")
        axes.axhline(0.5, color=MUTED, linewidth=1, dashes=(2, 3))
        _points(axes, [row.models for row in known], [row.auc for row in known])
        axes.set_xticks([row.models for row in rows], [f"{row.models:,}" for row in rows])
        axes.minorticks_off()

    listed = "; ".join(f"{row.auc.value:.3f} with {row.models:,} models" for row in known)
    title = "AUC of the headline attack by the number of models"
    return _svg(draw, name="convergence", height=2.8, title=title, description=f"AUC: {listed}.")


def drawn_attacks(report: AuditReport) -> tuple[AttackResult, ...]:
    """Return the attacks with a curve: the headline attack, the loss attack, then the highest AUC, one per colour."""
    first = {report.headline: 0, BASELINE: 1}
    ordered = sorted(report.attacks, key=lambda attack: (first.get(attack.name, 2), -auc_or_lowest(attack)))
    return tuple(ordered[: len(SERIES)])


def _points(axes: Axes, across: Sequence[float], up: Sequence[Estimate]) -> None:
    """Draw a line through values, each with its interval."""
    axes.plot(across, [found.value or 0.0 for found in up], color=SERIES[0], linewidth=1.6, marker="o", markersize=4)
    for at, found in zip(across, up, strict=True):
        if found.low is not None and found.high is not None:
            axes.plot([at, at], [found.low, found.high], color=SERIES[0], linewidth=1.2)


def _draw_roc(axes: Axes, attack: AttackResult, number: int) -> None:
    dashes = DASHES[number % len(DASHES)]
    tpr = np.array(attack.pooled.roc.tpr)
    (line,) = axes.plot(
        attack.pooled.roc.fpr,
        np.where(tpr > 0, tpr, np.nan),  # a logarithmic axis has no 0 to fall to
        color=SERIES[number % len(SERIES)],
        linewidth=2.4 if number == 0 else 1.5,
        label=f"{attack.title}, 95 % band" if number == 0 else attack.title,
    )
    if dashes is not None:
        line.set_dashes(dashes)


def _resolution(attack: AttackResult) -> tuple[int, float]:
    """Return how many non-members stand behind the pooled rates of an attack, and where axes of rates begin."""
    n_out = min((rate.n_out for rate in attack.pooled.tpr_at_fpr), default=0)
    return n_out, 0.5 / n_out if n_out > 1 else 1e-3


def _shade_unresolved(axes: Axes, n_out: int, floor: float) -> None:
    if n_out < 1:
        return
    one, ten = min(1.0, 1 / n_out), min(1.0, 10 / n_out)
    axes.axvspan(floor, ten, color=SHADE, alpha=0.13, linewidth=0)
    axes.axvspan(floor, one, color=SHADE, alpha=0.22, linewidth=0)
    note: dict[str, Any] = {"color": MUTED, "fontsize": 8.5, "va": "top"}
    axes.text(np.sqrt(floor * one), 0.8, "not measurable", rotation=90, ha="center", **note)
    axes.text(np.sqrt(one * ten), 0.8, f"uncertain: fewer than\n10 of {n_out:,} non-members", ha="center", **note)


def _describe_roc(attacks: tuple[AttackResult, ...]) -> str:
    parts = []
    for attack in attacks:
        rates = [
            f"{rate.tpr:.0%} of members at {rate.fpr:.3g} false alarms"
            for rate in attack.pooled.tpr_at_fpr
            if rate.resolvable and rate.tpr is not None
        ]
        parts.append(f"{attack.title} recognises {', '.join(rates) or 'no share of members that can be resolved'}")
    return "; ".join(parts) + ". The diagonal is guessing."


def legend_height(entries: int) -> float:
    """Return the inches that a legend of so many entries takes above the axes, in two columns."""
    return 0.12 + 0.215 * ((entries + 1) // 2)


def legend_above(axes: Axes, *, headline_first: bool = False) -> None:
    """Put the legend above the axes, which curves fill; `headline_first` turns the order of drawing round."""
    handles, labels = axes.get_legend_handles_labels()
    if headline_first:
        handles, labels = handles[::-1], labels[::-1]
    half = (len(labels) + 1) // 2
    letters = sum(max(map(len, column), default=0) for column in (labels[:half], labels[half:]))
    size = _FONT * min(1.0, _LETTERS / letters)
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "borderaxespad": 0.2}
    axes.legend(handles, labels, ncols=2, handlelength=3, fontsize=size, **where)


def _svg(
    draw: Callable[[Axes], None], *, name: str, height: float, title: str, description: str, above: float = 0.0
) -> str:
    import matplotlib.style
    from matplotlib.figure import Figure

    # From the library's defaults, not from the user's matplotlibrc: the figure is part of the report.
    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": name}]):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes(_axes(height, above))
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline_svg(text.getvalue(), name=name, title=title, description=description)


def _axes(height: float, above: float) -> tuple[float, float, float, float]:
    """Place the axes: left, bottom, width and height as shares of the figure; `above` inches are left for a legend."""
    return 0.095, 0.52 / height, 0.865, 1 - (0.65 + above) / height


def inline_svg(document: str, *, name: str, title: str, description: str) -> str:
    """Turn matplotlib's document into an element for a page: no foreign ids, no style sheet, named for readers."""
    root = ET.fromstring(document)  # noqa: S314 - our own output
    referenced = set(re.findall(r"(?:href=\"|url\()#([\w.]+)", document))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text, element.tail = (element.text or "").strip(), ""
        if element.get("id") in referenced:
            element.set("id", f"{name}-{element.get('id')}")
        else:
            element.attrib.pop("id", None)
        if _XLINK in element.attrib:
            element.set("href", f"#{name}-{element.attrib.pop(_XLINK)[1:]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.attrib["clip-path"].replace("#", f"#{name}-"))
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
        "stroke-linejoin": "round",
        "font-family": "system-ui, sans-serif",
    }
    for tag, words in (("description", description), ("title", title)):
        element = ET.Element(tag.removesuffix("ription"), id=f"{name}-{tag}")
        element.text = words
        root.insert(0, element)
    inline = ET.tostring(root, encoding="unicode").replace("'DejaVu Sans'", "system-ui")
    for colour, variable in _TOKENS.items():
        inline = inline.replace(f": {colour}", f": var({variable}, {colour})")
    return inline
