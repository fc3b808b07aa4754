"""One attack's scores to its headline numbers, each with an interval.

How every interval is made (all two-sided, 95 %):

- Two-way bootstrap: each replicate redraws the patients (the same draw for all targets) and, independently, the
  complementary pairs of models. With a single pair the interval covers patients alone.
- Few pairs: a bootstrap of Q pairs shows (Q - 1) / Q of their variance and none of its uncertainty. The missing share
  is added, from the numbers of each pair alone, and the normal quantile becomes Student's with Satterthwaite's degrees
  of freedom (Biometrics Bulletin 1946): near Q - 1 where pairs differ most, many where patients do.
- AUC: on the logit scale, estimate +- quantile times standard deviation, transformed back. An AUC of exactly 0 or 1 has
  no spread to show and takes Newcombe's interval for the patients of one target instead.
- Rates, balanced accuracy and advantage: estimate +- quantile times standard deviation, clipped to their range.
  Percentiles are not used: resampled ties and re-chosen thresholds shift the replicates away from the estimate. A rate
  of exactly 0 or 1 takes Clopper and Pearson's interval for the members of one target instead.

Balanced accuracy and advantage choose their threshold on the very scores they judge: optimistic in small cohorts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from scipy import special, stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics import roc
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc, pair_codes, two_way_weights

DEFAULT_FPRS = (0.1, 0.01, 0.001)

_GRID_POINTS = 61

_Judge: TypeAlias = Callable[[FloatArray, BoolArray, IntArray, IntArray], FloatArray]
"""Scores, members, weights of patients and of targets -> one row of numbers per replicate.

Columns: AUC, advantage, TPR per budget, achieved FPR per budget, TPR per point of the ROC grid.
"""


@dataclass(frozen=True)
class Leakage:
    """How well one attack tells members from non-members.

    Parameters
    ----------
    auc
        Probability that a member's score exceeds a non-member's.
    balanced_accuracy, advantage
        At the threshold that is best on these very scores.
    tpr_at_fpr
        One rate per false-positive budget, in the order asked for.
    """

    auc: Estimate
    balanced_accuracy: Estimate
    advantage: Estimate
    tpr_at_fpr: tuple[RateAtFpr, ...]


@dataclass(frozen=True)
class RocCurve:
    """Largest TPR within each FPR, with a pointwise 95 % band; all non-decreasing, from 1 / n_out to 1."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class AttackNumbers:
    """The numbers of one attack.

    Parameters
    ----------
    mean_over_targets
        Each target model judged by itself, then averaged: the headline.
    pooled
        The scores of all targets thrown together and judged with one threshold.
    roc
        The pooled ROC curve.
    """

    mean_over_targets: Leakage
    pooled: Leakage
    roc: RocCurve


@dataclass(frozen=True, eq=False)
class _Counts:
    """Independent patients behind a number.

    Parameters
    ----------
    members, non_members
        The fewest of one target: what the exact intervals rest on.
    n_out
        Distinct non-members: what a false-positive budget is spent on.
    """

    members: int
    non_members: int
    n_out: int


def _counts(members: BoolArray) -> _Counts:
    inside = members.sum(axis=1)
    non_members = int(members.shape[1] - inside.max())
    return _Counts(members=int(inside.min()), non_members=non_members, n_out=non_members)


def _judge_each(
    scores: FloatArray, members: BoolArray, patients: IntArray, targets: IntArray, *, fprs: Sequence[float]
) -> FloatArray:
    """Judge every target by itself and average, in every replicate."""
    shape = (patients.shape[0], 2 + 2 * len(fprs))
    total, weight = np.zeros(shape), np.zeros(shape)
    for target, (row, held) in enumerate(zip(scores, members, strict=True)):
        found = roc.roc_statistics(row, held, patients, fprs=fprs)
        rows = np.column_stack([found.auc, found.advantage, found.tpr, found.achieved_fpr])
        seen = targets[:, target, None] * np.isfinite(rows)  # a replicate may draw no patient of one side
        total += seen * np.nan_to_num(rows)
        weight += seen
    return np.asarray(np.divide(total, weight, out=np.full(shape, np.nan), where=weight > 0))


def _judge_pool(
    scores: FloatArray,
    members: BoolArray,
    patients: IntArray,
    targets: IntArray,
    *,
    fprs: Sequence[float],
    grid: FloatArray,
) -> FloatArray:
    """Rank the scores of all targets together; a score counts as often as its patient times its target."""
    ranking = roc.rank(scores.ravel(), members.ravel())
    target, patient = np.divmod(ranking.order, scores.shape[1])
    rows = np.empty((patients.shape[0], 2 + 2 * len(fprs) + grid.size))
    step = max(1, roc.BLOCK // scores.size)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        weights = np.take(patients[block], patient, axis=1)
        weights *= np.take(targets[block], target, axis=1)
        true, false = roc.cumulate(ranking, weights)
        rates = [roc.rates_within(true, false, fpr) for fpr in fprs]
        rows[block] = np.column_stack(
            [
                *roc.area_and_advantage(true, false),
                *(tpr for tpr, _ in rates),
                *(achieved for _, achieved in rates),
                roc.curve_within(true, false, grid),
            ]
        )
    return rows


def _estimate_and_margin(
    judge: _Judge, scores: FloatArray, members: BoolArray, pairs: IntArray, weights: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """Return each number of `judge` and half the width of its 95 % interval on its own scale; each [columns]."""
    rows = judge(scores, members, *weights)
    variance = np.nanvar(rows[1:], axis=0, ddof=1)
    n_pairs = int(pairs.max()) + 1
    if n_pairs == 1:
        return rows[0], float(stats.norm.isf(0.025)) * np.sqrt(variance)
    alone = []
    for pair in range(n_pairs):
        own = pairs == pair
        once = np.ones((1, scores.shape[1]), dtype=np.intp), np.ones((1, own.sum()), dtype=np.intp)
        alone.append(judge(scores[own], members[own], *once)[0])
    between = np.var(np.array(alone), axis=0, ddof=1) / n_pairs
    variance = variance + between / n_pairs
    share = np.divide(between, variance, out=np.zeros_like(variance), where=variance > 0).clip(max=1)
    freedom = 1 / (share**2 / (n_pairs - 1) + (1 - share) ** 2 / (scores.shape[1] - 1))
    return rows[0], stats.t.isf(0.025, freedom) * np.sqrt(variance)


def _auc_estimate(value: float, margin: float, counts: _Counts) -> Estimate:
    if 0 < value < 1:
        spread = margin / (value * (1 - value))  # delta method: replicates of exactly 1 have no logit
        low, high = special.expit(special.logit(value) + np.array([-spread, spread]))
    else:
        low, high = newcombe_auc(value, counts.members, counts.non_members)
    return Estimate(value, min(float(low), value), max(float(high), value))


def _rate_limits(value: FloatArray, margin: FloatArray, counts: _Counts) -> tuple[FloatArray, FloatArray]:
    exact_low, exact_high = clopper_pearson(np.where(value >= 1, counts.members, 0), counts.members)
    inner = (value > 0) & (value < 1)
    low = np.where(inner, np.clip(value - margin, 0, 1), exact_low)
    high = np.where(inner, np.clip(value + margin, 0, 1), exact_high)
    return low, high


def _leakage(value: FloatArray, margin: FloatArray, counts: _Counts, fprs: Sequence[float]) -> Leakage:
    low, high = _rate_limits(value, margin, counts)
    lead = (float(value[1]), float(low[1]), float(high[1]))
    rates = []
    for column, fpr in enumerate(fprs, start=2):
        shown = roc.is_shown(fpr, counts.n_out)
        rates.append(
            RateAtFpr(
                fpr=fpr,
                achieved_fpr=float(value[column + len(fprs)]) if shown else None,
                tpr=float(value[column]) if shown else None,
                low=float(low[column]) if shown else None,
                high=float(high[column]) if shown else None,
                resolvable=roc.is_resolvable(fpr, counts.n_out),
                n_out=counts.n_out,
            )
        )
    return Leakage(
        auc=_auc_estimate(float(value[0]), float(margin[0]), counts),
        balanced_accuracy=Estimate(*((1 + limit) / 2 for limit in lead)),
        advantage=Estimate(*lead),
        tpr_at_fpr=tuple(rates),
    )


def _curve(value: FloatArray, margin: FloatArray, counts: _Counts, grid: FloatArray) -> RocCurve:
    low, high = _rate_limits(value, margin, counts)
    return RocCurve(
        fpr=tuple(grid.tolist()),
        tpr=tuple(value.tolist()),
        # The true curve never falls, so a limit at one budget bounds the curve at larger (smaller) budgets too.
        low=tuple(np.maximum.accumulate(low).tolist()),
        high=tuple(np.minimum.accumulate(high[::-1])[::-1].tolist()),
    )


def _check(scores: FloatArray, members: BoolArray, partner: IntArray, replicates: int) -> None:
    if scores.ndim != 2 or partner.shape != scores.shape[:1]:
        raise ConfigError(
            f"scores must be [targets, patients] with one partner per target, found scores {scores.shape} and partners "
            f"{partner.shape}."
        )
    if replicates < 2:
        raise ConfigError(f"a bootstrap interval needs at least 2 replicates, asked for {replicates}.")
    roc.check_scores(scores, members)


def _draw(
    n_patients: int, pairs: IntArray, replicates: int, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw the weights; a first row of ones gives the estimate itself."""
    patients, targets = two_way_weights(n_patients, pairs, replicates, generator)
    return np.insert(patients, 0, 1, axis=0), np.insert(targets, 0, 1, axis=0)


def _mean(
    scores: FloatArray,
    members: BoolArray,
    pairs: IntArray,
    weights: tuple[IntArray, IntArray],
    fprs: Sequence[float],
) -> Leakage:
    value, margin = _estimate_and_margin(partial(_judge_each, fprs=fprs), scores, members, pairs, weights)
    return _leakage(value, margin, _counts(members), fprs)


def mean_over_targets(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> Leakage:
    """Judge every target model by itself and average.

    Parameters
    ----------
    scores
        Attack scores, higher = member; [targets, patients], finite.
    members
        Membership; [targets, patients], both sides in every target.
    partner
        Complementary target of each target, -1 if none; [targets].
    fprs
        False-positive budgets in [0, 1].
    replicates
        Bootstrap replicates.
    generator
        Source of the bootstrap weights.

    Returns
    -------
    The numbers. ``n_out`` of a rate is the smallest number of non-member patients of a target; the achieved FPR is the
    mean over targets.

    Raises
    ------
    ConfigError
        If shapes disagree, a score is not finite, a target has patients on one side only, or replicates are too few.

    Examples
    --------
    >>> members = np.array([[True, True, False, False], [False, False, True, True]])
    >>> scores = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    >>> generator = np.random.default_rng(0)
    >>> mean_over_targets(scores, members, np.array([1, 0]), replicates=50, generator=generator).auc.value
    0.875
    """
    _check(scores, members, partner, replicates)
    pairs = pair_codes(partner)
    return _mean(scores, members, pairs, _draw(scores.shape[1], pairs, replicates, generator), fprs)


def summarise(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> AttackNumbers:
    """Compute all headline numbers of one attack, with the same bootstrap draws throughout.

    Parameters
    ----------
    scores, members, partner, fprs, replicates, generator
        As in `mean_over_targets`.

    Returns
    -------
    The mean over targets, the pooled numbers and the pooled ROC curve. ``n_out`` of a pooled rate is the number of
    distinct patients that were a non-member of some target: a patient scored by many targets is still one patient.

    Raises
    ------
    ConfigError
        As in `mean_over_targets`.

    Examples
    --------
    >>> members = np.array([[True, True, False, False], [False, False, True, True]])
    >>> scores = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    >>> numbers = summarise(scores, members, np.array([1, 0]), replicates=50, generator=np.random.default_rng(0))
    >>> numbers.pooled.auc.value
    0.875
    """
    _check(scores, members, partner, replicates)
    pairs = pair_codes(partner)
    weights = _draw(scores.shape[1], pairs, replicates, generator)
    counts = replace(_counts(members), n_out=int((~members).any(axis=0).sum()))
    grid = np.geomspace(1 / counts.n_out, 1, _GRID_POINTS)
    judge = partial(_judge_pool, fprs=fprs, grid=grid)
    value, margin = _estimate_and_margin(judge, scores, members, pairs, weights)
    curve = slice(2 + 2 * len(fprs), None)
    return AttackNumbers(
        mean_over_targets=_mean(scores, members, pairs, weights, fprs),
        pooled=_leakage(value, margin, counts, fprs),
        roc=_curve(value[curve], margin[curve], counts, grid),
    )
