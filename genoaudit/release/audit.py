"""The story of a release audit: one given model, its known members, and reference models of the same recipe.

The references have as many members as the target. Thresholds come from them alone; what the best threshold in hindsight
would give stands beside. Without a recipe there are no references: attacks that need none still run, and the report
says what could not be tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genoaudit.attacks.access import restrict
from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.checks.catalogue import run_checks
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.config import DEFAULT_ATTACKS, AuditSection, RunOptions
from genoaudit.contracts import Access, BoolArray, Design, FloatArray, Progress, Recipe, Signals
from genoaudit.data.design import make_design, make_random_splits
from genoaudit.data.features import expression_features
from genoaudit.data.groups import patient_groups
from genoaudit.data.target import Target, need_both_sides
from genoaudit.errors import DataError
from genoaudit.judging import judge_groups, judge_utility, learns_thresholds, theory_of_one_model
from genoaudit.metrics.leakage import DEFAULT_FPRS, summarise
from genoaudit.metrics.thresholds import DEFAULT_FPRS as SHADOW_FPRS
from genoaudit.metrics.thresholds import AtShadowThreshold, at_thresholds, thresholds_from
from genoaudit.models.claims import settle_privacy
from genoaudit.release.not_tested import what_was_not_tested
from genoaudit.release.promise import claim_of
from genoaudit.report import summary
from genoaudit.report.result import AttackResult, AuditReport, AuditResult, NotRun
from genoaudit.scoring import Scored, able_attacks, reasons_against, score_attacks
from genoaudit.shadowing import Clock, Trained, needs_of, plan_audit, train_design, what_to_ask
from genoaudit.training.outputs import as_signals, outputs_from
from genoaudit.training.questions import Questions, ask

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def audit_target(
    recipe: Recipe | None,
    cohort: Cohort,
    target: Target,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    groups: Sequence[str] = (),
    progress: Progress | None = None,
) -> AuditResult:
    """Measure how well attackers tell the members of one given model from other patients of its cohort.

    Parameters
    ----------
    recipe
        What the model was trained by, for the reference models; None: it is not known, and attacks that need
        references do not run.
    cohort
        Its members, and other patients.
    target
        Who was a member, and the model or what it says of every sample; see `genoaudit.target_of` and
        `genoaudit.data.target.read_target`.
    settings, options, groups, progress
        As for `genoaudit.audit_recipe`. ``models = "auto"`` does not apply, and further queries and parameters take
        the model itself.

    Raises
    ------
    ConfigError
        If no attack can run.
    DataError
        If one side is empty, or reference models of this many members cannot be drawn.
    TrainingError
        If a reference model cannot be trained.
    """
    need_both_sides(target, cohort)
    settings, options = settings_for_target(settings or AuditSection(), target, recipe), options or RunOptions()
    tell = progress or (lambda stage, done, total: None)
    clock = Clock()
    patients_by = patient_groups(cohort, groups)
    single = _by_itself(target, settings)
    shadows = None if recipe is None else shadow_design(cohort, target, models=settings.most_models, seed=settings.seed)
    reasons_against(settings, shadows or single)
    trained = plan = None
    if recipe is not None and shadows is not None:
        recipe = settle_privacy(recipe, patients=int(target.members.sum()))
        plan = plan_audit(recipe, cohort, settings, options)
        with clock("training"):
            trained = train_design(recipe, cohort, shadows, settings, options, plan=plan, tell=tell)
    # Attacks on the parameters take the given model alone: reference models need not be asked for their gradients.
    own = settings.model_copy(update={"attacks": (*settings.attacks, *besides(settings, target))})
    with clock("asking"):
        said = _said(target, cohort, own)
    signals, design = (said, single) if trained is None else _beside(trained, said, single)
    with clock("attacks"):
        alone = _score(own, cohort, among=(signals, design), alone=(said, single))
    with clock("statistics"):
        # Thresholds must not know the target: not even as a reference of other models.
        others = None if trained is None else score_attacks(settings, trained.signals, trained.design, cohort.patients)
        results = _results(alone, others, shadows, single, tell)
        by_group, gaps = judge_groups(patients_by, alone, single, settings)
        ranked = _ranked(alone.scores[alone.headline][0], target.members)
        patients = summary.patients(cohort, ranked, patients_by, seed=settings.seed if options.replay else None)
        checks = _checks(cohort, said, alone, single, trained, decimals=settings.decimals)
    claim = claim_of(target, recipe)
    with clock("theory"):
        theory = None if claim is None else theory_of_one_model(claim.mechanisms, vacuous=claim.guarantee.vacuous)
    report = AuditReport(
        genoaudit_version=version("genoaudit"),
        audit="release",
        pseudonyms="from the seed" if options.replay else "random",
        target=summary.given_model(target),
        headline=alone.headline,
        cohort=summary.cohort(cohort),
        recipe=None if recipe is None else summary.recipe(recipe),
        guarantee=None if claim is None else summary.guarantee(claim, seeded=claim.seeded),
        theory=theory,
        design=None if shadows is None else summary.design(shadows),
        adversary=summary.adversary(settings),
        attacks=results,
        not_run=_not_run(alone.idle, references=shadows is not None),
        utility=judge_utility(cohort, said, single),
        groups=by_group,
        group_gaps=gaps,
        exposure=None,
        checks=summary.checks(checks),
        warnings=(*cohort.notes, *target.notes, *(() if trained is None else trained.told)),
    )
    report = report.model_copy(update={"not_tested": what_was_not_tested(report)})
    return AuditResult(report, patients, signals, design, cohort.patients, clock.record(plan))


def settings_for_target(settings: AuditSection, target: Target, recipe: Recipe | None) -> AuditSection:
    """Return what of an audit's settings applies to a given model.

    One that is known by its scores alone has no parameters and cannot be asked again. Without a recipe the attacks that
    are run unless told otherwise are those that need no reference models. Where its scores are rounded, what reference
    models say is rounded alike.
    """
    changed: dict[str, object] = {}
    if settings.models == "auto":
        changed["models"] = 64
    if target.model is None:
        access: Access = "logits" if settings.access == "parameters" else settings.access
        changed |= {"queries": 0, "access": access}
        if target.decimals is not None and settings.decimals is None and access != "labels":
            # Answers to fewer decimals are compared with such answers of the reference models.
            changed |= {"access": "probabilities", "decimals": target.decimals}
    settings = settings.model_copy(update=changed)
    if recipe is None and settings.attacks == DEFAULT_ATTACKS:
        able = able_attacks(settings, _by_itself(target, settings))
        settings = settings.model_copy(update={"attacks": tuple(attack.name for attack in able)})
    return settings


def besides(settings: AuditSection, target: Target) -> tuple[str, ...]:
    """Name the attacks on its parameters that a model which can be read meets besides, unless told otherwise."""
    if settings.attacks != DEFAULT_ATTACKS or target.model is None:
        return ()
    able = able_attacks(settings, _by_itself(target, settings))
    return tuple(attack.name for attack in able if attack.access == "parameters")


def _by_itself(target: Target, settings: AuditSection) -> Design:
    """Return the membership of the one given model."""
    return Design(members=target.members[np.newaxis], partner=np.array([-1]), seed=settings.seed)


def _said(target: Target, cohort: Cohort, settings: AuditSection) -> Signals:
    """Put what the target says into the form of signals; where it is there to ask, it is asked further questions."""
    outputs = outputs_from(target.log_proba, cohort.y)
    asked = what_to_ask(settings)
    if target.model is not None and asked.anything:
        questions = Questions.of(cohort, asked, settings.seed)
        outputs = ask(questions, target.model, outputs, target.members[cohort.patients])
    features = expression_features(cohort, seed=settings.seed) if "features" in needs_of(settings) else None
    return as_signals(outputs, cohort.y, features=features)


def _beside(trained: Trained, said: Signals, single: Design) -> tuple[Signals, Design]:
    """Put the target behind the reference models, as one more that has no partner."""
    shadows = trained.design
    design = replace(
        shadows,
        members=np.vstack([shadows.members, single.members]),
        partner=np.append(shadows.partner, -1),
    )
    return trained.signals.followed_by(said), design


def _score(
    settings: AuditSection, cohort: Cohort, *, among: tuple[Signals, Design], alone: tuple[Signals, Design]
) -> Scored:
    """Score the target among its references; what only the target can answer is scored by itself."""
    (signals, design), (said, single) = among, alone
    scored = score_attacks(settings, signals, design, cohort.patients)
    last: Mapping[str, FloatArray] = {name: scores[-1:] for name, scores in scored.scores.items()}
    found = replace(scored, scores=last)
    lacking = {attack.name for attack in able_attacks(settings, single) if signals.lacks(attack.needs)}
    able = [name for name in scored.idle if name in lacking and not said.lacks(CATALOGUE[name].needs)]
    if not able:
        return found
    own = score_attacks(settings.model_copy(update={"attacks": tuple(able)}), said, single, cohort.patients)
    idle = {name: reason for name, reason in scored.idle.items() if name not in own.scores}
    return replace(found, attacks=(*found.attacks, *own.attacks), scores={**last, **own.scores}, idle=idle)


def _not_run(idle: Mapping[str, str], *, references: bool) -> tuple[NotRun, ...]:
    without = "needs reference models, and there is no [recipe] to train them by"
    able = {name for name, attack in CATALOGUE.items() if attack.min_models == 1}
    return tuple(
        NotRun(name=name, reason=reason if references or name in able else without) for name, reason in idle.items()
    )


def _checks(
    cohort: Cohort, said: Signals, alone: Scored, single: Design, trained: Trained | None, *, decimals: int | None
) -> tuple[Finding, ...]:
    """Check the target; how many models there are is a matter of the references.

    What is rounded for the attacker is compared rounded: a probability of 1.00 is no sign of another training.
    """
    target = Evidence(
        cohort=cohort,
        design=single,
        released=single.members[0][cohort.patients],
        signals=restrict(said, "parameters", decimals=decimals),
        references=None if trained is None else restrict(trained.signals, "parameters", decimals=decimals),
        reference_design=None if trained is None else trained.design,
        scores=alone.scores,
        fprs=DEFAULT_FPRS,
        seed=single.seed,
    )
    references = {finding.code: finding for finding in run_checks(Evidence(design=target.reference_design))}
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


def _results(
    alone: Scored, others: Scored | None, shadows: Design | None, single: Design, tell: Progress
) -> tuple[AttackResult, ...]:
    results: list[AttackResult] = []
    for attack in alone.attacks:
        scores = alone.scores[attack.name]
        numbers = summarise(scores, single.members, single.partner)
        at: tuple[AtShadowThreshold, ...] = ()
        if others is not None and shadows is not None and attack.name in others.scores and learns_thresholds(attack):
            thresholds = thresholds_from(others.scores[attack.name], shadows.members, SHADOW_FPRS)
            at = at_thresholds(scores[0], single.members[0], thresholds, fprs=SHADOW_FPRS)
        results.append(summary.attack_result(attack, numbers, at, single=True))
        tell("Computing intervals", len(results), len(alone.attacks))
    return tuple(results)


def _ranked(scores: FloatArray, members: BoolArray) -> pd.DataFrame:
    """One row per patient: what the headline attack says, and among how many non-members he would stand out."""
    below = np.searchsorted(np.sort(scores[~members]), scores, side="left") / (~members).sum()
    table = pd.DataFrame({"member": members, "score": scores, "non_members_below": below})
    table["rank"] = table["score"].rank(method="first", ascending=False).astype(int)
    return table
