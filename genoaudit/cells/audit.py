"""The audit of one cell of a sweep: train, give out what the protection gives out, attack that, measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.canaries import leakage_of_all, plant_canaries
from genoaudit.cells.plan import Cell
from genoaudit.cells.reconstruction import reconstruct_cell
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Access, Design, FloatArray, IntArray, Progress, Signals, log_of
from genoaudit.judging import judge_utility
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.paired import mean_accuracy, model_accuracy
from genoaudit.metrics.worst import worst_patients
from genoaudit.models.claims import privacy_claim, settle_privacy
from genoaudit.randomness import generator
from genoaudit.report import summary
from genoaudit.report.result import Leakage
from genoaudit.report.sections import WorstPatients
from genoaudit.report.sweep_result import SweepCell
from genoaudit.scoring import Scored, choose_headline, reasons_against, score_attacks
from genoaudit.shadowing import plan_audit, train_half_splits
from genoaudit.training.outputs import scaled_logit

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

LABELS_ONLY, OUTPUT_NOISE = "label_only", "output_noise"

_WORST = (1, 5)
_NOTHING = Estimate(None, None, None)


@dataclass(frozen=True, eq=False)
class Audited:
    """A cell's numbers, and the accuracy of each of its models on samples of non-members; [models]."""

    cell: SweepCell
    accuracies: FloatArray

    def with_accuracy(self, pair: IntArray) -> SweepCell:
        """Return the cell with its accuracy, averaged over complementary pairs of models; `pair` is [models]."""
        return self.cell.model_copy(update={"accuracy": mean_accuracy(self.accuracies, pair)})


def audit_cell(
    cell: Cell,
    cohort: Cohort,
    settings: AuditSection,
    options: RunOptions,
    *,
    canaries: CanarySection | None,
    tell: Progress,
) -> Audited:
    """Audit one cell as every other: the same designs, one attack named beforehand, thresholds of nobody's choice."""
    settings = settings.model_copy(update={"seed": cell.seed})
    recipe = settle_privacy(cell.recipe, patients=cohort.n_patients // 2)
    plan = plan_audit(recipe, cohort, settings, options)
    trained = train_half_splits(recipe, cohort, settings, options, plan=plan, tell=tell)
    design = trained.design
    signals = given_out(cell, trained.signals)
    access: Access = "parameters" if cell.defence is None else "probabilities"
    seen = settings.model_copy(update={"access": access})
    headline = choose_headline(_able(seen, design), design.models)
    scored = score_attacks(seen.model_copy(update={"attacks": (headline,)}), signals, design, cohort.patients)
    outside = ~design.members[:, cohort.patients]
    planted = None
    if canaries is not None:
        left = plant_canaries(cell.recipe, cohort, canaries, options, seed=cell.seed, progress=tell)
        planted = leakage_of_all(left, given_out(cell, left.signals), settings)
    claim = privacy_claim(recipe, patients=cohort.n_patients // 2)
    found = SweepCell(
        name=cell.name,
        recipe=cell.recipe_name,
        mitigation=cell.mitigation,
        setting=cell.setting,
        title=cell.title,
        acts_on=cell.acts_on,
        tuned=cell.tuned,
        seed=cell.seed,
        access="labels" if cell.mitigation == LABELS_ONLY else access,
        attack=headline,
        utility=judge_utility(cohort, signals, design),
        accuracy=_NOTHING,
        accuracy_loss=_NOTHING,
        leakage=_leakage(scored.scores[headline], design),
        labels_only=None if cell.defence is None else _by_labels(settings, signals, design, cohort),
        worst=_worst(scored, design),
        canaries=planted,
        guarantee=None if claim is None else summary.guarantee(claim),
        reconstruction=reconstruct_cell(recipe, cohort, members=design.members[0], seed=cell.seed),
        on_frontier=False,
        warnings=trained.told,
    )
    return Audited(found, model_accuracy(signals.proba, cohort.y, outside))


def given_out(cell: Cell, signals: Signals) -> Signals:
    """Return what models say once the cell's protection has been at their outputs; nothing else is then seen.

    A probability of 0 says that the true one is below anything given out; it stands for a quarter of the smallest.
    Where noise was added to probabilities, they are attacked as they are: a logit would blow up the noise near 0.
    """
    if cell.defence is None or cell.defence.release is None:
        return signals
    logit, proba, label = [], [], []
    for model, exact in enumerate(signals.proba):
        log_proba = log_of(exact)
        stream = generator(cell.seed, "released", cell.mitigation, model)
        given = cell.defence.release(log_proba, cell.setting, stream)
        smallest = given[given > 0].min() / 4
        if cell.mitigation == OUTPUT_NOISE:
            logit.append(given[np.arange(signals.y.size), signals.y])
        else:
            logit.append(scaled_logit(np.log(np.maximum(given, smallest)), signals.y))
        proba.append(given.astype(np.float32))
        label.append(given.argmax(axis=1).astype(np.int16))
    return Signals(
        logit=np.stack(logit)[:, np.newaxis],
        proba=np.stack(proba),
        y=signals.y,
        label=np.stack(label)[:, np.newaxis],
        features=signals.features,
    )


def _able(settings: AuditSection, design: Design) -> tuple[str, ...]:
    idle = reasons_against(settings, design)
    return tuple(name for name in settings.attacks if name not in idle)


def _leakage(scores: FloatArray, design: Design) -> Leakage:
    numbers = mean_over_targets(scores, design.members, design.partner)
    return Leakage(**{name: getattr(numbers, name) for name in Leakage.model_fields})


def _by_labels(settings: AuditSection, signals: Signals, design: Design, cohort: Cohort) -> Leakage:
    seen = settings.model_copy(update={"access": "labels", "attacks": ("gap",)})
    return _leakage(score_attacks(seen, signals, design, cohort.patients).scores["gap"], design)


def _worst(scored: Scored, design: Design) -> tuple[WorstPatients, ...]:
    found = (
        worst_patients(
            scored.statistic,
            design.members,
            design.partner,
            k=k,
            generator=generator(design.seed, "bootstrap", "worst", k),
        )
        for k in _WORST
        if k <= design.patients // 2
    )
    return tuple(summary.worst_patients(measured) for measured in found if measured is not None)
