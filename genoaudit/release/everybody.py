"""The story of a model trained on everybody: nobody was left out to compare its members with.

Its recipe is audited instead, on half of the patients and on nine in ten of them, and what the headline attack achieves
is drawn on to all. That is an extrapolation, not a measurement of the given model and not a bound. Both shares leave
every patient out of as many models, since references without a patient are what an attacker is short of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.audit import audit_recipe
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Design, FloatArray, Recipe
from genoaudit.data.design import make_random_splits, turns_of
from genoaudit.data.membership import everybody
from genoaudit.errors import DataError
from genoaudit.files import file_digest
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.leakage import DEFAULT_FPRS, summarise
from genoaudit.metrics.trend import extrapolate
from genoaudit.models.claims import privacy_claim, settle_privacy
from genoaudit.report import summary
from genoaudit.report.release_sections import FullSizeRisk, GivenModel, NotTested, RiskAtShare
from genoaudit.report.result import AuditResult
from genoaudit.scoring import score_attacks
from genoaudit.shadowing import Clock, Progress, plan_audit, train_design

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

SHARES = (0.9, 0.85, 0.8, 0.75, 0.7)
"""Shares of members beside one half: the first that leaves two patients of every class out of every model."""

FEWEST_ROUNDS = 6
"""Times that everybody is left out at least, so that every attack finds references."""

FPR = DEFAULT_FPRS[0]
"""False-positive budget of the rates that are drawn on: the one that most cohorts can resolve."""

TREND = "the probit of the rate, linear in one over the square root of the number of members"

_KINDS = {
    ".skops": "sklearn",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".safetensors": "torch",
    ".pt": "torch",
    ".pth": "torch",
}


def audit_everybody(
    recipe: Recipe,
    cohort: Cohort,
    given: GivenModel,
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
    given
        The model, for the record: nothing is asked of it; see `given_to_everybody`.
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
        If no larger share leaves two patients of every class out of every model.
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
    attack = next(attack for attack in half.report.attacks if attack.name == half.report.headline)
    rate = next(rate for rate in attack.pooled.tpr_at_fpr if rate.fpr == FPR)
    at_half = RiskAtShare(
        share=0.5,
        members=cohort.n_patients // 2,
        models=half.design.models,
        auc=attack.auc,
        tpr_at_fpr=rate,
    )
    with clock("larger share"):
        beyond = _at_larger_share(recipe, cohort, settings, options, attack=attack.name, like=half, progress=progress)
    claim = privacy_claim(recipe, patients=cohort.n_patients)
    full_size = FullSizeRisk(
        attack=attack.name,
        points=(at_half, beyond),
        auc=_extrapolated(at_half.auc, beyond.auc, (at_half, beyond), cohort),
        tpr=_extrapolated(_as_estimate(at_half), _as_estimate(beyond), (at_half, beyond), cohort),
        trend=TREND,
        guarantee=None if claim is None else summary.guarantee(claim),
    )
    report = half.report.model_copy(
        update={"target": given, "full_size": full_size, "not_tested": (*half.report.not_tested, _UNTESTED)}
    )
    seconds = {**half.run["seconds"], **clock.seconds}
    return replace(half, report=report, run={**half.run, "seconds": seconds})


_UNTESTED = NotTested(
    what="This very model",
    why="All patients were members, so there is nobody to compare them with. Models of the same recipe that left "
    "patients out were attacked in its place.",
)


def given_to_everybody(path: Path, cohort: Cohort) -> GivenModel:
    """Record a model that was trained on all patients, without reading what is in it.

    Raises
    ------
    DataError
        If there is no such file or folder.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not path.exists() or not files:
        raise DataError(path.name, ["does not exist, or is an empty folder."])
    return GivenModel(
        kind="genoaudit" if path.is_dir() else _KINDS.get(path.suffix.lower(), "scores"),
        source=path.name,
        sha256=file_digest(*files),
        members=cohort.n_patients,
        non_members=0,
        members_by=everybody(cohort).given_by,
        non_members_from=None,
        manifest="none",
        seeded=None,
    )


def nearly_all(cohort: Cohort, settings: AuditSection, *, models: int) -> Design:
    """Draw models that hold nearly all patients and leave everybody out as often as `models` half splits do.

    Raises
    ------
    DataError
        If no share in `SHARES` leaves two patients of every class out of every model.
    """
    rounds = max((models + 1) // 2, FEWEST_ROUNDS)
    for share in SHARES:
        members = round(share * cohort.n_patients)
        number = rounds * turns_of(cohort.n_patients, members)
        try:
            return make_random_splits(cohort.y, cohort.patients, members=members, models=number, seed=settings.seed)
        except DataError:
            continue
    problem = (
        f"A model trained on everybody is judged by models that leave out at most {1 - SHARES[-1]:.0%} of the "
        "patients, two of every class at least; some class is too small for that. Drop or merge small classes "
        "(small_classes)."
    )
    raise DataError(cohort.source, [problem])


def _at_larger_share(
    recipe: Recipe,
    cohort: Cohort,
    settings: AuditSection,
    options: RunOptions,
    *,
    attack: str,
    like: AuditResult,
    progress: Progress | None,
) -> RiskAtShare:
    """Run one attack on models that hold nearly all patients."""
    design = nearly_all(cohort, settings, models=like.design.models)
    members = int(design.members[0].sum())
    alone = settings.model_copy(update={"attacks": (attack,), "models": design.models})
    settled = settle_privacy(recipe, patients=members)
    plan = plan_audit(settled, cohort, alone, options)
    trained = train_design(settled, cohort, design, alone, options, plan=plan, tell=_told(progress))
    scores: FloatArray = score_attacks(alone, trained.signals, design, cohort.patients).scores[attack]
    numbers = summarise(scores, design.members, design.partner, fprs=(FPR,))
    return RiskAtShare(
        share=members / cohort.n_patients,
        members=members,
        models=design.models,
        auc=numbers.mean_over_targets.auc,
        tpr_at_fpr=numbers.pooled.tpr_at_fpr[0],
    )


def _told(progress: Progress | None) -> Progress:
    def tell(stage: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"{stage} on nearly all patients", done, total)

    return tell


def _as_estimate(point: RiskAtShare) -> Estimate:
    rate = point.tpr_at_fpr
    return Estimate(rate.tpr, rate.low, rate.high)


def _extrapolated(
    smaller: Estimate, larger: Estimate, points: tuple[RiskAtShare, RiskAtShare], cohort: Cohort
) -> Estimate:
    return extrapolate(smaller, larger, members=(points[0].members, points[1].members), to=cohort.n_patients)
