"""From what the models say to the scores of every attack that this adversary can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genoaudit.attacks.access import restrict
from genoaudit.attacks.catalogue import CATALOGUE, COMBINATIONS, combines, get_attacks
from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.folds import model_folds
from genoaudit.attacks.gap import correct_labels
from genoaudit.config import AuditSection
from genoaudit.contracts import Attack, Combination, Design, FloatArray, IntArray, Signals, scarcest
from genoaudit.errors import ConfigError

ENOUGH_FOR_OWN_VARIANCE = 64
"""Below this many models a variance per patient is too noisy (Carlini et al., IEEE S&P 2022)."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Every attack's scores, and which attacks did not run.

    Parameters
    ----------
    attacks
        The attacks that ran, in the order of the catalogue or as asked for.
    scores
        Attack name -> scores, higher = member; each [targets, patients].
    idle
        Attack name -> why it did not run.
    statistic
        What the adversary sees of each patient under each model, by itself: the mean logit, or with labels alone the
        share of right answers; [models, patients].
    scarcest
        Fewest models that held, or did not hold, some patient.
    """

    attacks: tuple[Attack | Combination, ...]
    scores: Mapping[str, FloatArray]
    idle: Mapping[str, str]
    statistic: FloatArray
    scarcest: int

    @property
    def headline(self) -> str:
        """The attack that groups and patients are shown for."""
        return choose_headline(tuple(self.scores), 2 * self.scarcest)


def choose_headline(ran: tuple[str, ...], models: int) -> str:
    """Name the headline attack by what was run and the number of models, as many with a patient as without."""
    by_variance = ("lira", "bavaria_t") if models >= ENOUGH_FOR_OWN_VARIANCE else ("bavaria_t", "lira_fixed", "lira")
    preferred = (*by_variance, "lira_fixed", "rmia", "bavaria_n", "base", "label_augmentation", *ran)
    found: str = next(name for name in preferred if name in ran)
    return found


def able_attacks(settings: AuditSection, design: Design) -> tuple[Attack, ...]:
    """Return what of the catalogue can run on a design, for an adversary who sees this much, asked for or not."""
    return tuple(
        attack
        for attack in CATALOGUE.values()
        if attack.why_not(design, access=settings.access, queries=settings.queries) is None
    )


def reasons_against(settings: AuditSection, design: Design) -> dict[str, str]:
    """Return the attacks that cannot run, with the reason; if that is all of them, refuse before training.

    Raises
    ------
    ConfigError
        If no attack can run.
    """
    asked = get_attacks(settings.attacks)
    reasons = {
        attack.name: reason
        for attack in asked
        if (reason := attack.why_not(design, access=settings.access, queries=settings.queries))
    }
    if len(reasons) == len(asked):
        alike: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            alike.setdefault(reason, []).append(name)
        said = "; ".join(f"{', '.join(names)} {reason}" for reason, names in alike.items())
        able = ", ".join(attack.name for attack in able_attacks(settings, design)) or "none"
        msg = f"no attack can run: {said}. Attacks that can: {able}; name them under [audit] attacks."
        raise ConfigError(msg)
    return reasons


def score_attacks(settings: AuditSection, signals: Signals, design: Design, patients: IntArray) -> Scored:
    """Let every attack score every patient of every target model.

    Parameters
    ----------
    settings
        Which attacks, and what the adversary sees.
    signals, design
        What the models say, and who was a member of which.
    patients
        Patient code of each sample; [samples].

    Raises
    ------
    ConfigError
        If no attack can run.
    """
    seen = restrict(signals, settings.access, decimals=settings.decimals)
    idle = reasons_against(settings, design)
    scores: dict[str, FloatArray] = {}
    ran: list[Attack | Combination] = []
    for attack in get_attacks(settings.attacks):
        if attack.name in idle:
            continue
        if lacking := seen.lacks(attack.needs):
            idle[attack.name] = f"needs {' and '.join(lacking)}, which these models do not give"
            continue
        try:
            scores[attack.name] = attack.score(seen, design, patients)
        except ConfigError as error:  # the cohort is too small for what it must fit
            idle[attack.name] = str(error)
            continue
        ran.append(attack)
    if not scores:
        msg = f"no attack can run: {'; '.join(f'{name}: {reason}' for name, reason in idle.items())}"
        raise ConfigError(msg)
    if combines(settings.attacks):
        for name, combination in COMBINATIONS.items():
            if reason := _why_not_combined(combination, design, scores):
                idle[name] = reason
                continue
            try:
                scores[name] = combination.combine(_within_folds(ran, seen, design, patients), design)
            except ConfigError as error:  # a fold by itself has too few references
                idle[name] = f"within a fold of the models {error}"
                continue
            ran.append(combination)
    return Scored(tuple(ran), scores, idle, statistic_of(seen, patients, settings), scarcest(design.members))


def _within_folds(
    attacks: Sequence[Attack | Combination], seen: Signals, design: Design, patients: IntArray
) -> dict[str, FloatArray]:
    """Score anew, each fold of models by itself, so that no model refers to one of another fold.

    An attack's score of one model depends on the membership of its references. A combination that learns on one fold
    from scores which refer to the other would prefer the attacks that chance favours on both.
    """
    single = [attack for attack in attacks if isinstance(attack, Attack)]
    fold_of = model_folds(design.partner, seed=design.seed)
    scores = {attack.name: np.empty(design.members.shape) for attack in single}
    for fold in range(int(fold_of.max()) + 1):
        own = np.flatnonzero(fold_of == fold)
        part, signals = design.of(own), seen.of(own)
        for attack in single:
            scores[attack.name][own] = attack.score(signals, part, patients)
    return scores


def _why_not_combined(combination: Combination, design: Design, scores: Mapping[str, FloatArray]) -> str | None:
    if len(scores) < 2:
        return "needs the scores of at least two attacks"
    if design.models < combination.min_models:
        return f"needs at least {combination.min_models} models, has {design.models}"
    return None


def statistic_of(seen: Signals, patients: IntArray, settings: AuditSection) -> FloatArray:
    """Return what this adversary sees of each patient under each model, by itself; [models, patients]."""
    if settings.access == "labels":
        return patient_mean(correct_labels(seen).mean(axis=1), patients)
    return patient_mean(np.asarray(seen.logit[:, 0]), patients)
