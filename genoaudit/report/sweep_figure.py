"""Figures of a sweep as inline SVG: what each protection costs against what it leaves of the leak."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.frontier import pareto
from genoaudit.report.figures import INK, MUTED, SERIES, SHADE, STYLE, inline_svg
from genoaudit.report.sweep_labels import placed_labels
from genoaudit.report.sweep_result import NONE, SweepReport
from genoaudit.report.sweep_table import Row, exposure_measure, shown_rows
from genoaudit.report.sweep_wording import CHEAP, epsilon_label, label_text, points_text, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 4
MARKERS = ("s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "d")
"""Of the protections other than DP; with the five colours left for them no two of the first 55 look the same."""

_WIDTH = 9.2
_PANEL, _BAND = 4.3, 4.2
_LABEL = 8.5
_LOSSES = (-0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8)
_CURVES = (("worst5_auc", "AUC, five most exposed"), ("canary_auc", "AUC, canaries"), ("tpr_at_10", "TPR at 10 % FPR"))
_DASHES: tuple[tuple[float, ...] | None, ...] = (None, (5, 2), (2, 1.5))


@dataclass(frozen=True)
class _Panel:
    """What is drawn of one recipe."""

    recipe: str
    rows: tuple[Row, ...]
    measure: str

    def place(self, row: Row) -> tuple[float, float]:
        """Return where a protection stands: accuracy gained (mostly lost) and leakage."""
        return -(row.loss.value or 0.0), row.numbers[self.measure].value or 0.0


def drawn_recipes(report: SweepReport) -> tuple[str, ...]:
    """Return the recipes that the figures have room for."""
    return tuple(dict.fromkeys(cell.recipe for cell in report.cells))[:PANELS]


def frontier_figure(report: SweepReport) -> str:
    """Draw utility against leakage: one panel per recipe, DP-SGD as a line over its budgets, the others as points.

    The horizontal axis is stretched near no loss, where most protections lie and choices are made (linear within a
    percentage point, logarithmic beyond). Leakage is the AUC of the five most exposed patients where known, else that
    of all patients.

    Parameters
    ----------
    report
        A report with at least one cell whose leakage is known.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    rows = shown_rows(report)
    measure = exposure_measure(rows)
    kinds = tuple(dict.fromkeys(row.mitigation for row in rows if row.mitigation != NONE and not row.is_dp))
    panels = [
        _Panel(recipe, tuple(row for row in rows if row.recipe == recipe and _drawable(row, measure)), measure)
        for recipe in drawn_recipes(report)
    ]

    def draw(figure: Figure) -> None:
        for number, panel in enumerate(panels):
            _draw_panel(_axes(figure, number * _PANEL + 0.3, _PANEL - 0.95), panel, kinds)

    return _figure(
        draw,
        name="frontier",
        height=_PANEL * len(panels),
        title="What each protection costs and what it leaves of the leak",
        description=" ".join(_describe(panel) for panel in panels),
    )


def budget_figure(report: SweepReport) -> str | None:
    """Draw leakage and accuracy against the budget of DP-SGD, or return None where fewer than two budgets were tried.

    Returns
    -------
    str or None
        An ``<svg>`` element with a title and a description.
    """
    rows = [row for row in shown_rows(report) if not row.tuned and (row.is_dp or row.mitigation == NONE)]
    found = {recipe: [row for row in rows if row.recipe == recipe] for recipe in drawn_recipes(report)}
    found = {recipe: own for recipe, own in found.items() if sum(row.is_dp for row in own) > 1}
    if not found:
        return None

    across, bands = min(2, len(found)), -(-len(found) // 2)
    least = min(end for own in found.values() for row in own for end in (*_ends(row.numbers["accuracy"]), 0.9))

    def draw(figure: Figure) -> None:
        for number, (recipe, own) in enumerate(found.items()):
            band, column = divmod(number, across)
            above = _axes(figure, band * _BAND + 0.3, 2.1, column=column, across=across)
            below = _axes(figure, band * _BAND + 2.7, 0.9, column=column, across=across)
            _draw_leaks(above, own, keyed=number == 0)
            _draw_accuracy(below, own, least=least)
            _set_budgets(above, below, own)
            above.set_title(label_text(recipe, most=60 // across), loc="left", fontsize=11, fontweight="bold")

    told = "; ".join(
        f"{label_text(row.recipe)} at epsilon {epsilon_label(row)}: AUC {row.numbers['worst5_auc'].value:.2f}"
        for own in found.values()
        for row in own
        if row.is_dp and row.numbers["worst5_auc"].value is not None
    )
    return _figure(
        draw,
        name="budgets",
        height=_BAND * bands,
        title="Leakage and accuracy by the budget of DP-SGD",
        description=f"Five most exposed patients, {told}.",
    )


def _drawable(row: Row, measure: str) -> bool:
    return row.loss.value is not None and row.numbers[measure].value is not None


def _draw_panel(axes: Axes, panel: _Panel, kinds: Sequence[str]) -> None:
    _set_scales(axes, panel)
    _, right = axes.get_xlim()
    axes.axvspan(-CHEAP, right, color=SHADE, alpha=0.12, linewidth=0)
    axes.axhline(0.5, color=MUTED, linewidth=1, dashes=(2, 3))
    steps = _staircase([panel.place(row) for row in panel.rows if row.on_frontier])
    if len(steps):
        axes.plot(steps[:, 0], steps[:, 1], color=SHADE, linewidth=5, alpha=0.35, solid_joinstyle="round", zorder=1)
    private = [row for row in panel.rows if row.is_dp]
    axes.plot(*np.array([panel.place(row) for row in private]).reshape(-1, 2).T, color=SERIES[0], linewidth=1.8)
    for row in panel.rows:
        _draw_point(axes, panel, row, kinds)
    note: dict[str, Any] = {"color": MUTED, "fontsize": _LABEL}
    axes.annotate("guessing", (right, 0.5), (-4, 3), textcoords="offset points", ha="right", va="bottom", **note)
    top = axes.get_ylim()[1]
    axes.annotate("costs at most 1 point", (-CHEAP, top), (4, -3), textcoords="offset points", va="top", **note)
    axes.set_title(label_text(panel.recipe), loc="left", fontsize=11, fontweight="bold", color=INK)
    _label_points(axes, panel, kinds)


def _set_scales(axes: Axes, panel: _Panel) -> None:
    """Put accuracy across, stretched near that without protection, and leakage up."""
    gains = [panel.place(row)[0] for row in panel.rows] or [0.0]
    ends = [end for row in panel.rows for end in _ends(row.numbers[panel.measure])] or [0.5, 1.0]
    left = -next((step for step in _LOSSES if step >= max(0.02, 1.25 * -min(gains))), 1.0)
    axes.set_xscale("symlog", linthresh=CHEAP, linscale=0.9)
    axes.set(xlim=(left, max(0.007, 1.5 * max(gains))))
    axes.set(ylim=(min(0.44, min(ends) - 0.02), max(0.75, max(ends) + 0.07)))
    ticks = _spaced(axes, [-loss for loss in _LOSSES if left <= -loss <= axes.get_xlim()[1]])
    free = next((row.numbers["accuracy"].value for row in panel.rows if row.mitigation == NONE), None)
    words = ["no loss" if tick == 0 else points_text(tick).partition(" ")[0] for tick in ticks]
    if free is not None:
        words = [f"{100 * (free + tick):.0f} %\n{word}" for tick, word in zip(ticks, words, strict=True)]
    axes.set_xticks(ticks, words)
    axes.minorticks_off()
    axes.set_ylabel(
        "Leak: AUC, most exposed" if panel.measure == "worst5_auc" else "Leak: AUC, all patients", loc="top"
    )
    axes.set_xlabel("Accuracy on patients the model has not seen, and percentage points gained or lost", loc="left")
    ways: dict[str, Any] = {"xycoords": "axes points", "textcoords": "offset points", "fontweight": "bold"}
    across = axes.get_window_extent().width
    axes.annotate("more useful \N{RIGHTWARDS ARROW}", (across, 0), (0, -33), ha="right", va="top", **ways)
    axes.annotate("\N{LEFTWARDS ARROW} safer", (0, 0), (-29, 0), ha="right", va="bottom", rotation=90, **ways)


def _spaced(axes: Axes, ticks: Sequence[float]) -> list[float]:
    """Keep the ticks whose labels have room, those near no loss first."""
    kept: list[float] = []
    for tick in sorted(ticks, key=abs):
        at = axes.transData.transform([(tick, 0.5), *((other, 0.5) for other in kept)])[:, 0]
        if (np.abs(at[1:] - at[0]) > 34).all():
            kept.append(tick)
    return sorted(kept)


def _draw_point(axes: Axes, panel: _Panel, row: Row, kinds: Sequence[str]) -> None:
    x, y = panel.place(row)
    colour, marker, size = _looks(row, kinds)
    cost = row.loss
    if cost.low is not None and cost.high is not None:
        axes.plot([-cost.high, -cost.low], [y, y], color=colour, linewidth=0.9, alpha=0.5)
    low, *high = _ends(row.numbers[panel.measure])
    axes.plot([x, x], [low, *high[-1:]] if high else [y, y], color=colour, linewidth=0.9, alpha=0.5)
    face = "none" if row.tuned else colour
    axes.plot([x], [y], marker=marker, markersize=size, color=colour, markerfacecolor=face, linestyle="none", zorder=4)


def _looks(row: Row, kinds: Sequence[str]) -> tuple[str, str, float]:
    """Return colour, marker and size: what the colour says, the shape says too."""
    if row.mitigation == NONE:
        return INK, "*", 13.0
    if row.is_dp:
        return SERIES[0], "o", 4.5 if row.tuned else 6.5
    kind = kinds.index(row.mitigation)
    return SERIES[1 + kind % (len(SERIES) - 1)], MARKERS[kind % len(MARKERS)], 6.5


def _label_points(axes: Axes, panel: _Panel, kinds: Sequence[str]) -> None:
    """Name every point but the tuned budgets, which lie on the line of the others."""
    named = [row for row in panel.rows if not (row.is_dp and row.tuned)]
    if not named:
        return
    at = axes.transData.transform([panel.place(row) for row in panel.rows])
    anchors = axes.transData.transform([panel.place(row) for row in named])
    first = next((row for row in named if row.is_dp), None)
    words = [_name(row, first=row is first) for row in named]
    sizes = np.array([(0.56 * _LABEL * len(text) + 3, 1.3 * _LABEL) for text in words])
    frame = axes.get_window_extent()
    corner = axes.transData.transform((-CHEAP, axes.get_ylim()[1]))
    guess = axes.transData.transform((axes.get_xlim()[1], 0.5))
    told = [(corner[0], corner[1] - 16, corner[0] + 110, corner[1]), (guess[0] - 52, guess[1], guess[0], guess[1] + 15)]
    spots = np.hstack([at - 5, at + 5])
    places = placed_labels(
        anchors,
        sizes,
        bounds=(frame.x0 + 2, frame.y0 + 2, frame.x1 + 14, frame.y1),
        blocked=np.vstack([spots, told]),
        faint=_line_boxes(axes, panel),
    )
    for row, text, anchor, place, size in zip(named, words, anchors, places, sizes, strict=True):
        colour = _looks(row, kinds)[0]
        gap = np.clip(np.abs(place - anchor) - size / 2, 0, None)
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.8, "shrinkA": 0, "shrinkB": 4}
        axes.annotate(
            text,
            panel.place(row),
            tuple(place - anchor),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_LABEL,
            color=INK,  # series are told from the paper, but not legible as words on it
            annotation_clip=False,
            arrowprops=arrow if np.hypot(*gap) > 13 else None,
        )


def _name(row: Row, *, first: bool) -> str:
    if not row.is_dp:
        return short_name(row)
    budget = "no noise" if row.epsilon is None else f"\N{GREEK SMALL LETTER EPSILON} = {epsilon_label(row)}"
    return f"DP-SGD, {budget}" if first else budget


def _line_boxes(axes: Axes, panel: _Panel) -> FloatArray:
    """Return small boxes along what is drawn as lines: labels would rather not cover it."""
    private = [panel.place(row) for row in panel.rows if row.is_dp]
    steps = [(float(x), float(y)) for x, y in _staircase([panel.place(row) for row in panel.rows if row.on_frontier])]
    pieces = [*pairwise(private), *pairwise(steps), *pairwise([(x, 0.5) for x in axes.get_xticks()])]
    for row in panel.rows:
        x, y = panel.place(row)
        up, cost = _ends(row.numbers[panel.measure]), _ends(row.loss)
        pieces += [((x, up[0]), (x, up[-1])), ((-cost[-1], y), (-cost[0], y))]
    corners = [axes.transData.transform(piece) for piece in pieces]
    dots = [start + share * (end - start) for start, end in corners for share in np.linspace(0, 1, 17)]
    return np.array([(*(dot - 3), *(dot + 3)) for dot in dots]).reshape(-1, 4)


def _staircase(points: Sequence[tuple[float, float]]) -> FloatArray:
    """Return the corners of the least leakage that is to be had at each utility, [corners, 2]."""
    gained, leaked = np.array(points, dtype=float).reshape(-1, 2).T
    best = {point for point, kept in zip(points, pareto(gained, leaked), strict=True) if kept}
    corners: list[tuple[float, float]] = []
    for x, y in sorted(best):
        # Whoever wants more than a point gives must take the next point's leak at once.
        corners += [(corners[-1][0], y)] if corners else []
        corners.append((x, y))
    return np.array(corners).reshape(-1, 2)


def _ends(found: Estimate) -> list[float]:
    return [end for end in (found.low, found.value, found.high) if end is not None]


def _places(rows: Sequence[Row]) -> list[float]:
    """Return where budgets stand on an axis of decades; no noise and no protection at its right end."""
    decades = [None if row.epsilon is None else float(np.log10(max(row.epsilon, 1e-6))) for row in rows]
    known = [decade for decade in decades if decade is not None] or [0.0]
    end = max(known) + max(0.5, 0.16 * (max(known) - min(known)))
    return [end if decade is None else decade for decade in decades]


def _draw_leaks(axes: Axes, rows: Sequence[Row], *, keyed: bool) -> None:
    places = _places(rows)
    for number, (name, title) in enumerate(_CURVES):
        found = [(x, row.numbers[name]) for x, row in zip(places, rows, strict=True)]
        _draw_curve(axes, found, SERIES[number], _DASHES[number], title)
    axes.set_ylim(0, 1.42)  # room for the key above all curves
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    for guess, what in ((0.5, "AUC"), (0.1, "TPR")):
        axes.axhline(guess, color=MUTED, linewidth=0.8, dashes=(2, 3))
        axes.text(max(places) + 0.3, guess + 0.01, f"guessing: {what}", color=MUTED, fontsize=_LABEL, ha="right")
    if keyed:
        axes.legend(loc="upper left", handlelength=3, fontsize=_LABEL, borderaxespad=0.1, labelspacing=0.25)


def _draw_accuracy(axes: Axes, rows: Sequence[Row], *, least: float) -> None:
    _draw_curve(axes, [(x, row.numbers["accuracy"]) for x, row in zip(_places(rows), rows, strict=True)], INK, None, "")
    axes.set(ylim=(max(0.0, least - 0.05), 1.02))
    axes.set_title("Accuracy on patients the model has not seen", loc="left", fontsize=_LABEL, pad=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def _set_budgets(above: Axes, below: Axes, rows: Sequence[Row]) -> None:
    """Name the budgets and shade those that promise nothing."""
    places = _places(rows)
    ticks = {x: epsilon_label(row) if row.is_dp else "none" for x, row in zip(places, rows, strict=True)}
    vacuous = min((x for x, row in zip(places, rows, strict=True) if row.vacuous), default=max(places))
    start = (vacuous + max((x for x in places if x < vacuous), default=vacuous - 0.8)) / 2
    for axes in (above, below):
        axes.set_xticks(list(ticks), list(ticks.values()) if axes is below else [""] * len(ticks))
        axes.set_xlim(min(places) - 0.4, max(places) + 0.4)
        axes.axvspan(start, max(places) + 0.4, color=SHADE, alpha=0.12, linewidth=0)
    above.text(start + 0.1, 0.02, "promises nothing", color=MUTED, fontsize=_LABEL)
    below.set_xlabel("Budget \N{GREEK SMALL LETTER EPSILON} of DP-SGD (logarithmic)")


def _draw_curve(
    axes: Axes,
    found: Sequence[tuple[float, Estimate]],
    colour: str,
    dashes: tuple[float, ...] | None,
    title: str,
) -> None:
    known = sorted((x, part.value, part.low, part.high) for x, part in found if part.value is not None)
    if not known:
        return
    (line,) = axes.plot([x for x, *_ in known], [value for _, value, *_ in known], color=colour, label=title)
    line.set(linewidth=1.8, marker="o", markersize=4.5)
    if dashes is not None:
        line.set_dashes(dashes)
    for x, _, low, high in known:
        if low is not None and high is not None:
            axes.plot([x, x], [low, high], color=colour, linewidth=0.9, alpha=0.6)


def _describe(panel: _Panel) -> str:
    told = (
        f"{row.title}: {points_text(panel.place(row)[0])} of accuracy, AUC {panel.place(row)[1]:.2f}"
        for row in panel.rows
        if not row.tuned
    )
    return f"{label_text(panel.recipe)}: {label_text('; '.join(told), most=4000)}."


def _axes(figure: Figure, top: float, height: float, *, column: int = 0, across: int = 1) -> Axes:
    """Return axes so many inches below the figure's top, in one of the columns side by side."""
    left, right, between = 0.62, 0.3, 0.55
    width = (_WIDTH - left - right - (across - 1) * between) / across
    whole = figure.get_figheight()
    start = left + column * (width + between)
    return figure.add_axes((start / _WIDTH, 1 - (top + height) / whole, width / _WIDTH, height / whole))


def _figure(draw: Callable[[Figure], None], *, name: str, height: float, title: str, description: str) -> str:
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": name}]), warnings.catch_warnings():
        # A recipe may be named in any script; the page's own font draws it.
        warnings.filterwarnings("ignore", message="Glyph ")
        # 72 dots per inch, so that lengths are points of print, as in the SVG.
        figure = Figure(figsize=(_WIDTH, height), dpi=72)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline_svg(text.getvalue(), name=name, title=title, description=description)
