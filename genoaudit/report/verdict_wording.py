"""A verdict in words: the decision, what came of each criterion, its numbers as the policy means them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from genoaudit.phrases import printable
from genoaudit.report.criteria.draft import said
from genoaudit.report.release_sections import Criterion, WorstGroup
from genoaudit.report.result import Utility
from genoaudit.report.wording import percent, spoken_estimate, spoken_interval

WORDS = {"fail": "not met", "open": "undecided", "silent": "not refuted", "pass": "met"}
"""What may come of a criterion, on every page and in the terminal; what decides comes first."""

SIGNS = {"fail": "\N{MULTIPLICATION SIGN}", "open": "?", "silent": "\N{EN DASH}", "pass": "\N{CHECK MARK}"}
OUTCOMES = {outcome: f"{sign} {WORDS[outcome]}" for outcome, sign in SIGNS.items()}
"""The same words with a sign, so that they are told apart without colour."""

_DECISIONS = {
    "release": "every criterion of the policy \N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK} is met.",
    "hold": "the policy \N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK} is not met.",
    "undecidable": "this evidence does not settle the policy "
    "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}.",
}


class _Decided(Protocol):
    """A verdict, confidential or shareable, as far as both are said alike."""

    @property
    def decision(self) -> Literal["release", "hold", "undecidable"]: ...

    @property
    def policy(self) -> str: ...

    @property
    def criteria(self) -> Sequence[_Judged]: ...


class _Judged(Protocol):
    @property
    def outcome(self) -> Literal["pass", "fail", "open", "silent"]: ...


_AnyJudged = TypeVar("_AnyJudged", bound=_Judged)


def verdict_heading(verdict: _Decided) -> str:
    """Say what a policy says of an audit, the decision first.

    Examples
    --------
    >>> from genoaudit.report.release_sections import Verdict
    >>> verdict_heading(Verdict(decision="hold", policy="ours", policy_sha256="", criteria=(), reasons=()))
    'Hold: the policy “ours” is not met.'
    """
    return f"{verdict.decision.capitalize()}: {_DECISIONS[verdict.decision].format(printable(verdict.policy))}"


def verdict_count(verdict: _Decided) -> str:
    """Count the criteria by what came of them."""
    found = {outcome: sum(criterion.outcome == outcome for criterion in verdict.criteria) for outcome in WORDS}
    said = ", ".join(f"{found[outcome]:,} {words}" for outcome, words in WORDS.items() if found[outcome])
    number = len(verdict.criteria)
    return f"{number:,} {'criterion' if number == 1 else 'criteria'}: {said or 'none judged'}."


def by_outcome(criteria: Iterable[_AnyJudged]) -> list[_AnyJudged]:
    """Put the criteria that decide first."""
    order = {outcome: place for place, outcome in enumerate(WORDS)}
    return sorted(criteria, key=lambda criterion: order[criterion.outcome])


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
