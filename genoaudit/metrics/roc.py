"""Scores to rates: one sort per target, integer counts, ties never broken.

A higher score means member. A threshold takes everybody at or above it, so patients with equal scores are taken
together: a constant score has AUC 0.5 and cannot reach a true-positive rate within a budget below 1, whatever the order
of the rows. Everything is computed from counts of patients, in integers, for many bootstrap replicates at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError

RESOLVABLE_COUNT = 10
"""Non-members that a false-positive budget must leave room for before its rate counts as evidence."""

BLOCK = 2**17
"""Counts worked on at once: they stay in the processor's cache, and memory is bounded whatever the cohort."""

_SLACK = 1 + 1e-9  # 0.29 * 100 is 28.999999999999996 in floating point and must still allow 29 false positives


@dataclass(frozen=True, eq=False)
class RocStatistics:
    """What a ROC curve says, one value per replicate; NaN in a replicate that drew no patient of one side.

    Parameters
    ----------
    auc
        Probability that a member's score exceeds a non-member's, ties counting half; [replicates].
    advantage
        Largest TPR - FPR over thresholds. The threshold is chosen on these very scores, which flatters the attack: with
        few patients it is above zero even for noise; [replicates].
    tpr, achieved_fpr
        Largest TPR within each budget, and the smallest FPR that reaches it; [replicates, budgets].
    """

    auc: FloatArray
    advantage: FloatArray
    tpr: FloatArray
    achieved_fpr: FloatArray

    @property
    def balanced_accuracy(self) -> FloatArray:
        """Largest (TPR + 1 - FPR) / 2 over thresholds, in-sample like `advantage`; [replicates]."""
        return np.asarray((1 + self.advantage) / 2)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores in descending order.

    Parameters
    ----------
    order
        Positions of the scores, highest first; [scores].
    members
        1 for a member, 0 for a non-member, in that order; [scores].
    ends
        Where each group of equal scores ends; [thresholds].
    """

    order: IntArray
    members: IntArray
    ends: IntArray


def check_scores(scores: FloatArray, members: BoolArray) -> None:
    """Refuse scores that no number should be computed from.

    Parameters
    ----------
    scores, members
        Attack scores and membership of the same shape; [patients] or [targets, patients].

    Raises
    ------
    ConfigError
        If the shapes differ, a score is not finite, or a target has no member or no non-member.
    """
    if scores.shape != members.shape:
        raise ConfigError(f"scores {scores.shape} and members {members.shape} must have the same shape.")
    bad = np.argwhere(~np.isfinite(scores))
    if bad.size:
        raise ConfigError(
            f"{len(bad)} of {scores.size} scores are not finite (first: position {tuple(bad[0].tolist())}). "
            "A model diverged or an attack had no reference; mend that first, a missing score is not a low one."
        )
    inside = members.sum(axis=-1)
    empty = np.flatnonzero((inside == 0) | (inside == members.shape[-1]))
    if empty.size:
        raise ConfigError(
            f"{empty.size} targets have patients on one side only (first: target {empty[0]}). Members must be compared "
            "with non-members of the same model."
        )


def is_resolvable(fpr: float, n_out: int) -> bool:
    """Say whether an empirical rate at `fpr` is evidence: room for ten of the `n_out` independent non-members.

    Examples
    --------
    >>> is_resolvable(0.1, 100), is_resolvable(0.01, 300)
    (True, False)
    """
    return fpr * n_out * _SLACK >= RESOLVABLE_COUNT


def is_shown(fpr: float, n_out: int) -> bool:
    """Say whether any threshold can show a rate at `fpr`: room for one of the `n_out` independent non-members.

    Examples
    --------
    >>> is_shown(0.01, 300), is_shown(0.001, 300)
    (True, False)
    """
    return fpr * n_out * _SLACK >= 1


def allowed_alarms(fpr: float, n_out: IntArray) -> IntArray:
    """Return the whole false positives that a budget leaves room for among so many non-members; any shape.

    Examples
    --------
    >>> allowed_alarms(0.29, np.array([100, 9]))
    array([29,  2])
    """
    return np.asarray(np.floor(fpr * n_out * _SLACK).astype(np.intp))


def rank(scores: FloatArray, members: BoolArray) -> Ranking:
    """Sort scores once, highest first, and mark where groups of equal scores end; both [scores]."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return Ranking(order=order, members=members[order].astype(np.intp), ends=ends)


def cumulate(ranking: Ranking, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Count true and false positives at every threshold.

    Parameters
    ----------
    ranking
        Scores in descending order.
    weights
        How often each score counts, in the ranking's order; [replicates, scores].

    Returns
    -------
    Members and non-members at or above each threshold, highest threshold first; each [replicates, thresholds].
    """
    true = np.cumsum(weights * ranking.members, axis=1)
    false = np.cumsum(weights, axis=1) - true
    if ranking.ends.size < ranking.order.size:
        return true[:, ranking.ends], false[:, ranking.ends]
    return true, false


def area_and_advantage(true: IntArray, false: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return AUC (ties count half) and the largest TPR - FPR, from cumulative counts; each [replicates]."""
    doubled = true[:, 0] * false[:, 0]
    doubled = doubled + np.einsum("rt,rt->r", true[:, 1:] + true[:, :-1], false[:, 1:] - false[:, :-1])
    members, non_members = true[:, -1:], false[:, -1:]
    lead = np.maximum((true * non_members - false * members).max(axis=1), 0)
    cells = (members * non_members)[:, 0].astype(np.float64)
    cells[cells == 0] = np.nan
    return doubled / (2 * cells), lead / cells


def rates_within(true: IntArray, false: IntArray, fpr: float) -> tuple[FloatArray, FloatArray]:
    """Return the largest TPR with FPR <= `fpr` and the smallest FPR that reaches it, from cumulative counts."""
    allowed = np.count_nonzero(false <= allowed_alarms(fpr, false[:, -1:]), axis=1)
    rows = np.arange(true.shape[0])
    hits = np.where(allowed > 0, true[rows, allowed - 1], 0)
    first = np.count_nonzero(true[:, : max(int(allowed.max()), 1)] < hits[:, None], axis=1)
    alarms = np.where(hits > 0, false[rows, np.minimum(first, true.shape[1] - 1)], 0)
    with np.errstate(invalid="ignore"):  # a replicate without one side gives 0 / 0, which is NaN as promised
        return hits / true[:, -1], alarms / false[:, -1]


def roc_statistics(
    scores: FloatArray, members: BoolArray, weights: IntArray, *, fprs: Sequence[float] = ()
) -> RocStatistics:
    """Compute every ROC statistic of one target for every replicate at once.

    Parameters
    ----------
    scores
        Attack scores, higher = member; [patients], finite.
    members
        Membership; [patients].
    weights
        How often each patient counts in each replicate, non-negative integers; [replicates, patients]. One row of ones
        gives the point estimate.
    fprs
        False-positive budgets in [0, 1].

    Returns
    -------
    The statistics, [replicates] and [replicates, budgets].

    Examples
    --------
    >>> scores, members = np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False])
    >>> roc_statistics(scores, members, np.ones((1, 4), dtype=np.intp)).auc
    array([0.75])
    """
    ranking = rank(scores, members)
    replicates = weights.shape[0]
    auc, advantage = np.empty(replicates), np.empty(replicates)
    tpr, achieved = np.empty((replicates, len(fprs))), np.empty((replicates, len(fprs)))
    step = max(1, BLOCK // scores.size)
    for start in range(0, replicates, step):
        rows = slice(start, start + step)
        true, false = cumulate(ranking, np.take(weights[rows], ranking.order, axis=1))
        auc[rows], advantage[rows] = area_and_advantage(true, false)
        for column, fpr in enumerate(fprs):
            tpr[rows, column], achieved[rows, column] = rates_within(true, false, fpr)
    return RocStatistics(auc=auc, advantage=advantage, tpr=tpr, achieved_fpr=achieved)


def _once(members_scores: FloatArray, non_member_scores: FloatArray, fprs: Sequence[float] = ()) -> RocStatistics:
    scores = np.concatenate([members_scores, non_member_scores])
    members = np.arange(scores.size) < len(members_scores)
    check_scores(scores, members)
    return roc_statistics(scores, members, np.ones((1, scores.size), dtype=np.intp), fprs=fprs)


def auc(member_scores: FloatArray, non_member_scores: FloatArray) -> float:
    """Probability that a member's score exceeds a non-member's, ties counting half (Mann-Whitney).

    Parameters
    ----------
    member_scores, non_member_scores
        Scores, one per patient, higher = member; 1-D, non-empty, finite.

    Raises
    ------
    ConfigError
        If a side is empty or a score is not finite.

    Examples
    --------
    >>> auc(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    0.875
    """
    return float(_once(member_scores, non_member_scores).auc[0])


def tpr_at_fpr(member_scores: FloatArray, non_member_scores: FloatArray, *, fpr: float) -> tuple[float, float]:
    """Largest true-positive rate of a threshold attack within a false-positive budget: max{TPR : FPR <= fpr}.

    Nothing is interpolated: both rates belong to one threshold that an attacker could use.

    Parameters
    ----------
    member_scores, non_member_scores
        Scores, one per patient, higher = member; 1-D, non-empty, finite.
    fpr
        Budget in [0, 1]. Below ``10 / len(non_member_scores)`` the rate is not evidence, see `is_resolvable`.

    Returns
    -------
    The rate and the smallest false-positive rate that reaches it.

    Raises
    ------
    ConfigError
        If a side is empty or a score is not finite.

    Examples
    --------
    >>> tpr_at_fpr(np.array([3.0, 1.0]), np.array([2.0, 0.0]), fpr=0.1)
    (0.5, 0.0)
    """
    statistics = _once(member_scores, non_member_scores, (fpr,))
    return float(statistics.tpr[0, 0]), float(statistics.achieved_fpr[0, 0])


def advantage(member_scores: FloatArray, non_member_scores: FloatArray) -> float:
    """Largest TPR - FPR over thresholds (Yeom et al. 2018). The threshold is chosen on these very scores.

    Parameters
    ----------
    member_scores, non_member_scores
        Scores, one per patient, higher = member; 1-D, non-empty, finite.

    Raises
    ------
    ConfigError
        If a side is empty or a score is not finite.

    Examples
    --------
    >>> advantage(np.array([3.0, 1.0]), np.array([2.0, 0.0]))
    0.5
    """
    return float(_once(member_scores, non_member_scores).advantage[0])


def balanced_accuracy(member_scores: FloatArray, non_member_scores: FloatArray) -> float:
    """Largest (TPR + 1 - FPR) / 2 over thresholds. The threshold is chosen on these very scores.

    Parameters
    ----------
    member_scores, non_member_scores
        Scores, one per patient, higher = member; 1-D, non-empty, finite.

    Raises
    ------
    ConfigError
        If a side is empty or a score is not finite.

    Examples
    --------
    >>> balanced_accuracy(np.array([3.0, 1.0]), np.array([2.0, 0.0]))
    0.75
    """
    return float(_once(member_scores, non_member_scores).balanced_accuracy[0])
