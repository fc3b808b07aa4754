"""A comparison as one self-contained page: no script, no network, nothing but the numbers of ``reconstruct.json``."""

from __future__ import annotations

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.html import environment
from genoaudit.report.reconstruct_figure import COLUMNS, headline_figure
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.reconstruct_table import Row, has_several_seeds, shown_rows
from genoaudit.report.reconstruct_wording import (
    budget_text,
    reading_text,
    reconstruct_answer,
    vanished_text,
)
from genoaudit.report.terminal import short_reference

OTHER_ATTACKS = {
    "control": "Class mean (control)",
    "analytic": "One sample, before training",
    "trained": "One sample, after training",
    "rank_one": "One sample, by rank one",
    "whole_patient": "All samples of a patient",
    "imprint": "Batch, imprinted network",
    "trap_weights": "Batch, trap weights",
    "matching": "One sample, first layer withheld",
    "informed": "Last sample, from the optimum",
}


def render_reconstruct(report: ReconstructReport) -> str:
    """Render the page; the same report gives the same bytes.

    Returns
    -------
    str
        A complete HTML document.
    """
    rows = shown_rows(report)
    recipes = dict.fromkeys(row.recipe for row in rows)
    source = report.cohort.source
    return (
        environment()
        .get_template("reconstruct.html.j2")
        .render(
            report=report,
            answer=reconstruct_answer(report),
            whose="simulated patients" if source == "simulated" else f"patients of {source}",
            groups=[(recipe, [row for row in rows if row.recipe == recipe]) for recipe in recipes],
            several=has_several_seeds(report),
            seeds=sorted({cell.seed for cell in report.cells}),
            figure=headline_figure(report),
            undrawn=max(0, len(recipes) - COLUMNS),
            attacks=OTHER_ATTACKS,
            short_reference=short_reference,
            sexed=any(row.value("sex_right") is not None for row in rows),
            candidates=max((cell.identification.candidates for cell in report.cells), default=0),
            budget_text=budget_text,
            reading_text=reading_text,
            vanished_text=vanished_text,
            vanished=any(row.value("vanished") for row in rows),
            number=number,
            span=span,
            share=share,
            noise=noise,
        )
    )


def number(row: Row, name: str) -> str:
    """Write a correlation or an AUC with two digits; a dash where there is none.

    Three digits near 1, where the second says too little.
    """
    return _text(row.value(name), share=False)


def share(row: Row, name: str) -> str:
    """Write a share in percent; a dash where there is none."""
    return _text(row.value(name), share=True)


def span(row: Row, name: str, *, as_share: bool = False) -> str:
    """Write the interval, or the range over seeds; empty where there is none."""
    found: Estimate = row.numbers[name]
    if found.low is None or found.high is None:
        return ""
    low, high = (_text(end, share=as_share) for end in (found.low, found.high))
    return f"{low.removesuffix(' %') if as_share else low}\N{EN DASH}{high}"


def noise(row: Row) -> str:
    """Write the noise multiplier shortly."""
    return "none" if row.noise_multiplier is None else f"{row.noise_multiplier:.2g}"


def _text(value: float | None, *, share: bool) -> str:
    if value is None:
        return "\N{EM DASH}"
    if share:
        percent = 100 * value
        if 99 < percent < 100:
            return f"{min(percent, 99.9):.1f} %"
        return f"{percent:.1f} %" if 0.05 <= percent < 9.95 else f"{percent:.0f} %"
    if 0.99 < abs(value) < 0.9999:
        return f"{value:.3f}"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}")
