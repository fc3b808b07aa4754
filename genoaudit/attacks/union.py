"""The union of attacks: whom any of them finds, and whether they find the same patients.

Each attack gets a threshold that spends the same false-positive budget, chosen on other models and other patients than
it is applied to. A patient whom one attack misses may be found by another; the union says how many are found by any,
and what that costs: its false-positive rate may be as high as the sum of theirs, so the achieved one is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from genoaudit.attacks.folds import cells
from genoaudit.attacks.stacked import check_attack_scores
from genoaudit.contracts import BoolArray, Design, FloatArray
from genoaudit.errors import ConfigError

_SLACK = 1 + 1e-12  # a budget of 0.1 times 30 non-members is 3, whatever floating point says


@dataclass(frozen=True, eq=False)
class Flags:
    """Whom every attack calls a member.

    Parameters
    ----------
    names
        The attacks.
    fpr
        False-positive budget of each attack.
    flagged
        Whether an attack calls a patient a member of a target; [attacks, targets, patients].
    """

    names: tuple[str, ...]
    fpr: float
    flagged: BoolArray

    @property
    def union(self) -> BoolArray:
        """Whether any attack does; [targets, patients]."""
        return np.asarray(self.flagged.any(axis=0))


@dataclass(frozen=True, eq=False)
class AchievedRates:
    """Rates over all pairs of a target and a patient: what the budget bought, and what was truly spent.

    Parameters
    ----------
    tpr, fpr
        Share of members and of non-members flagged by each attack; [attacks].
    union_tpr, union_fpr
        The same for the union of all attacks.
    """

    tpr: FloatArray
    fpr: FloatArray
    union_tpr: float
    union_fpr: float


def flag(scores: Mapping[str, FloatArray], design: Design, *, fpr: float, seed: int) -> Flags:
    """Flag patients at a false-positive budget per attack, with thresholds that never saw them.

    Parameters
    ----------
    scores
        Scores of each attack, higher = member, finite; each [targets, patients].
    design
        Members and partners.
    fpr
        Budget of each attack, in (0, 1): at most this share of the non-members on whom a threshold is chosen lies
        above it.
    seed
        Seed of the folds.

    Returns
    -------
    The flags. A threshold comes from models other than the target and its partner and from patients other than the
    one flagged, and is applied to the scores as they are: an attack whose scores shift from model to model pays for it.
    Only scores above the threshold are flagged, so a constant score flags nobody. The rate achieved on patients who did
    not help to choose exceeds the budget by up to ``1 / patients``, as any estimated threshold does, where models agree
    on a patient: many models then count as one. `achieved_rates` says what it was.

    Raises
    ------
    ConfigError
        If the scores do not fit the design, the budget is not in (0, 1), there are too few pairs of models or
        patients to cross-fit, or there are fewer than ``1 / fpr`` non-members to choose a threshold on.
    """
    check_attack_scores(scores, design)
    if not 0 < fpr < 1:
        raise ConfigError(f"the false-positive budget must lie between 0 and 1, is {fpr}.")
    flagged = np.zeros((len(scores), *design.members.shape), dtype=bool)
    for cell in cells(design, seed=seed):
        taught = np.ix_(cell.taught_by_models, cell.taught_by_patients)
        block = np.ix_(cell.models, cell.patients)
        outside = ~design.members[taught]
        for attack, values in enumerate(scores.values()):
            flagged[attack][block] = values[block] > _threshold(values[taught][outside], fpr)
    return Flags(names=tuple(scores), fpr=fpr, flagged=flagged)


def _threshold(non_members: FloatArray, fpr: float) -> float:
    """Return the smallest score that at most a share `fpr` of the non-members exceeds."""
    allowed = int(fpr * non_members.size * _SLACK)
    if allowed < 1:
        raise ConfigError(
            f"a false-positive budget of {fpr:g} needs at least {np.ceil(1 / fpr):.0f} non-members (over all models) "
            f"to choose a threshold on, has {non_members.size}. Train more models or raise the budget."
        )
    place = non_members.size - allowed - 1
    return float(np.partition(non_members, place)[place])


def achieved_rates(flags: Flags, members: BoolArray) -> AchievedRates:
    """Count what the thresholds achieved.

    Parameters
    ----------
    flags
        Whom every attack calls a member.
    members
        Membership; [targets, patients], with members and non-members.

    Returns
    -------
    The rates, over all pairs of a target and a patient.

    Examples
    --------
    >>> members = np.array([[True, False], [False, True]])
    >>> flagged = np.array([[[True, False], [False, False]], [[False, False], [True, True]]])
    >>> rates = achieved_rates(Flags(names=("a", "b"), fpr=0.25, flagged=flagged), members)
    >>> rates.tpr, rates.fpr, rates.union_tpr, rates.union_fpr
    (array([0.5, 0.5]), array([0. , 0.5]), 1.0, 0.5)
    """
    everything = np.concatenate([flags.flagged, flags.union[None]])
    inside, outside = int(members.sum()), int((~members).sum())
    if not inside or not outside:
        raise ConfigError(f"rates need members and non-members, found {inside} and {outside}.")
    tpr = (everything & members).sum(axis=(1, 2)) / inside
    fpr = (everything & ~members).sum(axis=(1, 2)) / outside
    return AchievedRates(tpr=tpr[:-1], fpr=fpr[:-1], union_tpr=float(tpr[-1]), union_fpr=float(fpr[-1]))
