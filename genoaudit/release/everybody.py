"""The story of a model trained on everybody: nobody was left out to compare its members with.

Its recipe is audited instead, on half of the patients and on nine in ten of them, and what each attack achieves is
drawn on to all. That is an extrapolation, not a measurement of the given model and not a bound.

Two things change with the share. Each patient weighs less among more, so that attacks grow weaker. And the attacker,
whose reference models hold as large a share of the same patients, knows the other members better, so that attacks grow
stronger; of a recipe without randomness an attacker who knows all others knows for certain. A line through two shares
holds both. It is read as the risk from an attacker who knows nine in ten of the others. Where the rate rises, what he
gained by knowing more than half of them is in the slope, so that the line errs on the side of risk; where it falls, the
fall is in the value and in no upper limit. One who knows more gets more. And a line is smooth: a recipe that jumps with
the number of patients, by one more batch in an epoch, is not foretold.

The number of references is no third thing: at both shares the attacker has as many of each patient, with the patient
and without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.audit import audit_recipe
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Design, Progress, Recipe
from genoaudit.data.design import make_random_splits, turns_of
from genoaudit.data.target import Target
from genoaudit.errors import DataError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.leakage import DEFAULT_FPRS, summarise
from genoaudit.metrics.trend import extrapolate
from genoaudit.models.claims import settle_privacy
from genoaudit.release.matched import matched_scores
from genoaudit.release.promise import claim_of
from genoaudit.report import summary
from genoaudit.report.release_sections import FullSizeRisk, NotTested, RiskAtShare, Trend
from genoaudit.report.result import AttackResult, AuditResult
from genoaudit.shadowing import Clock, plan_audit, retold, train_design

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

SHARE = 0.9
"""Share of members beside one half, if the smallest class allows."""

LEAST_SHARE = 0.7
"""Smallest share that is far enough from one half to draw a trend through both."""

OUTSIDE = 2
"""Patients of every class that every model leaves out at least."""

FEWEST_ROUNDS = 6
"""Times that everybody is left out at least, so that every attack finds references."""

FPR = DEFAULT_FPRS[0]
"""False-positive budget of the rates that are drawn on: the one that most cohorts can resolve."""

TREND = "the probit of the rate, linear in one over the square root of the number of members"


def audit_everybody(
    recipe: Recipe,
    cohort: Cohort,
    target: Target,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    groups: Sequence[str] = (),
    canaries: CanarySection | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Audit the recipe of a model that was trained on all patients, and draw its risk on to all of them.

    Parameters
    ----------
    recipe
        What the model was trained by.
    cohort
        Its members.
    target
        The model, for the record and for what its training promises: nothing is asked of it.
    settings, options, groups, canaries, progress
        As for `genoaudit.audit_recipe`, for the models trained on half of the patients. On the larger share so many
        more are trained that everybody is left out as often.

    Returns
    -------
    The recipe audit at one half, with `AuditReport.full_size` and `AuditReport.target`.

    Raises
    ------
    ConfigError, TrainingError
        As for `genoaudit.audit_recipe`.
    DataError
        If some class is too small for models that hold nearly all patients.
    """
    settings, options = settings or AuditSection(), options or RunOptions()
    nearly_all(cohort, settings, models=2)  # before hours of training
    clock = Clock()
    half = audit_recipe(
        recipe,
        cohort,
        settings,
        options,
        groups=groups,
        canaries=canaries,
        progress=progress,
    )
    with clock("larger share"):
        beyond = _at_larger_share(recipe, cohort, settings, options, like=half, progress=progress)
    trends = [
        _trend(found, _at_half(found, half), beyond[found.name], cohort)
        for found in half.report.attacks
        if found.name in beyond
    ]
    trends.sort(key=lambda found: found.attack != half.report.headline)  # stable: the others stay in order
    headline, *others = trends
    claim = claim_of(target, recipe)
    full_size = FullSizeRisk(
        **dict(headline),
        trend=TREND,
        others=tuple(others),
        guarantee=None if claim is None else summary.guarantee(claim, seeded=claim.seeded),
    )
    given = summary.given_model(target)
    untested = (*half.report.not_tested, _UNTESTED)
    report = half.report.model_copy(update={"target": given, "full_size": full_size, "not_tested": untested})
    seconds = {**half.run["seconds"], **clock.seconds}
    return replace(half, report=report, run={**half.run, "seconds": seconds})


_UNTESTED = NotTested(
    what="This very model",
    why="All patients were members, so there is nobody to compare them with. Models of the same recipe that left "
    "patients out were attacked in its place.",
)


def nearly_all(cohort: Cohort, settings: AuditSection, *, models: int) -> Design:
    """Draw models that hold nearly all patients and leave everybody out as often as `models` half splits do.

    As many patients are left out as give the smallest class its two by the common share: if it got them by an
    exception, others would have to stay in, and not everybody would be left out equally often.

    Raises
    ------
    DataError
        If that leaves less than `LEAST_SHARE` of the patients.
    """
    patients = cohort.n_patients
    smallest = min(np.unique(cohort.patients[cohort.y == code]).size for code in range(len(cohort.classes)))
    least = max(patients - round(SHARE * patients), math.ceil(OUTSIDE * patients / smallest))
    # A few more if that makes the turns come out even, so that nobody is passed over; not so many that it is refused.
    most = max(least, min(least + least // 4, math.floor((1 - LEAST_SHARE) * patients)))
    outside = min(range(least, most + 1), key=lambda number: patients % number)
    members = patients - outside
    if members < LEAST_SHARE * patients:
        problem = (
            f"the smallest class has {smallest} patients. A model trained on everybody is judged by models that leave "
            f"out at most {1 - LEAST_SHARE:.0%} of all patients and at least {OUTSIDE} of every class. Drop or merge "
            "small classes (small_classes)."
        )
        raise DataError(cohort.source, [problem])
    number = max((models + 1) // 2, FEWEST_ROUNDS) * turns_of(patients, members)
    return make_random_splits(cohort.y, cohort.patients, members=members, models=number, seed=settings.seed)


def _at_larger_share(
    recipe: Recipe,
    cohort: Cohort,
    settings: AuditSection,
    options: RunOptions,
    *,
    like: AuditResult,
    progress: Progress | None,
) -> dict[str, RiskAtShare]:
    """Run the same attacks on models that hold nearly all patients."""
    design = nearly_all(cohort, settings, models=like.design.models)
    members = int(design.members[0].sum())
    settings = settings.model_copy(update={"models": design.models})
    settled = settle_privacy(recipe, patients=members)
    plan = plan_audit(settled, cohort, settings, options)
    tell = retold(progress, "on nearly all patients")
    trained = train_design(settled, cohort, design, settings, options, plan=plan, tell=tell)
    same = settings.model_copy(update={"attacks": tuple(found.name for found in like.report.attacks)})
    share = members / cohort.n_patients
    at: dict[str, RiskAtShare] = {}
    for attack, scores in matched_scores(same, trained.signals, design, cohort.patients).items():
        numbers = summarise(scores, design.members, design.partner, fprs=(FPR,))
        at[attack] = RiskAtShare(
            share=share,
            members=members,
            models=design.models,
            auc=numbers.mean_over_targets.auc,
            tpr_at_fpr=numbers.pooled.tpr_at_fpr[0],
        )
    return at


def _at_half(found: AttackResult, half: AuditResult) -> RiskAtShare:
    return RiskAtShare(
        share=0.5,
        members=half.report.cohort.patients // 2,
        models=half.design.models,
        auc=found.auc,
        tpr_at_fpr=next(rate for rate in found.pooled.tpr_at_fpr if rate.fpr == FPR),
    )


def _trend(found: AttackResult, half: RiskAtShare, beyond: RiskAtShare, cohort: Cohort) -> Trend:
    points = (half, beyond)
    return Trend(
        attack=found.name,
        points=points,
        auc=_extrapolated(half.auc, beyond.auc, points, cohort),
        tpr=_extrapolated(half.tpr_at_fpr.estimate, beyond.tpr_at_fpr.estimate, points, cohort),
    )


def _extrapolated(
    smaller: Estimate, larger: Estimate, points: tuple[RiskAtShare, RiskAtShare], cohort: Cohort
) -> Estimate:
    return extrapolate(smaller, larger, members=(points[0].members, points[1].members), to=cohort.n_patients)
