"""The summary of an audit that may be shared: aggregates, rounded, with room for no patient.

What protects whom:

- There is no number of a single patient: the most exposed ones are told by bands, see `shareable_patients`.
- Counts of classes and groups are held to the rule in `disclosure`, rounded at random, and named only where shown.
- Neither the seed, nor who was in which model, nor a digest of data or configuration is told (a digest of what can be
  guessed confirms the guess), nor the name of a file, which may name a hospital, nor a sentence of the report, which
  may hold counts.

What does not: two summaries of nearly the same cohort can be compared. Rounding, bands and the random pseudonyms behind
the rounding hinder that, but a class that is only just large enough disappears with one of its patients. Nothing here
is differential privacy, and a recipient who knows all patients but one can learn something of the one. Names of
classes, groups, the label and the policy are shown as they are in the cohort and in the policy's file: look at them
before sharing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from genoaudit.files import read_whole
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.roc import RESOLVABLE_COUNT
from genoaudit.privacy.alarm import VALID_KINDS
from genoaudit.report import rounding
from genoaudit.report import shareable_sections as parts
from genoaudit.report.answer import answer
from genoaudit.report.disclosure import MINIMUM, rounded_count
from genoaudit.report.result import MOST_BYTES, AttackResult, AuditReport, SideUtility, canonical_json
from genoaudit.report.sections import EpsilonBound
from genoaudit.report.shareable_numbers import named, number, promise, rate
from genoaudit.report.shareable_patients import (
    Patients,
    classes_are_complete,
    most_exposed_group,
    shared_exposure,
    shared_variables,
)
from genoaudit.report.shareable_verdict import shared_verdict
from genoaudit.report.wording import headline_attack

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import BoolArray

SUMMARY_VERSION: Literal["1.0"] = "1.0"
FPR_GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""False-positive rates at which the ROC is told, as far as the non-members resolve them."""
LIMIT_FPRS = (0.01, 0.1)
"""Where it is told what a promise allows."""


class Summary(parts.Shared):
    """Everything of an audit that may be shared."""

    schema_version: Literal["1.0"] = SUMMARY_VERSION
    genoaudit_version: str = Field(max_length=40)
    confidential: Literal[False] = False
    rule: parts.Rule
    verdict: parts.SharedVerdict | None
    found: Literal["exposed", "nothing_found", "unknown"] = Field(description="Whether any attack beats guessing.")
    task: parts.Task
    given: parts.Given | None
    headline: parts.Name | None = Field(description="Name of the attack that groups and the ROC are shown for.")
    attacks: tuple[parts.SharedAttack, ...] = Field(max_length=100)
    not_run: tuple[parts.Name, ...] = Field(max_length=100, description="Attacks that could not run.")
    union: parts.SharedUnion | None
    roc: tuple[parts.Rate, ...] = Field(max_length=len(FPR_GRID))
    members: parts.Quality | None = Field(description="Utility on the patients that models were trained on.")
    non_members: parts.Quality | None
    variables: tuple[parts.Variable, ...] = Field(max_length=100)
    most_exposed_group: parts.MostExposedGroup | None = Field(description="None where a group is hidden.")
    exposure: parts.SharedExposure | None
    promise: parts.Promise | None
    theory: parts.SharedTheory | None
    bounds: tuple[parts.SharedBound, ...] = Field(max_length=4)
    canaries: parts.SharedCanaries | None
    full_size: parts.SharedFullSize | None
    joint: parts.SharedJoint | None
    not_tested: tuple[parts.Words, ...] = Field(max_length=50)
    self_test_passed: bool | None
    checks: tuple[parts.SharedCheck, ...] = Field(max_length=100)

    def to_json(self) -> str:
        """Return the summary as strict JSON with sorted keys."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: str | Path) -> Summary:
        """Read a summary back from ``summary.json``."""
        return cls.model_validate_json(read_whole(Path(path), most=MOST_BYTES))


def summarise_for_sharing(report: AuditReport, patients: pd.DataFrame, members: BoolArray) -> Summary:
    """Tell what may be shared of an audit.

    Parameters
    ----------
    report
        The confidential report.
    patients
        One row per patient, as `AuditResult.patients`, with their groups and pseudonyms: the first say what counts give
        away, the second how they are rounded.
    members
        Membership in the models that the report judges; [models, patients in the order of the table]. One row is one
        given model.

    Returns
    -------
    The summary. Of a cohort with fewer than ten members or non-members in a model hardly anything is left.
    """
    about = Patients(patients, members)
    enough = about.enough
    variables = shared_variables(report, about) if enough else ()
    means = classes_are_complete(variables)
    return Summary(
        genoaudit_version=report.genoaudit_version,
        rule=parts.Rule(drawn=report.pseudonyms),
        verdict=shared_verdict(report, variables, enough=enough),
        found=answer(report).tone if enough else "unknown",
        task=_task(report, about, enough=enough),
        given=_given(report),
        headline=report.headline,
        attacks=tuple(map(_attack, report.attacks)) if enough else (),
        not_run=tuple(idle.name for idle in report.not_run),
        union=_union(report) if enough else None,
        roc=_roc(report) if enough else (),
        members=_quality(report.utility.members, means) if enough else None,
        non_members=_quality(report.utility.non_members, means) if enough else None,
        variables=variables,
        most_exposed_group=most_exposed_group(report, variables) if enough else None,
        exposure=shared_exposure(report, about) if enough else None,
        promise=None if report.promise is None else promise(report.promise),
        theory=_theory(report),
        bounds=_bounds(report) if enough else (),
        canaries=_canaries(report) if enough else None,
        full_size=_full_size(report) if enough else None,
        joint=_joint(report) if enough else None,
        not_tested=_not_tested(report),
        self_test_passed=None if report.self_test is None else report.self_test.passed,
        checks=tuple(
            parts.SharedCheck(code=check.code, title=check.title, status=check.status) for check in report.checks
        ),
    )


def _task(report: AuditReport, patients: Patients, *, enough: bool) -> parts.Task:
    everybody = np.ones(len(patients.table), dtype=bool)
    single = len(patients.members) == 1
    share = round(20 * float(patients.members.mean())) / 20 if enough and not single else None
    return parts.Task(
        audit=report.audit,
        recipe=None if report.recipe is None else named(report.recipe.kind),
        label=named(report.cohort.label),
        classes=len(report.cohort.classes),
        genes=report.cohort.genes,
        scale=report.cohort.scale,
        patients=rounded_count(everybody, patients.keys) if enough else None,
        members=rounded_count(patients.members[0], patients.keys) if enough and single else None,
        members_share=share,
        models=report.models,
        access=report.access_used,
        decimals=report.adversary.decimals,
        queries=report.adversary.queries,
    )


def _given(report: AuditReport) -> parts.Given | None:
    target = report.target
    if target is None:
        return None
    return parts.Given(
        kind=target.kind,
        manifest=target.manifest,
        seeded=target.seeded,
        non_members_declared=target.non_members_from is not None,
    )


def _attack(attack: AttackResult) -> parts.SharedAttack:
    return parts.SharedAttack(
        name=attack.name,
        title=attack.title,
        access=attack.access,
        auc=number(attack.auc),
        rates=tuple(found for told in attack.tpr_at_fpr if (found := rate(told)) is not None),
    )


def _union(report: AuditReport) -> parts.SharedUnion | None:
    union = report.union
    if union is None:
        return None
    return parts.SharedUnion(
        fpr=union.fpr,
        attacks=union.attacks,
        tpr=rounding.rounded(union.tpr),
        achieved_fpr=rounding.rounded(union.achieved_fpr),
    )


def _roc(report: AuditReport) -> tuple[parts.Rate, ...]:
    """Read the pooled ROC of the headline attack off at the points of a fixed grid that the non-members resolve."""
    attack = headline_attack(report)
    if attack is None:
        return ()
    n_out = min((found.n_out for found in attack.pooled.tpr_at_fpr), default=0)
    roc, points = attack.pooled.roc, []
    for fpr in FPR_GRID:
        if fpr * n_out >= RESOLVABLE_COUNT:
            tpr, low, high = (float(np.interp(fpr, roc.fpr, line)) for line in (roc.tpr, roc.low, roc.high))
            limits = rounding.rounded_limits(Estimate(tpr, low, high))
            points.append(parts.Rate(fpr=fpr, tpr=rounding.rounded(tpr), low=limits[0], high=limits[1]))
    return tuple(points)


def _quality(side: SideUtility, means_over_classes: bool) -> parts.Quality:  # noqa: FBT001
    return parts.Quality(
        accuracy=number(side.accuracy),
        balanced_accuracy=number(side.balanced_accuracy) if means_over_classes else None,
        auroc=number(side.auroc) if means_over_classes else None,
    )


def _theory(report: AuditReport) -> parts.SharedTheory | None:
    theory = report.theory
    if theory is None:
        return None
    curve = next((curve for curve in theory.curves if curve.neighbouring == "replace-one"), None)
    limits = () if curve is None else ((fpr, float(np.interp(fpr, curve.fpr, curve.tpr))) for fpr in LIMIT_FPRS)
    return parts.SharedTheory(
        alarm=theory.alarm, limits=tuple(parts.Limit(fpr=fpr, tpr=rounding.up(tpr)) for fpr, tpr in limits)
    )


def _bounds(report: AuditReport) -> tuple[parts.SharedBound, ...]:
    """Tell the strongest lower bounds that hold for any mechanism, weakened.

    The one about the most exposed patient is that patient's number. A board needs it, as it can refute a promise, so it
    is told in few steps; rounded down, a bound stays a bound. Canaries are nobody.
    """
    planted = () if report.canaries is None else report.canaries.bounds
    of_patient = (
        _bound(bound, "the most exposed patient", rounding.epsilon_step(bound.epsilon))
        for bound in _strongest(report.bounds)
    )
    of_canaries = (
        _bound(bound, "canaries", rounding.significant(bound.epsilon, 2, up=False)) for bound in _strongest(planted)
    )
    return (*of_patient, *of_canaries)


def _strongest(bounds: Sequence[EpsilonBound]) -> list[EpsilonBound]:
    """Return the largest bound that rests on no assumption, if there is any."""
    valid = [bound for bound in bounds if bound.kind in VALID_KINDS]
    return [max(valid, key=lambda bound: bound.epsilon)] if valid else []


def _bound(
    bound: EpsilonBound, about: Literal["the most exposed patient", "canaries"], at_least: float
) -> parts.SharedBound:
    delta = rounding.significant(bound.delta, 1, up=False)
    return parts.SharedBound(about=about, at_least=at_least, delta=delta, neighbouring=bound.neighbouring)


def _canaries(report: AuditReport) -> parts.SharedCanaries | None:
    canaries = report.canaries
    if canaries is None:
        return None
    kinds = [
        parts.CanaryKind(title=kind.title, planted=kind.canaries, auc=auc, rate=rate(kind.tpr_at_fpr))
        for kind in canaries.kinds
        # Natural patients beside them would be counted, and a handful of canaries points at whom they were made from.
        if kind.kind != "natural" and kind.canaries >= MINIMUM and (auc := number(kind.auc)) is not None
    ]
    return parts.SharedCanaries(models=canaries.models, kinds=tuple(kinds))


def _full_size(report: AuditReport) -> parts.SharedFullSize | None:
    found = report.full_size
    if found is None:
        return None
    return parts.SharedFullSize(
        points=tuple(
            parts.RiskOfShare(
                share=point.share, models=point.models, auc=number(point.auc), rate=rate(point.tpr_at_fpr)
            )
            for point in found.points
        ),
        auc=number(found.auc),
        tpr=number(found.tpr),
    )


def _joint(report: AuditReport) -> parts.SharedJoint | None:
    found = report.joint
    if found is None:
        return None
    return parts.SharedJoint(
        new_alone=number(found.new_alone),
        earlier_alone=tuple(map(number, found.earlier_alone)),
        together=number(found.together),
        promise=None if found.guarantee is None else promise(found.guarantee),
    )


def _not_tested(report: AuditReport) -> tuple[str, ...]:
    """Name what was not tested, but for what holds a number or the name of a file."""
    sources = [report.cohort.source, *(() if report.target is None else (report.target.source,))]
    sources += () if report.joint is None else report.joint.earlier
    return tuple(
        part.what
        for part in report.not_tested
        if not any(letter.isdigit() for letter in part.what) and not any(source in part.what for source in sources)
    )
