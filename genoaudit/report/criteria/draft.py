"""One criterion by itself, before all of them are looked at together.

A number with an error passes if its far one-sided 95 % limit keeps the policy's, and has a p-value against "kept". The
verdict adjusts the p-values for each other before it calls anything a failure. A number without an error passes or
fails as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.one_sided import p_above, p_below

Outcome = Literal["pass", "fail", "open", "silent"]
Unit = Literal["auc", "share", "rate"]
"""How a number is said: as an AUC, as a share, or as a rate, a share of what is named."""

NOTHING = Estimate(None, None, None)


@dataclass(frozen=True)
class Adjusted:
    """What the other criteria make of a p-value.

    Parameters
    ----------
    p_value
        Adjusted by Holm's method.
    criteria
        How many it was adjusted for.
    """

    p_value: float
    criteria: int


@dataclass(frozen=True)
class Draft:
    """A criterion by itself.

    Parameters
    ----------
    key, subject, threshold
        As in `genoaudit.report.release_sections.Criterion`.
    number
        What was found; empty where there is none.
    outcome
        By itself; a number beyond its limit is ``"open"`` until it is adjusted for the others.
    say
        Gives an outcome in words.
    p_value
        Against "kept"; None where the number has no error, or there is none.
    beyond
        Whether the near one-sided limit is beyond the threshold.
    """

    key: str
    subject: str
    threshold: float | None
    number: Estimate
    outcome: Outcome
    say: Callable[[Outcome, Adjusted | None], str]
    p_value: float | None = None
    beyond: bool = False


def decided(
    key: str,
    subject: str,
    outcome: Outcome,
    reason: str,
    *,
    threshold: float | None = None,
    value: float | None = None,
) -> Draft:
    """Return a criterion on a number without an error, or without a number, which no other criterion can move."""
    text = f"{subject}: {reason}."
    return Draft(key, subject, threshold, Estimate(value, None, None), outcome, lambda _outcome, _adjusted: text)


@dataclass(frozen=True)
class Limit:
    """A policy's limit on a number in [0, 1] that has an error.

    Parameters
    ----------
    key
        Where it stands in the policy.
    name
        What is limited, such as ``"AUC"``.
    threshold
        The limit.
    unit
        How numbers are said.
    floor
        Whether the number must be at least the threshold, instead of at most.
    """

    key: str
    name: str
    threshold: float
    unit: Unit
    floor: bool = False

    def without(self, subject: str, reason: str) -> Draft:
        """Return the criterion where there is no number, which is open."""
        name = f"the share of {self.name}" if self.unit == "rate" else self.name
        return decided(self.key, subject, "open", f"{name} {reason}", threshold=self.threshold)

    def of(self, subject: str, estimate: Estimate) -> Draft:
        """Compare a number with the limit."""
        number = _with_limits(estimate)
        if number.value is None or number.at_least is None or number.at_most is None:
            return self.without(subject, "could not be measured")
        if self.floor:
            keeps, beyond = number.at_least >= self.threshold, number.at_most < self.threshold
            p_value = p_below(number, self.threshold)
        else:
            keeps, beyond = number.at_most <= self.threshold, number.at_least > self.threshold
            p_value = p_above(number, self.threshold)
        words = _Words(self, subject, number.value, number.at_least, number.at_most)
        outcome: Outcome = "pass" if keeps else "open"
        return Draft(self.key, subject, self.threshold, number, outcome, words, p_value, beyond)


@dataclass(frozen=True)
class _Words:
    """A number with the limit that decides, and what was demanded, in one sentence."""

    limit: Limit
    subject: str
    value: float
    at_least: float
    at_most: float

    def __call__(self, outcome: Outcome, adjusted: Adjusted | None) -> str:
        threshold, unit = self.limit.threshold, self.limit.unit
        at_least, at_most = (
            f"{side} {said(end, threshold, unit)}"
            for side, end in (("at least", self.at_least), ("at most", self.at_most))
        )
        far, near = (at_least, at_most) if self.limit.floor else (at_most, at_least)
        number = said(self.value, threshold, unit)
        found = (
            f"{self.subject}: {f'{number} of {self.limit.name}' if unit == 'rate' else f'{self.limit.name} {number}'}"
        )
        demanded = f"{'asked for' if self.limit.floor else 'allowed'} {said(threshold, threshold, unit)}"
        if outcome == "pass":
            return f"{found}, {far} (95 %), {demanded}."
        if outcome == "fail":
            return f"{found}, {near} (95 %), {demanded}."
        if adjusted is not None:
            return (
                f"{found}, {near} (95 %), {demanded}, but not clearly beyond among {adjusted.criteria} criteria "
                f"(adjusted p = {adjusted.p_value:.2g})."
            )
        return f"{found}, {at_least} and {at_most} (95 % each), {demanded}: too close to call."


def auc_limit(key: str, threshold: float) -> Limit:
    """Return a limit on an AUC."""
    return Limit(key, "AUC", threshold, "auc")


@dataclass(frozen=True)
class Sides:
    """Whom rates are of, for messages.

    Parameters
    ----------
    inside
        Of whom a TPR is a share: ``"members"``.
    outside
        What a false-positive budget is spent on: ``"non-members"``.
    """

    inside: str
    outside: str


def rate_draft(
    table: str, subject: str, rates: tuple[RateAtFpr, ...], limit: tuple[float, float], sides: Sides
) -> Draft:
    """Compare a TPR within a false-positive budget with its limit; only resolvable rates are read.

    Parameters
    ----------
    table, subject
        The policy's table, and whom the rates are of.
    rates
        What was measured, at one or several budgets.
    limit
        False-positive budget and largest TPR.
    sides
        Whom the rates are of.
    """
    fpr, tpr = limit
    kept = Limit(
        f"{table}.tpr_at_fpr.{fpr:g}", f"{sides.inside} recognised at {100 * fpr:g} % false alarms", tpr, "rate"
    )
    rate = next((rate for rate in rates if abs(rate.fpr - fpr) < 1e-9), None)
    if rate is None:
        measured = ", ".join(f"{100 * rate.fpr:g} %" for rate in rates) or "none"
        return kept.without(subject, f"was not measured (budgets that were: {measured})")
    if not rate.resolvable:
        return kept.without(
            subject,
            f"cannot be resolved with {rate.n_out:,} {sides.outside}: fewer than ten false positives stand behind it",
        )
    return kept.of(subject, rate.estimate)


def said(number: float, beside: float, unit: Unit) -> str:
    """Say a number with as many digits as it takes to tell it from another one.

    Examples
    --------
    >>> said(0.7912, 0.6, "auc"), said(0.6004, 0.6, "auc"), said(0.6, 0.6, "auc")
    ('0.79', '0.6004', '0.60')
    >>> said(0.4312, 0.2, "share"), said(0.2, 0.2, "share"), said(0.0512, 0.05, "share")
    ('43 %', '20 %', '5.1 %')
    """
    scale, fewest, sign = (1, 2, "") if unit == "auc" else (100, int(0.1 > number != beside), " %")
    exact, other = scale * number, scale * beside

    def enough(text: str, digits: int) -> bool:
        return float(text) == round(exact, 6) if number == beside else text != f"{other:.{digits}f}"

    texts = ((digits, f"{exact:.{digits}f}") for digits in range(fewest, 7))
    return next((text for digits, text in texts if enough(text, digits)), f"{exact:.6f}") + sign


def _with_limits(estimate: Estimate) -> Estimate:
    """Let the two-sided interval stand in where there are no one-sided limits: it errs on the wide side."""
    if estimate.at_least is not None and estimate.at_most is not None:
        return estimate
    return replace(estimate, at_least=estimate.low, at_most=estimate.high)
