"""A summary as one self-contained page that may be shared, made from nothing but the summary."""

from __future__ import annotations

from genoaudit.report import shareable_criteria, verdict_wording
from genoaudit.report import shareable_wording as wording
from genoaudit.report.html import environment
from genoaudit.report.shareable import Summary
from genoaudit.report.shareable_figure import shared_roc_figure


def render_summary(summary: Summary) -> str:
    """Render the page; the same summary gives the same bytes.

    Returns
    -------
    str
        A complete HTML document: no script, no network. Names from the cohort are escaped.
    """
    headline = next((attack for attack in summary.attacks if attack.name == summary.headline), None)
    budgets = sorted({rate.fpr for attack in summary.attacks for rate in attack.rates}, reverse=True)
    return (
        environment()
        .get_template("summary.html.j2")
        .render(
            summary=summary,
            answer=wording.shared_answer(summary),
            say=wording,
            told=shareable_criteria,
            criteria=verdict_wording.by_outcome(summary.verdict.criteria if summary.verdict is not None else ()),
            headline=headline,
            rate=None if headline is None else wording.spoken_rate(headline),
            roc=shared_roc_figure(summary) if summary.roc else None,
            budgets=budgets,
            attacks=sorted(summary.attacks, key=lambda attack: -(attack.auc.value if attack.auc else 0.0)),
        )
    )
