"""Attacks on all patients: every one that ran, several releases together, or what is read off for a full-size model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.criteria.draft import NOTHING, Draft, Sides, auc_limit, decided, rate_draft
from genoaudit.report.policy import AttackLimits
from genoaudit.report.release_sections import FullSizeRisk
from genoaudit.report.result import AuditReport

EXTRAPOLATED = ", extrapolated to a model of all patients and not measured"
"""What is said of an attack behind its title where the number is none of any model."""

_SIDES = Sides("members", "non-members")

_Found = tuple[str, Estimate, tuple[RateAtFpr, ...]]
"""What is judged: whose, its AUC and its rates."""


def attack_drafts(limits: AttackLimits, report: AuditReport) -> Iterator[Draft]:
    """Hold every attack to the limits; where non-members are lacking, what it comes to at all patients instead."""
    yield from _required(limits, report)
    found = list(_found(report))
    if limits.auc is not None:
        limit = auc_limit("attacks.auc", limits.auc)
        yield from (limit.of(title, auc) for title, auc, _ in found)
        if not found:
            yield limit.without("Attacks", "was not measured: none ran")
    for budget in limits.tpr_at_fpr.items():
        if not any(_resolvable(rates, budget[0]) for _, _, rates in found):  # once, not for each of thirty attacks
            yield rate_draft("attacks", "Every attack", found[0][2] if found else (), budget, _SIDES)
            continue
        yield from (rate_draft("attacks", title, rates, budget, _SIDES) for title, _, rates in found)


def _required(limits: AttackLimits, report: AuditReport) -> Iterator[Draft]:
    ran = {attack.name: attack.title for attack in report.attacks}
    idle = {attack.name: attack.reason for attack in report.not_run}
    why = "it was not asked for"
    if report.recipe is None:
        why += ", or needs reference models, which take a [recipe]"
    for name in limits.require:
        if name in ran:
            yield decided("attacks.require", ran[name], "pass", "required, and has run")
        else:
            yield decided("attacks.require", name, "open", f"required, and did not run: {idle.get(name, why)}")


def _found(report: AuditReport) -> Iterator[_Found]:
    if report.full_size is not None:
        yield from _extrapolated(report.full_size, report)
        return
    if report.joint is not None:
        earlier = len(report.joint.earlier)
        together = f"{report.joint.attack} on this and {earlier} earlier release{'s' if earlier > 1 else ''} together"
        yield together, report.joint.together, (report.joint.together_tpr,)
    yield from ((attack.title, attack.auc, attack.tpr_at_fpr) for attack in report.attacks)


def _extrapolated(full: FullSizeRisk, report: AuditReport) -> Iterator[_Found]:
    trends = {trend.attack: trend for trend in (full, *full.others)}
    for attack in report.attacks:
        trend = trends.get(attack.name)
        if trend is None:
            yield attack.title + EXTRAPOLATED, NOTHING, ()
            continue
        # The trend is no better resolved than the worst of the points it was drawn through.
        measured = min((point.tpr_at_fpr for point in trend.points), key=lambda rate: rate.n_out)
        yield attack.title + EXTRAPOLATED, trend.auc, (_at(measured, trend.tpr),)


def _at(rate: RateAtFpr, tpr: Estimate) -> RateAtFpr:
    return replace(rate, tpr=tpr.value, low=tpr.low, high=tpr.high, at_least=tpr.at_least, at_most=tpr.at_most)


def _resolvable(rates: tuple[RateAtFpr, ...], fpr: float) -> bool:
    return any(rate.resolvable and abs(rate.fpr - fpr) < 1e-9 for rate in rates)
