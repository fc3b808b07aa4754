"""The story of an audit, top to bottom.

Read a cohort, draw who is in which model, train the models, let every attack score every patient of every model, and
turn the scores into numbers with intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from genoaudit.canaries import audit_canaries, coins_guessed
from genoaudit.checks.catalogue import run_checks
from genoaudit.checks.evidence import Evidence
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Attack, Design, Progress, Recipe, Signals
from genoaudit.data.canaries import refuse_kinds
from genoaudit.data.design import make_design
from genoaudit.data.groups import patient_groups
from genoaudit.judging import (
    audit_nothing,
    bound_of_the_most_exposed,
    judge_attacks,
    judge_convergence,
    judge_groups,
    judge_patients,
    judge_theory,
    judge_union,
    judge_utility,
    judge_worst_group,
)
from genoaudit.metrics.leakage import DEFAULT_FPRS
from genoaudit.models.claims import privacy_claim, settle_privacy
from genoaudit.models.recipes import build_recipe, check_is_recipe
from genoaudit.report import summary
from genoaudit.report.result import AuditReport, AuditResult, NotRun
from genoaudit.report.sections import EpsilonBound, Theory
from genoaudit.scoring import Scored, reasons_against, score_attacks
from genoaudit.shadowing import Clock, plan_audit, train_half_splits

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort
    from genoaudit.models.claims import PrivacyClaim
    from genoaudit.privacy.lower_bounds import Neighbouring
    from genoaudit.privacy.mechanism import Mechanism


def run_demo(
    settings: AuditSection | None = None, options: RunOptions | None = None, *, progress: Progress | None = None
) -> AuditResult:
    """Audit the reference recipe on the embedded simulated cohort; what ``genoaudit demo`` runs."""
    from genoaudit.data.simulate import simulate_cohort

    cohort = simulate_cohort()
    recipe = build_recipe("mlp", {}, scale=cohort.scale)
    return audit_recipe(recipe, cohort, settings, options, groups=("sex", "site"), progress=progress)


def audit_recipe(
    recipe: Recipe,
    cohort: Cohort,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    groups: Sequence[str] = (),
    canaries: CanarySection | None = None,
    self_test: bool = False,
    progress: Progress | None = None,
) -> AuditResult:
    """Measure how well attackers tell members from non-members of models trained by `recipe` on this cohort.

    Every model of the design is the target once; the headline is the mean over targets.

    Parameters
    ----------
    recipe
        Any unfitted scikit-learn classifier or Pipeline; preprocessing belongs inside, so that it is refitted on the
        members of every model.
    cohort
        The patients.
    settings
        Models, attacks, adversary and seed; see `genoaudit.config.AuditSection`.
    options
        Processes and cache; no effect on the numbers.
    groups
        Covariates in ``cohort.obs`` to show leakage by, besides the class.
    canaries
        Plant worst-case patients too, and bound epsilon by them.
    self_test
        Audit a membership that no model knows as well, which must find nothing.
    progress
        Told how far each stage is.

    Raises
    ------
    ConfigError
        If none of the attacks can run on so few models.
    TrainingError
        If a model cannot be trained; finished models stay in the cache.
    """
    check_is_recipe(recipe)
    settings, options = settings or AuditSection(), options or RunOptions()
    tell = progress or (lambda stage, done, total: None)
    clock = Clock()
    patients_by = patient_groups(cohort, groups)
    if canaries is not None:
        refuse_kinds(canaries.kinds, canaries.count)
        coins_guessed(canaries)
    open_recipe, recipe = recipe, settle_privacy(recipe, patients=cohort.n_patients // 2)
    claim = privacy_claim(recipe, patients=cohort.n_patients // 2)
    reasons_against(settings, make_design(cohort.y, cohort.patients, models=settings.most_models, seed=settings.seed))
    plan = plan_audit(recipe, cohort, settings, options)
    with clock("training"):
        trained = train_half_splits(recipe, cohort, settings, options, plan=plan, tell=tell)
    design, signals = trained.design, trained.signals
    with clock("attacks"):
        scored = score_attacks(settings, signals, design, cohort.patients)
    with clock("statistics"):
        results = judge_attacks(scored, design, tell)
        patients, exposure = judge_patients(cohort, scored, design, settings, groups=patients_by, replay=options.replay)
        by_group, gaps = judge_groups(patients_by, scored, design, settings)
        worst_group = judge_worst_group(
            patients_by, scored, signals, design, patients=cohort.patients, settings=settings
        )
        convergence = judge_convergence(settings, signals, design, cohort.patients, headline=scored.headline)
        nothing = audit_nothing(settings, cohort, signals, design) if self_test else None
        checks = run_checks(_evidence(cohort, recipe, scored, design, signals))
    significance = significance_of_bounds(claim, canaries)
    planted = None
    if canaries is not None:
        with clock("canaries"):
            planted = audit_canaries(
                open_recipe, cohort, canaries, settings, options, significance=significance, progress=progress
            )
    bounds = bound_of_the_most_exposed(scored.statistic, design, settings, significance=significance)
    with clock("theory"):
        theory = theory_of(open_recipe, cohort, claim, canaries, bounds if planted is None else bounds + planted.bounds)
    report = AuditReport(
        genoaudit_version=version("genoaudit"),
        pseudonyms="from the seed" if options.replay else "random",
        headline=scored.headline,
        cohort=summary.cohort(cohort),
        recipe=summary.recipe(recipe),
        guarantee=None if claim is None else summary.guarantee(claim),
        theory=theory,
        design=summary.design(design),
        adversary=summary.adversary(settings),
        attacks=results,
        not_run=tuple(NotRun(name=name, reason=reason) for name, reason in scored.idle.items()),
        union=judge_union(scored, design),
        utility=judge_utility(cohort, signals, design),
        groups=by_group,
        group_gaps=gaps,
        worst_group=worst_group,
        exposure=exposure,
        bounds=bounds,
        canaries=planted,
        convergence=convergence,
        stopped=trained.stopped,
        self_test=nothing,
        checks=summary.checks(checks),
        warnings=(),
    )
    warnings = (*cohort.notes, *trained.told, *summary.warnings(report), *_crowded(cohort, canaries))
    report = report.model_copy(update={"warnings": warnings})
    return AuditResult(report, patients, signals, design, cohort.patients, clock.record(plan))


def significance_of_bounds(claim: PrivacyClaim | None, canaries: CanarySection | None) -> float:
    """Return the level of one family of lower bounds, so that an alarm is wrong in one audit of twenty at most.

    It looks at three families where something is promised and canaries are planted, and at one otherwise.
    """
    return 0.05 if claim is None or canaries is None else 0.05 / 3


def theory_of(
    recipe: Recipe,
    cohort: Cohort,
    claim: PrivacyClaim | None,
    canaries: CanarySection | None,
    bounds: tuple[EpsilonBound, ...],
) -> Theory | None:
    """Set guarantee and evidence side by side; models with canaries have more patients, and so noise of their own.

    Parameters
    ----------
    recipe
        Not settled: the noise of models with canaries is their own.
    cohort
        The patients.
    claim
        Of the models without canaries; None: nothing is promised, and there is nothing to set beside it.
    canaries
        What was planted.
    bounds
        Lower bounds from the models with and without canaries.
    """
    if claim is None:
        return None
    mechanisms: dict[Neighbouring, Sequence[Mechanism]] = {"replace-one": claim.mechanisms}
    if canaries is not None:
        among = privacy_claim(recipe, patients=cohort.n_patients + _planted(canaries) // 2) or claim
        mechanisms["add/remove"] = among.mechanisms
    return judge_theory(mechanisms, bounds, vacuous=claim.guarantee.vacuous)


def _planted(canaries: CanarySection | None) -> int:
    return 0 if canaries is None else len(canaries.kinds) * canaries.count


def _crowded(cohort: Cohort, canaries: CanarySection | None) -> tuple[str, ...]:
    planted = _planted(canaries)
    if planted <= cohort.n_patients:
        return ()
    return (f"{planted} canaries among {cohort.n_patients} patients: they show what models trained mostly on them do.",)


def _evidence(cohort: Cohort, recipe: Recipe, scored: Scored, design: Design, signals: Signals) -> Evidence:
    ours = getattr(recipe, "steps", None) is not None
    ran = [attack for attack in scored.attacks if isinstance(attack, Attack)]
    return Evidence(
        cohort=cohort,
        design=design,
        signals=signals,
        # Running all of them again on other memberships would cost more than the audit.
        attacks=tuple(attack for attack in ran if attack.name in {"loss", scored.headline}),
        scores=scored.scores,
        fprs=DEFAULT_FPRS,
        preprocessing_inside=True if ours else None,
        seed=design.seed,
    )
