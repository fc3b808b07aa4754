"""Results in short, for notebooks."""

from __future__ import annotations

from genoaudit.display import card
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.answer import answer
from genoaudit.report.comparison import ComparedNumber, Comparison
from genoaudit.report.comparison_wording import READING, compared_text, guarantee_text
from genoaudit.report.release_sections import Verdict
from genoaudit.report.result import AuditReport
from genoaudit.report.sweep_result import SweepReport
from genoaudit.report.sweep_table import Row, shown_rows
from genoaudit.report.sweep_wording import guarantee_text as sweep_guarantee
from genoaudit.report.sweep_wording import sweep_answer
from genoaudit.report.terminal import interval_text
from genoaudit.report.verdict_wording import OUTCOMES, by_outcome, verdict_count, verdict_heading
from genoaudit.report.wording import auc_or_lowest, budget, main_rate, over_targets, percent, spoken_interval

_DASH = "\N{EM DASH}"


def audit_card(report: AuditReport) -> str:
    """Show what an audit found: the verdict, the answer, and the attacks, the headline first."""
    found = answer(report)
    ordered = sorted(report.attacks, key=lambda attack: (attack.name != report.headline, -auc_or_lowest(attack)))
    rate = main_rate(ordered[0]) if ordered else None
    at = None if rate is None else rate.fpr
    rows = [
        (attack.title, interval_text(attack.auc), _rate_text(next((r for r in attack.tpr_at_fpr if r.fpr == at), None)))
        for attack in ordered
    ]
    head = (f"Attack, {over_targets(report)}", "AUC", "" if at is None else f"TPR at {budget(at)} FPR")
    verdict = report.verdict
    if verdict is None:
        tone = "exposed" if found.tone == "exposed" else "plain"
        return card(found.heading, found.sentences[:2], head=head, rows=rows, tone=tone)
    said = (*verdict.reasons, f"{found.heading} {found.sentences[0]}")
    return card(verdict_heading(verdict), said, head=head, rows=rows, tone=verdict.decision)


def verdict_card(verdict: Verdict) -> str:
    """Show a verdict with its reasons and criteria, those that decide first."""
    rows = [(OUTCOMES[found.outcome], found.key, found.reason) for found in by_outcome(verdict.criteria)]
    sentences = (*verdict.reasons, verdict_count(verdict))
    head = ("Outcome", "Criterion", "Reason")
    return card(verdict_heading(verdict), sentences, head=head, rows=rows, words=3, tone=verdict.decision)


def comparison_card(comparison: Comparison) -> str:
    """Show runs side by side."""
    at = "TPR" if comparison.fpr is None else f"TPR at {budget(comparison.fpr)} FPR"
    head = ("Run", "Accuracy, unseen", "AUC", at, "AUC, most exposed", "Guarantee", "Verdict")
    rows = [
        (
            run.name,
            _share(run.accuracy),
            compared_text(run.auc),
            _compared_share(run.tpr),
            compared_text(run.worst_patient),
            guarantee_text(run.guarantee),
            run.verdict or _DASH,
        )
        for run in comparison.runs
    ]
    return card(f"{len(rows)} runs side by side", (*comparison.warnings, READING), head=head, rows=rows)


def sweep_card(report: SweepReport) -> str:
    """Show what protections cost and buy."""
    found = sweep_answer(report)
    head = ("Protection", "Accuracy", "AUC, all patients", "AUC, five most exposed", "Promise")
    rows = [_sweep_row(row) for row in shown_rows(report)]
    tone = "exposed" if found.tone == "exposed" else "plain"
    return card(found.heading, found.sentences[:2], head=head, rows=rows, tone=tone)


def _sweep_row(row: Row) -> tuple[str, ...]:
    numbers = row.numbers
    promise = "none" if row.accountant is None else sweep_guarantee(row)
    return (
        f"{row.recipe}: {row.title}",
        _share(numbers["accuracy"]),
        interval_text(numbers["auc"]),
        interval_text(numbers["worst5_auc"]),
        f"nothing ({promise})" if row.vacuous else promise,
    )


def _rate_text(rate: RateAtFpr | None) -> str:
    if rate is None or rate.tpr is None or not rate.resolvable:
        return "not resolvable"
    return f"{percent(rate.tpr)}, {spoken_interval(rate, as_percent=True)}"


def _compared_share(number: ComparedNumber) -> str:
    return compared_text(number, as_percent=True)


def _share(estimate: Estimate) -> str:
    return _DASH if estimate.value is None else percent(estimate.value)
