"""A policy's verdict in the words of a page: the decision, the count of criteria, and what came of each."""

from __future__ import annotations

from genoaudit.report.release_sections import Criterion, Verdict

OUTCOMES = {
    "fail": "\N{MULTIPLICATION SIGN} fails",
    "open": "? open",
    "silent": "\N{EN DASH} silent",
    "pass": "\N{CHECK MARK} passes",
}
"""What may come of a criterion, told apart without colour; what decides comes first."""

_DECISIONS = {
    "release": "every criterion of the policy \N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK} is met.",
    "hold": "the policy \N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK} is not met.",
    "undecidable": "this evidence does not settle the policy "
    "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}.",
}
_COUNTED = {"pass": "met", "fail": "not met", "open": "open", "silent": "that could only fail, and did not"}


def verdict_heading(verdict: Verdict) -> str:
    """Say what a policy says of an audit, the decision first."""
    return f"{verdict.decision.capitalize()}: {_DECISIONS[verdict.decision].format(verdict.policy)}"


def verdict_count(verdict: Verdict) -> str:
    """Count the criteria by what came of them."""
    found = {outcome: sum(criterion.outcome == outcome for criterion in verdict.criteria) for outcome in _COUNTED}
    said = ", ".join(f"{found[outcome]:,} {words}" for outcome, words in _COUNTED.items() if found[outcome])
    number = len(verdict.criteria)
    return f"{number:,} {'criterion' if number == 1 else 'criteria'}: {said or 'none judged'}."


def by_outcome(verdict: Verdict | None) -> list[Criterion]:
    """Put the criteria that decide first."""
    order = {outcome: place for place, outcome in enumerate(OUTCOMES)}
    return sorted(() if verdict is None else verdict.criteria, key=lambda criterion: order[criterion.outcome])
