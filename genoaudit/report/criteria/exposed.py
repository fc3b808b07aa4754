"""Whoever is most exposed: patients, groups, and planted worst cases."""

from __future__ import annotations

from collections.abc import Iterator

from genoaudit.report.criteria.draft import Draft, Sides, auc_limit, rate_draft
from genoaudit.report.policy import CanaryLimits, WorstGroupLimits, WorstPatientLimits
from genoaudit.report.result import AuditReport

_MODELS = Sides("models with the patient", "models without the patient")
_CANARIES = Sides("canaries", "canaries")


def worst_patient_drafts(limits: WorstPatientLimits, report: AuditReport) -> Iterator[Draft]:
    """Hold the most exposed patients to the limits."""
    who = "The most exposed patient" if limits.k == 1 else f"The {limits.k} most exposed patients"
    subject = f"{who}{_models(report)}"
    found = () if report.exposure is None else report.exposure.worst
    worst = next((worst for worst in found if worst.k == limits.k), None)
    if limits.auc is not None:
        limit = auc_limit("worst_patient.auc", limits.auc)
        yield limit.without(subject, _too_few(report)) if worst is None else limit.of(subject, worst.auc)
    rates = () if worst is None else (worst.tpr_at_fpr,)
    for budget in limits.tpr_at_fpr.items():
        yield rate_draft("worst_patient", subject, rates, budget, _MODELS)


def worst_group_drafts(limits: WorstGroupLimits, report: AuditReport) -> Iterator[Draft]:
    """Hold the most exposed group to the limit."""
    limit, found = auc_limit("worst_group.auc", limits.auc), report.worst_group
    if found is None:
        yield limit.without("The most exposed group", f"{_too_few(report)}, and a group that is large enough")
    else:
        yield limit.of(f"The most exposed group ({found.variable}: {found.value}){_models(report)}", found.auc)


def canary_drafts(limits: CanaryLimits, report: AuditReport) -> Iterator[Draft]:
    """Hold every kind of planted patients, and all of them together, to the limits."""
    found = () if report.canaries is None else report.canaries.kinds
    kinds = [(kind.title if kind.kind == "all" else f"Canaries, {kind.title.lower()}", kind) for kind in found]
    none = "was not measured: no canaries were planted; add [canaries] to the configuration"
    if limits.auc is not None:
        limit = auc_limit("canaries.auc", limits.auc)
        yield from (limit.of(subject, kind.auc) for subject, kind in kinds)
        if not kinds:
            yield limit.without("Canaries", none)
    for budget in limits.tpr_at_fpr.items():
        yield from (rate_draft("canaries", subject, (kind.tpr_at_fpr,), budget, _CANARIES) for subject, kind in kinds)
        if not kinds:
            yield rate_draft("canaries", "Canaries", (), budget, _CANARIES)


def _too_few(report: AuditReport) -> str:
    of_recipe = " of the recipe, which is not known" if report.recipe is None else ""
    return f"was not measured: it takes at least 32 models{of_recipe}, half of them to choose and half to measure"


def _models(report: AuditReport) -> str:
    """Say which models a number is about where it is not the model that is to be released."""
    if report.full_size is not None:
        smallest = min((point.share for point in report.full_size.points), default=0.5)
        return f", in models of {100 * smallest:g} % of the patients"
    return ", in models of the same recipe" if report.audit == "release" else ""
