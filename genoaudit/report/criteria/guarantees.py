"""What training promises, and what speaks against the promise.

A theoretical bound may pass or fail. A lower bound from an audit may only fail: a low one can be a weak attack. It
fails at its own significance and is not adjusted for the other criteria, as it is known at that one level only.
"""

from __future__ import annotations

from collections.abc import Iterator

from genoaudit.privacy.alarm import VALID_KINDS
from genoaudit.report.criteria.draft import Draft, Outcome, decided, said
from genoaudit.report.policy import BoundLimits
from genoaudit.report.promise_wording import alarm_sentence, claim_text
from genoaudit.report.result import AuditReport
from genoaudit.report.sections import EpsilonBound, Guarantee
from genoaudit.report.wording import epsilon_text, plain

_SUBJECT = "The guarantee"
_EPSILON = "bounds.epsilon"
_END_TO_END = "bounds.end_to_end"
_HEARSAY = (
    "its recipe promises one, and nothing shows that the given model was trained by it; a folder of genoaudit train "
    "brings the record of its training"
)
_ROUNDED = 1e-5  # reports hold six significant digits


def guarantee_drafts(limits: BoundLimits, report: AuditReport) -> Iterator[Draft]:
    """Hold the promise of training, and the lower bounds, to the limits."""
    guarantee = report.promise if report.joint is None else report.joint.guarantee
    if guarantee is None:
        single = "there is none, as not trained with DP"
        reason = single if report.joint is None else "not all releases were trained with DP"
        yield from _all_alike(limits, "fail", reason)
    elif guarantee.assumed:
        yield from _all_alike(limits, "open", _HEARSAY)
    elif report.joint is not None and guarantee.seeded:
        yield from _all_alike(
            limits, "fail", "the noise of one of the releases can be drawn again, which takes it away"
        )
    else:
        if limits.epsilon is not None:
            yield _epsilon(limits.epsilon, guarantee)
        if limits.end_to_end:
            yield _end_to_end(guarantee)
        for fpr, tpr in limits.tpr_at_fpr.items():
            yield _allowed_rate(fpr, tpr, guarantee, report)
    if limits.audited_epsilon is not None:
        yield from _audited(limits.audited_epsilon, report)


def refusals(report: AuditReport) -> Iterator[Draft]:
    """Return what no policy can allow: a promise that was refuted, and noise that can be drawn again."""
    if report.theory is not None and report.theory.alarm:
        whole = report.guarantee is None or report.guarantee.end_to_end
        told = plain(alarm_sentence(report.theory, end_to_end=whole)).removesuffix(".")
        yield decided("theory.alarm", _SUBJECT, "fail", told)
    if report.target is not None and report.target.seeded:
        reason = (
            "it was trained with DP on random numbers that can be drawn again, which takes the protection away: "
            "reproducible, not releasable. Train it for release"
        )
        yield decided("target.seeded", "The given model", "fail", reason)


def _all_alike(limits: BoundLimits, outcome: Outcome, reason: str) -> Iterator[Draft]:
    """Decide all limits on the promise by one reason."""
    if limits.epsilon is not None:
        yield decided(_EPSILON, _SUBJECT, outcome, reason, threshold=limits.epsilon)
    if limits.end_to_end:
        yield decided(_END_TO_END, _SUBJECT, outcome, reason)
    for fpr, tpr in limits.tpr_at_fpr.items():
        yield decided(_rate_key(fpr), _SUBJECT, outcome, reason, threshold=tpr)


def _epsilon(most: float, found: Guarantee) -> Draft:
    if found.epsilon is None:
        return decided(_EPSILON, _SUBJECT, "fail", "no finite epsilon holds, for want of noise", threshold=most)
    outcome: Outcome = "pass" if found.epsilon <= most else "fail"
    reason = f"epsilon {claim_text(found.epsilon)} at delta {found.delta:.2g} ({found.neighbouring}), allowed {most:g}"
    return decided(_EPSILON, _SUBJECT, outcome, reason, threshold=most, value=found.epsilon)


def _end_to_end(found: Guarantee) -> Draft:
    if found.end_to_end:
        return decided(_END_TO_END, _SUBJECT, "pass", "it covers the whole pipeline")
    first = found.gaps[0].removesuffix(".") if found.gaps else "why not is not said"
    more = f" (and {len(found.gaps) - 1} more)" if len(found.gaps) > 1 else ""
    return decided(_END_TO_END, _SUBJECT, "fail", f"it does not cover the whole pipeline. {first}{more}")


def _rate_key(fpr: float) -> str:
    return f"bounds.tpr_at_fpr.{fpr:g}"


def _allowed_rate(fpr: float, most: float, found: Guarantee, report: AuditReport) -> Draft:
    """Read the mechanism's limit where the curves are drawn; between two points the higher one holds."""
    key, at, allowed = _rate_key(fpr), f"at {100 * fpr:g} % false alarms", f"allowed {said(most, most, 'share')}"
    if found.epsilon is None or found.vacuous:
        return decided(key, _SUBJECT, "fail", f"it excludes nothing {at}, {allowed}", threshold=most)
    curves = () if report.theory is None or report.joint is not None else report.theory.curves
    highest = {
        curve.neighbouring: min(
            (tpr for at, tpr in zip(curve.fpr, curve.tpr, strict=True) if at >= fpr * (1 - _ROUNDED)), default=1.0
        )
        for curve in curves
    }
    if not highest:
        return decided(
            key, _SUBJECT, "open", f"how many members any attack may recognise {at} was not computed", threshold=most
        )
    relation, value = max(highest.items(), key=lambda entry: entry[1])
    outcome: Outcome = "pass" if value <= most else "fail"
    reason = f"any attack may recognise {said(value, most, 'share')} of members {at} ({relation}), {allowed}"
    return decided(key, _SUBJECT, outcome, reason, threshold=most, value=value)


def _audited(most: float, report: AuditReport) -> Iterator[Draft]:
    key = "bounds.audited_epsilon"
    planted = () if report.canaries is None else report.canaries.bounds
    valid = [bound for bound in (*report.bounds, *planted) if bound.kind in VALID_KINDS]
    yield from (_lower_bound(key, bound, most) for bound in valid)
    if not valid:
        reason = "there is none that holds for any mechanism: it takes at least 32 models, or canaries"
        yield decided(key, "Lower bound of epsilon", "open", reason, threshold=most)


def _lower_bound(key: str, bound: EpsilonBound, most: float) -> Draft:
    level = f"{100 * (1 - bound.significance):.3g} %"
    found = (
        f"epsilon is at least {epsilon_text(bound.epsilon)} ({level}; {bound.neighbouring}, delta {bound.delta:.2g}), "
        f"allowed {most:g}"
    )
    subject = f"Lower bound from {bound.on}"
    if bound.epsilon > most:
        return decided(key, subject, "fail", found, threshold=most, value=bound.epsilon)
    reason = f"{found}; not refuted, which confirms nothing"
    return decided(key, subject, "silent", reason, threshold=most, value=bound.epsilon)
