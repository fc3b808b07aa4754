"""A verdict in words: the decision in a line, its numbers as the policy means them, and numbers made for policies."""

from __future__ import annotations

from genoaudit.report.criteria.draft import said
from genoaudit.report.release_sections import Criterion, Verdict, WorstGroup
from genoaudit.report.result import Utility
from genoaudit.report.wording import percent, spoken_estimate, spoken_interval

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


def worst_group_sentence(group: WorstGroup) -> str:
    """Say how exposed the most exposed group is, measured on models that did not choose it."""
    several = " / " in group.variable or " / " in group.value
    names = f"{group.variable}: {group.value}{', one chosen by each half of the models' if several else ''}"
    return (
        f"The most exposed group ({names}) has an AUC of {spoken_estimate(group.auc)}: chosen on one half of the "
        "models and measured on the other."
    )


def unseen_sentence(utility: Utility, *, single: bool) -> str:
    """Say how often predictions are right on patients not seen, with an interval that reaches to other patients."""
    over = "over patients" if single else "over patients and models"
    said = [
        f"{name} {percent(found.value)} ({spoken_interval(found, as_percent=True)})"
        for name, found in (
            ("accuracy", utility.unseen_accuracy),
            ("balanced accuracy", utility.unseen_balanced_accuracy),
        )
        if found.value is not None
    ]
    return f"On patients not seen, {' and '.join(said)}; intervals {over}." if said else ""


def _text(criterion: Criterion, value: float | None) -> str:
    if value is None or criterion.threshold is None:
        return "-"
    if criterion.key.endswith(".auc"):
        return said(value, criterion.threshold, "auc")
    if ".tpr_at_fpr." in criterion.key or criterion.key.startswith("utility."):
        return said(value, criterion.threshold, "share")
    return f"{value:,.4g}"
