"""The story of a release audit: one given model, its known members, and reference models of the same recipe.

The references have as many members as the target. Thresholds come from them alone; what the best threshold in hindsight
would give stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genoaudit.checks.catalogue import run_checks
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.config import AuditSection, RunOptions
from genoaudit.contracts import Access, Design, FloatArray, Recipe, Signals
from genoaudit.data.design import make_design, make_random_splits
from genoaudit.data.groups import patient_groups
from genoaudit.data.target import Target
from genoaudit.errors import DataError
from genoaudit.judging import judge_groups, theory_of_one_model
from genoaudit.metrics.leakage import DEFAULT_FPRS, summarise
from genoaudit.metrics.thresholds import DEFAULT_FPRS as SHADOW_FPRS
from genoaudit.metrics.thresholds import AtShadowThreshold, at_thresholds, thresholds_from
from genoaudit.metrics.unseen import unseen_utility
from genoaudit.metrics.utility import utility
from genoaudit.models.claims import PrivacyClaim, privacy_claim, settle_privacy
from genoaudit.report import summary
from genoaudit.report.result import Adversary, AttackResult, AuditReport, AuditResult, NotRun
from genoaudit.report.sections import CheckFinding
from genoaudit.scoring import Scored, models_of, reasons_against, score_attacks
from genoaudit.shadowing import Clock, Progress, plan_audit, train_design
from genoaudit.training.outputs import FLOOR, outputs_from

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_TRAINED_BY_IT = "The given model was trained by this recipe; its answers alone do not show that."


def audit_target(
    recipe: Recipe,
    cohort: Cohort,
    target: Target,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    claim: PrivacyClaim | None = None,
    groups: Sequence[str] = (),
    progress: Progress | None = None,
) -> AuditResult:
    """Measure how well attackers tell the members of one given model from other patients of its cohort.

    Parameters
    ----------
    recipe
        What the model was trained by, for the reference models.
    cohort
        Its members, and other patients.
    target
        Who was a member, and what the model says of every sample; see `genoaudit.data.target.read_target`.
    claim
        What the given model promises, where it is known from the model itself; None: what `recipe` promises, if the
        model was trained by it.
    settings, options, groups, progress
        As for `genoaudit.audit_recipe`. ``models = "auto"`` and further queries do not apply: the model is known by its
        answers on the samples alone.

    Raises
    ------
    ConfigError
        If no attack can run.
    DataError
        If reference models of this many members cannot be drawn.
    TrainingError
        If a reference model cannot be trained.
    """
    settings, options = settings_for_target(settings or AuditSection()), options or RunOptions()
    tell = progress or (lambda stage, done, total: None)
    clock = Clock()
    patients_by = patient_groups(cohort, groups)
    shadows = shadow_design(cohort, target, models=settings.most_models, seed=settings.seed)
    reasons_against(settings, shadows)
    recipe = settle_privacy(recipe, patients=int(target.members.sum()))
    claim = claim or _claim_of(recipe, target)
    plan = plan_audit(recipe, cohort, settings, options)
    with clock("training"):
        trained = train_design(recipe, cohort, shadows, settings, options, plan=plan, tell=tell)
    signals, design = _with_target(trained.signals, shadows, target, cohort)
    with clock("attacks"):
        scored = score_attacks(settings, signals, design, cohort.patients)
    alone = _of_target(scored)
    held = design.members[-1:]
    single = Design(members=held, partner=np.array([-1]), seed=design.seed)
    with clock("statistics"):
        # Thresholds must not know the target: not even as a reference of other models.
        others = score_attacks(settings, trained.signals, shadows, cohort.patients)
        results = _results(alone, others, shadows, single, tell)
        by_group, gaps = judge_groups(patients_by, alone, single, settings)
        patients = _patients(cohort, alone.scores[alone.headline][0], held[0], settings.seed)
        checks = _checks(cohort, signals, alone, single, shadows)
    with clock("theory"):
        theory = None if claim is None else theory_of_one_model(claim.mechanisms, vacuous=claim.guarantee.vacuous)
    report = AuditReport(
        genoaudit_version=version("genoaudit"),
        audit="release",
        headline=alone.headline,
        cohort=summary.cohort(cohort),
        recipe=summary.recipe(recipe),
        guarantee=None if claim is None else summary.guarantee(claim),
        theory=theory,
        design=summary.design(shadows),
        adversary=Adversary(access=settings.access, decimals=settings.decimals, queries=0),
        attacks=results,
        not_run=tuple(NotRun(name=name, reason=reason) for name, reason in scored.idle.items()),
        utility=summary.utility(
            utility(signals.proba[-1:], cohort.y, held[:, cohort.patients]),
            unseen_utility(signals.proba[-1:], cohort.y, cohort.patients, held, single.partner),
        ),
        groups=by_group,
        group_gaps=gaps,
        exposure=None,
        checks=tuple(CheckFinding(**asdict(finding)) for finding in checks),
        warnings=(*cohort.notes, *trained.told),
    )
    return AuditResult(report, patients, signals, design, cohort.patients, clock.record(plan))


def _claim_of(recipe: Recipe, target: Target) -> PrivacyClaim | None:
    """Say what a model trained by this recipe on so many members promises."""
    claim = privacy_claim(recipe, patients=int(target.members.sum()))
    return None if claim is None else replace(claim, assumptions=(*claim.assumptions, _TRAINED_BY_IT))


def settings_for_target(settings: AuditSection) -> AuditSection:
    """Return what of an audit's settings applies to a model that is known by its answers on the samples alone."""
    models = 64 if settings.models == "auto" else settings.models
    access: Access = "logits" if settings.access == "parameters" else settings.access
    return settings.model_copy(update={"models": models, "queries": 0, "access": access})


def _checks(cohort: Cohort, signals: Signals, alone: Scored, single: Design, shadows: Design) -> tuple[Finding, ...]:
    """Check the target; how many models there are is a matter of the references."""
    target = Evidence(
        cohort=cohort,
        design=single,
        released=single.members[0][cohort.patients],
        signals=models_of(signals, slice(-1, None)),
        scores=alone.scores,
        fprs=DEFAULT_FPRS,
        seed=single.seed,
    )
    references = {finding.code: finding for finding in run_checks(Evidence(design=shadows))}
    return tuple(references[found.code] if found.code == "GA008" else found for found in run_checks(target))


def shadow_design(cohort: Cohort, target: Target, *, models: int, seed: int) -> Design:
    """Draw the reference models: half splits if the target is one, else models with as many members as it has."""
    members = int(target.members.sum())
    if abs(2 * members - cohort.n_patients) <= 1:
        return make_design(cohort.y, cohort.patients, models=models, seed=seed)
    try:
        return make_random_splits(cohort.y, cohort.patients, members=members, models=models, seed=seed)
    except DataError as error:
        problem = (
            f"{members} of {cohort.n_patients} patients were members: reference models with as many cannot have two "
            "patients of every class on each side. Audit the recipe, or merge small classes (small_classes)."
        )
        raise DataError(target.source, [problem]) from error


def _with_target(signals: Signals, shadows: Design, target: Target, cohort: Cohort) -> tuple[Signals, Design]:
    """Put the target behind the reference models, as one more that has no partner."""
    said = outputs_from(np.log(np.maximum(target.proba, FLOOR)), cohort.y)
    label = None if signals.label is None else np.concatenate([signals.label, said.label[None]])
    design = replace(
        shadows,
        members=np.vstack([shadows.members, target.members]),
        partner=np.append(shadows.partner, -1),
    )
    both = replace(
        signals,
        logit=np.concatenate([signals.logit, said.logit[None]]),
        proba=np.concatenate([signals.proba, said.proba[None]]),
        label=label,
        grad_norm=None,
        influence=None,
    )
    return both, design


def _of_target(scored: Scored) -> Scored:
    last: Mapping[str, FloatArray] = {name: scores[-1:] for name, scores in scored.scores.items()}
    return Scored(scored.attacks, last, scored.idle, scored.statistic)


def _results(
    alone: Scored, others: Scored, shadows: Design, single: Design, tell: Progress
) -> tuple[AttackResult, ...]:
    results: list[AttackResult] = []
    for attack in alone.attacks:
        scores = alone.scores[attack.name]
        numbers = summarise(scores, single.members, single.partner)
        at: tuple[AtShadowThreshold, ...] = ()
        if attack.name in others.scores:
            thresholds = thresholds_from(others.scores[attack.name], shadows.members, SHADOW_FPRS)
            at = at_thresholds(scores[0], single.members[0], thresholds, fprs=SHADOW_FPRS)
        results.append(summary.attack_result(attack, numbers, at, single=True))
        tell("Computing intervals", len(results), len(alone.attacks))
    return tuple(results)


def _patients(cohort: Cohort, scores: FloatArray, members: np.ndarray, seed: int) -> pd.DataFrame:
    """One row per patient: what the headline attack says, and among how many non-members he would stand out."""
    below = np.searchsorted(np.sort(scores[~members]), scores, side="left") / (~members).sum()
    table = pd.DataFrame({"member": members, "score": scores, "non_members_below": below})
    table["rank"] = table["score"].rank(method="first", ascending=False).astype(int)
    return summary.patients(cohort, table, seed)
