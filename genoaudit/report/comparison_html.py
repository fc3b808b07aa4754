"""A comparison of runs as one self-contained page: no script, no network; names pass through autoescaping."""

from __future__ import annotations

from importlib.metadata import version

from genoaudit.report.comparison import Comparison
from genoaudit.report.comparison_wording import READING, comparison_heading, comparison_sentences, guarantee_text
from genoaudit.report.html import environment


def render_comparison(comparison: Comparison) -> str:
    """Render the page; the same comparison gives the same bytes.

    Returns
    -------
    str
        A complete HTML document.
    """
    page = environment().overlay()
    page.filters = {**page.filters, "guarantee_text": guarantee_text}
    return page.get_template("comparison.html.j2").render(
        comparison=comparison,
        heading=comparison_heading(comparison),
        sentences=comparison_sentences(comparison),
        reading=READING,
        not_error=any(run.accuracy.low != run.accuracy.high for run in comparison.runs),
        version=version("genoaudit"),
    )
