"""The figure of a comparison: accuracy, membership leakage and reconstruction over one axis of budgets."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.figures import INK, MUTED, SERIES, SHADE, STYLE, inline_svg
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.reconstruct_table import Row, shown_rows
from genoaudit.report.sweep_table import number_text
from genoaudit.report.sweep_wording import label_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 2
"""Recipes that the figure has room for."""

_WIDTH, _LABEL = 9.2, 8.5
_PANELS = (0.95, 1.5, 2.1)
_DASHES: tuple[tuple[float, ...] | None, ...] = (None, (5, 2), (2, 1.5), (7, 2, 1.5, 2), (9, 3))
_MEMBERSHIP = (("auc", "all patients"), ("worst5_auc", "five most exposed"))
_RECONSTRUCTION = (
    ("analytic", "correlation, profile read off an update"),
    ("control", "correlation, class mean (control)"),
    ("hit_rate", "share, nearest patient is the right one"),
    ("identified", "share, right candidate named"),
    ("bound", "share, most that could be named"),
)


def headline_figure(report: ReconstructReport) -> str | None:
    """Draw utility, membership leakage and reconstruction by budget, recipes side by side; None without cells.

    Returns
    -------
    str or None
        An ``<svg>`` element with a title and a description.
    """
    rows = shown_rows(report)
    recipes = list(dict.fromkeys(row.recipe for row in rows))[:COLUMNS]
    groups = [[row for row in rows if row.recipe == recipe] for recipe in recipes]
    if not groups:
        return None
    measured = report.models > 0
    heights = _PANELS if measured else _PANELS[2:]

    def draw(figure: Figure) -> None:
        for column, group in enumerate(groups):
            panels = _stack(figure, heights, column=column, across=len(groups))
            if measured:
                _draw_accuracy(panels[0], group, least=_least(groups))
                _draw_curves(panels[1], group, _MEMBERSHIP, keyed=column == 0)
                panels[1].set_ylim(0.38, 1.04)
                panels[1].axhline(0.5, color=MUTED, linewidth=0.8, dashes=(2, 3))
                panels[1].set_title("Membership inference, AUC", loc="left", fontsize=_LABEL, pad=4)
            _draw_curves(panels[-1], group, _RECONSTRUCTION, keyed=column == 0)
            panels[-1].set_ylim(-0.06, 1.06)
            panels[-1].set_title("Reconstruction, correlation or share", loc="left", fontsize=_LABEL, pad=4)
            _set_budgets(panels, group, name=len(groups) > 1 or not measured)

    return _svg(draw, height=sum(heights) + 0.45 * len(heights) + 1.0, description=_describe(groups))


def _stack(figure: Figure, heights: Sequence[float], *, column: int, across: int) -> list[Axes]:
    left, right, between, gap = 0.62, 0.3, 0.55, 0.45
    width = (_WIDTH - left - right - (across - 1) * between) / across
    whole, top = figure.get_figheight(), 0.5
    panels = []
    for height in heights:
        start = left + column * (width + between)
        panels.append(figure.add_axes((start / _WIDTH, 1 - (top + height) / whole, width / _WIDTH, height / whole)))
        top += height + gap
    return panels


def _places(group: Sequence[Row]) -> list[float]:
    """Return where budgets stand on an axis of decades; no protection at its right end."""
    known = [math.log10(row.budget) for row in group if row.budget is not None] or [0.0]
    end = max(known) + max(0.5, 0.16 * (max(known) - min(known)))
    return [end if row.budget is None else math.log10(row.budget) for row in group]


def _least(groups: Sequence[Sequence[Row]]) -> float:
    found = [row.numbers["accuracy"] for group in groups for row in group]
    return min((end for one in found for end in (one.low, one.value) if end is not None), default=0.0)


def _draw_accuracy(axes: Axes, group: Sequence[Row], *, least: float) -> None:
    _draw_curve(axes, group, "accuracy", colour=INK)
    axes.set_ylim(max(0.0, least - 0.05), 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_title("Accuracy on patients the model has not seen", loc="left", fontsize=_LABEL, pad=4)


def _draw_curves(axes: Axes, group: Sequence[Row], curves: Sequence[tuple[str, str]], *, keyed: bool) -> None:
    for number, (name, title) in enumerate(curves):
        colour = MUTED if name == "control" else SERIES[number]
        _draw_curve(axes, group, name, colour=colour, dashes=_DASHES[number], title=title)
    if keyed and axes.lines:
        below, columns = ((0.0, -0.2), 2) if len(curves) > 2 else ((0.0, 1.0), 1)
        axes.legend(
            loc="upper left",
            bbox_to_anchor=below,
            ncols=columns,
            handlelength=3,
            fontsize=_LABEL,
            borderaxespad=0.1,
        )


def _draw_curve(
    axes: Axes,
    group: Sequence[Row],
    name: str,
    *,
    colour: str,
    dashes: tuple[float, ...] | None = None,
    title: str = "",
) -> None:
    places = zip(_places(group), (row.numbers[name] for row in group), strict=True)
    known = [(x, found.value, found) for x, found in places if found.value is not None]
    if not known:
        return
    (line,) = axes.plot([x for x, *_ in known], [value for _, value, _ in known], color=colour, label=title)
    line.set(linewidth=1.8, marker="o", markersize=4)
    if dashes is not None:
        line.set_dashes(dashes)
    for x, _, found in known:
        _draw_span(axes, x, found, colour)


def _draw_span(axes: Axes, x: float, found: Estimate, colour: str) -> None:
    if found.low is not None and found.high is not None:
        axes.plot([x, x], [found.low, found.high], color=colour, linewidth=0.9, alpha=0.6)


def _set_budgets(panels: Sequence[Axes], group: Sequence[Row], *, name: bool) -> None:
    """Name the budgets below the last panel, shade those that promise nothing, and name the recipe."""
    places = _places(group)
    words = ["none" if row.budget is None else number_text(row.budget) for row in group]
    vacuous = min((x for x, row in zip(places, group, strict=True) if row.vacuous), default=max(places))
    start = (vacuous + max((x for x in places if x < vacuous), default=vacuous - 0.8)) / 2
    for axes in panels:
        axes.set_xticks(places, words if axes is panels[-1] else [""] * len(places))
        axes.set_xlim(min(places) - 0.4, max(places) + 0.4)
        axes.axvspan(start, max(places) + 0.4, color=SHADE, alpha=0.12, linewidth=0)
    panels[0].annotate(
        "promises nothing",
        (start, 0),
        (4, 3),
        xycoords=panels[0].get_xaxis_transform(),
        textcoords="offset points",
        color=MUTED,
        fontsize=_LABEL,
    )
    panels[-1].set_xlabel("Budget \N{GREEK SMALL LETTER EPSILON} of DP-SGD (logarithmic)")
    if name:
        panels[0].annotate(
            label_text(group[0].recipe, most=40),
            (0, 1),
            (0, 18),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=11,
            fontweight="bold",
        )


def _describe(groups: Sequence[Sequence[Row]]) -> str:
    told = (
        f"{label_text(row.recipe)} at {'no protection' if row.budget is None else f'epsilon {number_text(row.budget)}'}"
        f": correlation {row.value('analytic') or 0.0:.2f}, control {row.value('control') or 0.0:.2f}"
        for group in groups
        for row in group
    )
    return f"{'; '.join(told)}."


def _svg(draw: Callable[[Figure], None], *, height: float, description: str) -> str:
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": "headline"}]), warnings.catch_warnings():
        # A recipe may be named in any script; the page's own font draws it.
        warnings.filterwarnings("ignore", message="Glyph ")
        figure = Figure(figsize=(_WIDTH, height), dpi=72)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    title = "Utility, membership leakage and reconstruction by the budget of DP-SGD"
    return inline_svg(text.getvalue(), name="headline", title=title, description=description)
