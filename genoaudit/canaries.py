"""The story of a canary audit: plant worst-case patients, toss a coin for each in each model, and see who is found.

Natural patients are in every model, so nothing is said of them here. What the coins buy is two lower bounds on epsilon
that a half split cannot give: one from a single model and all canaries, one from a single canary and all models. What
they are about (the model, the canaries, the number of guesses) is fixed before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from genoaudit.attacks.access import restrict
from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Progress, Recipe, Signals
from genoaudit.data.canaries import CANARIES, Canaries, make_canaries
from genoaudit.data.cohort import Cohort
from genoaudit.data.design import make_design
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.leakage import Leakage, mean_over_targets
from genoaudit.models.claims import settle_privacy
from genoaudit.privacy.lower_bounds import LowerBound
from genoaudit.privacy.many_run import many_run_bound
from genoaudit.privacy.one_run import one_run_bound
from genoaudit.randomness import generator
from genoaudit.report.sections import CanaryAudit, CanaryKindLeakage, EpsilonBound
from genoaudit.scoring import ENOUGH_FOR_OWN_VARIANCE, statistic_of
from genoaudit.shadowing import plan_audit
from genoaudit.training.shadows import gather, train_shadows

ALL = "all"
"""The kind under which all canaries stand together."""


ONE_RUN_TARGET = 0
"""The model whose coins are guessed."""

GUESSED = 5
"""One canary in so many is guessed, if nothing else is asked for: half of them as members, half as non-members."""

_OneRun = Literal["one_run", "one_run_fdp"]

_FPR = 0.1
_LEAST_OUT = round(1 / _FPR)  # non-members without which no threshold shows a rate at that budget


def audit_canaries(
    recipe: Recipe,
    cohort: Cohort,
    section: CanarySection | None = None,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    significance: float = 0.05,
    progress: Progress | None = None,
) -> CanaryAudit:
    """Plant canaries in a cohort, train models with and without them, and measure how well they are found.

    Each canary is in each model by its own fair coin, all natural patients are in every model; scores are those of
    BaVarIA (from 64 models on: LiRA) with every model as the target once and all others as references.

    - Each kind, and all canaries together: AUC and TPR at 10 % FPR of members against non-members of the kind, mean
      over the targets whose coins left both.
    - One-run bounds from model 0 and all canaries, for any mechanism (Steinke et al. 2023) and if it is Gaussian DP
      (Mahloujifar et al. 2025). The attack is not told the coins of that model.
    - Many-run bounds for the first canary of each kind from its logit in all models, best of all thresholds; the
      significance is shared out over thresholds and kinds (Bonferroni).

    Parameters
    ----------
    recipe
        An unfitted classifier or Pipeline, as for `genoaudit.audit.audit_recipe`.
    cohort
        The natural patients, at least two in every class.
    section
        Kinds and number of canaries, models, and guesses.
    settings
        Seed, and delta of the bounds; its models and attacks are those of the audit of natural patients.
    options
        Processes and cache; no effect on the numbers.
    significance
        Chance that the bounds of one relation and kind are too high.
    progress
        Told how far training is.

    Raises
    ------
    ConfigError
        For an unknown kind, or more guesses than canaries.
    DataError
        If a class has a single patient or the cohort has ids like the canaries'.
    TrainingError
        If a model cannot be trained; finished models stay in the cache.
    """
    section, settings, options = section or CanarySection(), settings or AuditSection(), options or RunOptions()
    guesses = coins_guessed(section)
    delta = settings.delta_for(cohort.n_patients)
    planted = plant_canaries(recipe, cohort, section, options, seed=settings.seed, progress=progress)
    design, patients, canaries = planted.design, planted.patients, planted.canaries
    attack = _attack(settings, design)
    signals = restrict(planted.signals, settings.access, decimals=settings.decimals)
    scores = attack.score(signals, design, patients)
    return CanaryAudit(
        attack=attack.name,
        models=design.models,
        kinds=(
            *(_leakage(kind, np.array(canaries.kinds) == kind, scores, design) for kind in section.kinds),
            _leakage(ALL, np.ones(design.patients, dtype=np.bool_), scores, design),
        ),
        bounds=(
            *_one_run(attack, signals, design, patients, delta=delta, guesses=guesses, significance=significance),
            *_many_run(
                section.kinds,
                canaries,
                statistic_of(signals, patients, settings),
                design,
                delta=delta,
                significance=significance,
            ),
        ),
    )


def _attack(settings: AuditSection, design: Design) -> Attack:
    """Choose the attack by what the adversary sees and the number of models, never by the results."""
    if settings.access == "labels":
        return CATALOGUE["gap"]
    return CATALOGUE["lira" if design.models >= ENOUGH_FOR_OWN_VARIANCE else "bavaria_t"]


def coins_guessed(section: CanarySection) -> int:
    """Return how many coins are guessed, decided before anything is known."""
    planted = len(section.kinds) * section.count
    if section.guesses is None:
        return max(planted // GUESSED, 1)
    if section.guesses > planted:
        msg = (
            f"guesses = {section.guesses}, but there are {planted} canaries ({len(section.kinds)} kinds of "
            f"{section.count}). Guess fewer, or plant more."
        )
        raise ConfigError(msg)
    return section.guesses


@dataclass(frozen=True, eq=False)
class Planted:
    """Canaries, and what models trained with and without each of them say of them; nobody else is left.

    Parameters
    ----------
    canaries
        Who was planted.
    signals, design
        What models say of the canaries' samples, and the coins; patients are numbered among the canaries.
    patients
        Canary of each sample; [samples].
    """

    canaries: Canaries
    signals: Signals
    design: Design
    patients: IntArray


def plant_canaries(
    recipe: Recipe,
    cohort: Cohort,
    section: CanarySection,
    options: RunOptions,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Planted:
    """Train models with and without each canary; a DP target is met for all patients and half of the canaries."""
    together, canaries = make_canaries(cohort, kinds=section.kinds, count=section.count, seed=seed)
    recipe = settle_privacy(recipe, patients=cohort.n_patients + canaries.patients.size // 2)
    design = make_design(
        together.y, together.patients, models=section.models, seed=seed, kind="coins", audited=canaries.patients
    )
    plan = plan_audit(recipe, together, AuditSection(models=section.models), options)
    on_model = partial(progress, "Training models with canaries") if progress else None
    signals, _ = gather(train_shadows(recipe, together, design, plan, options, progress=on_model), together, design)
    own = np.isin(together.patients, canaries.patients)
    return Planted(
        canaries,
        Signals(
            logit=signals.logit[:, :, own],
            proba=signals.proba[:, own],
            y=signals.y[own],
            label=None if signals.label is None else signals.label[:, :, own],
        ),
        replace(design, members=design.members[:, canaries.patients], audited=tuple(range(canaries.patients.size))),
        np.searchsorted(canaries.patients, together.patients[own]),
    )


def leakage_of_all(planted: Planted, signals: Signals, settings: AuditSection) -> CanaryKindLeakage:
    """Measure how well all canaries together are found from what is given out of them."""
    scores = _attack(settings, planted.design).score(signals, planted.design, planted.patients)
    return _leakage(ALL, np.ones(planted.design.patients, dtype=np.bool_), scores, planted.design)


def _leakage(kind: str, chosen: BoolArray, scores: FloatArray, design: Design) -> CanaryKindLeakage:
    """Judge the canaries of a kind in the targets whose coins left enough of them on each side."""
    scores, members = scores[:, chosen], design.members[:, chosen]
    inside = members.sum(axis=1)
    outside = members.shape[1] - inside
    # Chosen by the coins alone, which do not know the scores.
    both = (inside > 0) & (outside > 0)
    enough = both & (outside >= _LEAST_OUT)
    auc = Estimate(None, None, None)
    rate = RateAtFpr(
        fpr=_FPR, achieved_fpr=None, tpr=None, low=None, high=None, resolvable=False, n_out=int(outside.max())
    )

    def judged(targets: BoolArray, *fprs: float) -> Leakage:
        return mean_over_targets(scores[targets], members[targets], design.partner[targets], fprs=fprs)

    if both.any():
        auc = judged(both).auc
    if enough.any():
        (rate,) = judged(enough, _FPR).tpr_at_fpr
    title = "All canaries" if kind == ALL else CANARIES[kind].title
    return CanaryKindLeakage(kind=kind, title=title, canaries=int(chosen.sum()), auc=auc, tpr_at_fpr=rate)


def _one_run(
    attack: Attack,
    signals: Signals,
    design: Design,
    patients: IntArray,
    *,
    delta: float,
    guesses: int,
    significance: float,
) -> Iterator[EpsilonBound]:
    """Bound epsilon with all canaries of one model."""
    # A target's own coins cancel out of its scores but for rounding; withheld, they cannot have any say at all.
    members = design.members.copy()
    members[ONE_RUN_TARGET] = False
    scores = attack.score(signals, replace(design, members=members), patients)[ONE_RUN_TARGET]
    for method in get_args(_OneRun):
        bound = one_run_bound(
            scores,
            design.members[ONE_RUN_TARGET],
            delta=delta,
            guesses=guesses,
            method=method,
            significance=significance,
            generator=generator(design.seed, "canaries", "ties"),
        )
        yield _told(bound, "all canaries, in one model fixed beforehand")


def _many_run(
    kinds: tuple[str, ...],
    canaries: Canaries,
    statistic: FloatArray,
    design: Design,
    *,
    delta: float,
    significance: float,
) -> Iterator[EpsilonBound]:
    """Bound epsilon with the first canary of each kind, from its own logit in all models [models, canaries].

    Scores will not do: each rests on the other models, which are trials as well.
    """
    for kind in kinds:
        first = canaries.kinds.index(kind)
        held = design.members[:, first]
        bound = many_run_bound(
            statistic[held, first],
            statistic[~held, first],
            delta=delta,
            neighbouring="add/remove",
            choose="bonferroni",
            significance=significance,
            looked_at=len(kinds),
        )
        yield _told(bound, f"one canary fixed beforehand: {CANARIES[kind].title.lower()}")


def _told(bound: LowerBound, on: str) -> EpsilonBound:
    return EpsilonBound(**asdict(bound), on=on)
