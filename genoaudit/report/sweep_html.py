"""A sweep as one self-contained page: no script, no network, nothing but the numbers of ``sweep.json``.

The page is ``templates/sweep.html.j2`` in the style sheet of the audit's page; sentences come from `sweep_wording`,
figures from `sweep_figure`. Names of recipes and protections are the user's and pass through autoescaping.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from genoaudit.metrics.estimates import Estimate
from genoaudit.report import sweep_wording as wording
from genoaudit.report.html import environment
from genoaudit.report.sweep_figure import budget_figure, drawn_recipes, frontier_figure
from genoaudit.report.sweep_result import SweepReport
from genoaudit.report.sweep_table import Row, exposure_measure, has_several_seeds, shown_rows
from genoaudit.report.wording import whose


def render_sweep(report: SweepReport) -> str:
    """Render the page; the same report gives the same bytes.

    Returns
    -------
    str
        A complete HTML document.
    """
    rows = shown_rows(report)
    measure = exposure_measure(rows)
    drawable = any(row.numbers[measure].value is not None for row in rows)
    recipes = tuple(dict.fromkeys(row.recipe for row in rows))
    return (
        environment()
        .get_template("sweep.html.j2")
        .render(
            report=report,
            answer=wording.sweep_answer(report),
            whose=whose(report.cohort),
            exposed=wording.WHOSE[measure],
            groups=[(recipe, [row for row in rows if row.recipe == recipe]) for recipe in recipes],
            several=has_several_seeds(report),
            reconstructed=any(row.numbers["profile"].value is not None for row in rows),
            seeds=sorted({cell.seed for cell in report.cells}),
            drawn=drawn_recipes(report),
            frontier=frontier_figure(report) if drawable else None,
            budgets=budget_figure(report) if drawable else None,
            pairs=_comparisons(report),
            gaps=_gaps(report),
            cell_warnings=_warnings(report),
            cheap=wording.is_cheap,
            guarantee_text=wording.guarantee_text,
            reading_of=wording.reading_of,
            points=wording.points_text,
            points_span=_points_span,
        )
    )


def _comparisons(report: SweepReport) -> list[dict[str, Any]]:
    """Give each comparison the titles of its two cells."""
    titles = {cell.name: cell.title for cell in report.cells}
    return [
        {
            "pair": pair,
            "defence": titles.get(pair.defence, pair.defence),
            "dp": None if pair.dp is None else titles.get(pair.dp, pair.dp),
        }
        for pair in report.comparisons
    ]


def _gaps(report: SweepReport) -> list[tuple[str, int]]:
    """List why guarantees do not cover the whole pipeline, with the number of cells each holds for."""
    found: defaultdict[str, int] = defaultdict(int)
    for cell in report.cells:
        for gap in () if cell.guarantee is None else cell.guarantee.gaps:
            found[gap] += 1
    return list(found.items())


def _warnings(report: SweepReport) -> list[tuple[str, list[str]]]:
    """List the cells' warnings once each, with the cells they are about."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for cell in report.cells:
        for warning in cell.warnings:
            found[warning].append(cell.name)
    return list(found.items())


def _points_span(row: Row) -> str:
    lost: Estimate = row.loss
    if lost.low is None or lost.high is None:
        return ""
    # Shown as gained or lost, as the figure does: minus means lost.
    return " to ".join(wording.points_text(-end).rpartition(" ")[0] for end in (lost.high, lost.low))
