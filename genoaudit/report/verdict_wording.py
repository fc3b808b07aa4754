"""A verdict in words: the decision in a line, and its numbers as the policy means them."""

from __future__ import annotations

from genoaudit.report.criteria.draft import said
from genoaudit.report.release_sections import Criterion, Verdict

_HEADINGS = {
    "release": "RELEASE: all that the policy {} asks for is kept.",
    "hold": "HOLD: the policy {} is not kept.",
    "undecidable": "UNDECIDABLE: this evidence is not enough for the policy {}.",
}


def verdict_heading(verdict: Verdict) -> str:
    """Say the decision in a line.

    Examples
    --------
    >>> verdict_heading(Verdict(decision="hold", policy="ours", policy_sha256="", criteria=(), reasons=()))
    'HOLD: the policy ours is not kept.'
    """
    return _HEADINGS[verdict.decision].format(verdict.policy)


def found_text(criterion: Criterion) -> str:
    """Say what was found; a dash where there is no number."""
    return _text(criterion, criterion.value)


def limits_text(criterion: Criterion) -> str:
    """Say both one-sided 95 % limits; empty for a number without an error."""
    if criterion.at_least is None or criterion.at_most is None:
        return ""
    return f"{_text(criterion, criterion.at_least)} to {_text(criterion, criterion.at_most)}"


def threshold_text(criterion: Criterion) -> str:
    """Say what the policy asks for; a dash where that is no number."""
    if criterion.threshold is None:
        return "-"
    least = criterion.key.startswith(("utility.", "evidence."))
    return f"{'>=' if least else '<='} {_text(criterion, criterion.threshold)}"


def _text(criterion: Criterion, value: float | None) -> str:
    if value is None or criterion.threshold is None:
        return "-"
    if criterion.key.endswith(".auc"):
        return said(value, criterion.threshold, "auc")
    if ".tpr_at_fpr." in criterion.key or criterion.key.startswith("utility."):
        return said(value, criterion.threshold, "share")
    return f"{value:,.4g}"
