"""One attack's scores to its headline numbers, each with an interval.

How every interval is made (two-sided, 95 %; AUC and TPR also have a one-sided 95 % limit at each end, made alike):

- Two-way: other patients (the same in all targets) and, independently, other complementary pairs of models, from the
  influence of every score (see `influence`, `two_way`).
- AUC: on the logit scale. An AUC of exactly 0 or 1 has no spread to show and takes Newcombe's interval for the patients
  of one target instead.
- TPR at a budget: see `_rate_limits`. The threshold counts as estimated.
- Balanced accuracy and advantage choose their threshold on the very scores they judge: optimistic in small cohorts. The
  interval is for the largest advantage that any threshold has in the population, and allows for the optimism: its lower
  limit reaches further than its upper one, and for noise it holds 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics import influence, roc
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.intervals import binomial_range, effective_clopper_pearson, pair_codes
from genoaudit.metrics.two_way import ONE_SIDED, TWO_SIDED, TwoWay, auc_estimate, two_way, z

DEFAULT_FPRS = (0.1, 0.01, 0.001)

_GRID_POINTS = 61

_OPTIMISM = float(np.sqrt(np.pi / 2))
_LOOKED_FOR = 2.98
"""What looking for the best threshold adds to an advantage when nothing leaks, in standard errors at that threshold: on
average (Smirnov's one-sided statistic), and 1.96's counterpart, the 95 % quantile of the largest standardised
difference over the middle 70 % of thresholds (Miller and Siegmund, Biometrics 1982)."""


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
class _Audit:
    """The scores of all targets, ranked; per target in the headline, in one row when pooled.

    Parameters
    ----------
    at
        Where every score stands; [targets, patients] or [1, targets * patients].
    pairs
        Pair code of each target; [targets].
    members, non_members
        The fewest patients of one target on each side: what the exact intervals rest on.
    n_out
        Distinct non-members: what a false-positive budget is spent on.
    """

    at: influence.Standing
    pairs: IntArray
    members: int
    non_members: int
    n_out: int

    @property
    def pooled(self) -> bool:
        """Whether one threshold judges all targets; with a single target there is no difference."""
        return len(self.at.members) == 1

    def error(self, value: FloatArray, influences: FloatArray) -> TwoWay:
        """Find the sources of error of the mean over rows of a statistic."""
        if self.pooled:
            table = influences.reshape(self.pairs.size, -1)
            return two_way(table.sum(axis=0), table.sum(axis=1), self.pairs)
        return two_way(influences.mean(axis=0), (value - value.mean()) / value.size, self.pairs)


def _auc(audit: _Audit) -> Estimate:
    found = influence.area(audit.at)
    error = audit.error(found.value, found.influence)
    return auc_estimate(float(found.value.mean()), error, audit.members, audit.non_members)


def _advantage(audit: _Audit) -> tuple[float, float, float]:
    """Largest TPR - FPR, and the lower and upper limit of the largest in the population.

    Upwards the error is that of a fixed threshold: the best one in the population has at most the value seen. Downwards
    comes the optimism of having looked for the best among all: as much as if nothing leaked, when it is largest.
    """
    found = influence.lead(audit.at)
    value = float(found.value.mean())
    error = audit.error(found.value, found.influence)
    own = error.deviation if audit.pooled else float(np.linalg.norm(found.influence, axis=1).mean())
    above = error.margin(TWO_SIDED)
    below = max(above, _OPTIMISM * own + (_LOOKED_FOR - _OPTIMISM) * error.deviation)

    def limits(margin: float) -> tuple[FloatArray, FloatArray]:
        """Treat balanced accuracy as a rate over both sides: lopsided near 1, exact at 1."""
        units = round(4 / (1 / audit.members + 1 / audit.non_members))
        most = units * audit.pairs.size
        return effective_clopper_pearson((1 + value) / 2, margin / 2 / z(TWO_SIDED), units, most=most)

    low, high = 2 * float(limits(below)[0]) - 1, 2 * float(limits(above)[1]) - 1
    return value, min(max(low, 0.0), value), max(high, value)


def _rate(audit: _Audit, fpr: float) -> tuple[float, float]:
    """Largest TPR within a budget, and the FPR that reaches it."""
    at, n_in, n_out = audit.at, audit.at.n_in, audit.at.n_out
    alarms = roc.allowed_alarms(fpr, n_out)
    return float((at.caught_within(alarms) / n_in).mean()), float((at.fewest_alarms(alarms) / n_out).mean())


def _rate_limits(audit: _Audit, fpr: float, tail: float) -> tuple[float, float]:
    """Lower and upper limit of the largest TPR within a budget, each missed with probability `tail`.

    - The threshold's error: of n independent non-members, Binomial(n, fpr) exceed the true threshold. The members that
      thresholds at both ends of its central range take give the slope of the ROC curve, below and above apart.
    - A threshold that lets k of n through lets (k + 1) / (n + 1) through on average, so the lower limit is built around
      the rate with one false positive fewer.
    - Members and threshold together make an effective number of members, and Clopper and Pearson's limits with it are
      lopsided near 0 and 1 as they must be (Korn and Graubard, Survey Methodology 1998).
    """
    at, n_out, n_in = audit.at, audit.at.n_out, audit.at.n_in
    level, reach_of = 1 - 2 * tail, z(tail)
    alarms = roc.allowed_alarms(fpr, n_out)
    alarm = influence.alarm_rate(at, alarms)
    units = n_out.astype(np.float64)
    if audit.pooled:
        error = audit.error(alarm.value, alarm.influence).deviation
        binomial = float(alarm.value[0] * (1 - alarm.value[0]))
        units = units if error == 0 else np.round(binomial / error**2).clip(1, units)
    one = n_out / units
    fewest, most = binomial_range(units, fpr, level)
    error_of_alarms = reach_of * np.sqrt(fpr * (1 - fpr) / units)

    def limits(around: IntArray, edge: FloatArray) -> tuple[FloatArray, FloatArray]:
        hit = influence.hit_rate(at, around)
        reach = np.abs(at.caught_within(edge.astype(np.intp)) / n_in - hit.value)
        slope = np.divide(reach, error_of_alarms, out=np.zeros_like(reach), where=error_of_alarms > 0)
        error = audit.error(hit.value, hit.influence - slope[:, None] * alarm.influence)
        return effective_clopper_pearson(
            float(hit.value.mean()), error.margin(tail) / reach_of, audit.members, most=int(n_in.sum()), level=level
        )

    fewer = np.maximum(alarms - np.ceil(one).astype(np.intp), 0)
    low = limits(fewer, np.floor(one * np.maximum(fewest - 1, 0)))[0]
    high = limits(alarms, np.ceil(one * most))[1]
    value = _rate(audit, fpr)[0]
    return min(float(low), value), max(float(high), value)


def _leakage(audit: _Audit, fprs: Sequence[float]) -> Leakage:
    lead = _advantage(audit)
    rates = []
    for fpr in fprs:
        resolvable = roc.is_resolvable(fpr, audit.n_out)
        if roc.is_shown(fpr, audit.n_out):
            (tpr, achieved), ends = _rate(audit, fpr), _rate_limits(audit, fpr, TWO_SIDED)
            limits = _rate_limits(audit, fpr, ONE_SIDED)
            rates.append(RateAtFpr(fpr, achieved, tpr, *ends, resolvable, audit.n_out, *limits))
        else:
            rates.append(RateAtFpr(fpr, None, None, None, None, resolvable, audit.n_out))
    return Leakage(
        auc=_auc(audit),
        balanced_accuracy=Estimate(*((1 + end) / 2 for end in lead)),
        advantage=Estimate(*lead),
        tpr_at_fpr=tuple(rates),
    )


def _curve(audit: _Audit) -> RocCurve:
    grid = np.geomspace(1 / audit.n_out, 1, _GRID_POINTS)
    tpr = [_rate(audit, fpr)[0] for fpr in grid]
    low, high = np.array([_rate_limits(audit, fpr, TWO_SIDED) for fpr in grid]).T
    return RocCurve(
        fpr=tuple(grid.tolist()),
        tpr=tuple(tpr),
        # The true curve never falls, so a limit at one budget bounds the curve at larger (smaller) budgets too.
        low=tuple(np.maximum.accumulate(low).tolist()),
        high=tuple(np.minimum.accumulate(high[::-1])[::-1].tolist()),
    )


def _check(scores: FloatArray, members: BoolArray, partner: IntArray) -> None:
    if scores.ndim != 2 or partner.shape != scores.shape[:1]:
        raise ConfigError(
            f"scores must be [targets, patients] with one partner per target, found scores {scores.shape} and partners "
            f"{partner.shape}."
        )
    roc.check_scores(scores, members)


def _per_target(scores: FloatArray, members: BoolArray, pairs: IntArray) -> _Audit:
    inside = members.sum(axis=1)
    n_out = int(members.shape[1] - inside.max())
    return _Audit(influence.standing(scores, members), pairs, int(inside.min()), n_out, n_out)


def mean_over_targets(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
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

    Returns
    -------
    The numbers. ``n_out`` of a rate is the smallest number of non-member patients of a target; the achieved FPR is the
    mean over targets.

    Raises
    ------
    ConfigError
        If shapes disagree, a score is not finite, or a target has patients on one side only.

    Examples
    --------
    >>> members = np.array([[True, True, False, False], [False, False, True, True]])
    >>> scores = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    >>> mean_over_targets(scores, members, np.array([1, 0])).auc.value
    0.875
    """
    _check(scores, members, partner)
    return _leakage(_per_target(scores, members, pair_codes(partner)), fprs)


def summarise(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
) -> AttackNumbers:
    """Compute all headline numbers of one attack.

    Parameters
    ----------
    scores, members, partner, fprs
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
    >>> summarise(scores, members, np.array([1, 0])).pooled.auc.value
    0.875
    """
    _check(scores, members, partner)
    each = _per_target(scores, members, pair_codes(partner))
    together = influence.standing(scores.reshape(1, -1), members.reshape(1, -1))
    pooled = replace(each, at=together, n_out=int((~members).any(axis=0).sum()))
    return AttackNumbers(mean_over_targets=_leakage(each, fprs), pooled=_leakage(pooled, fprs), roc=_curve(pooled))
