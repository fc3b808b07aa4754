"""An attack at a threshold that an attacker could have had: taken from other models, never from the target's scores.

The largest TPR within a false-positive budget, as `roc` gives it, peeks: it chooses the threshold on the scores that it
judges. An attacker has shadow models only, takes from them the smallest threshold that keeps to the budget there, and
uses it on the target, where the false-positive rate comes out as it may. So both rates are reported.

Which scores: those of the non-members of all models but the target and its complementary partner, thrown together. A
score must therefore mean the same in every model, as a likelihood ratio or a loss does. The patients are the same in
all models.

Intervals of the mean over targets (95 %): a bootstrap over patients and, independently, complementary pairs of models,
with every threshold estimated anew in every replicate. The variance that few pairs hide is added; patients and pairs
each get Student's quantile with their own degrees of freedom (Cochran's idea, Biometrics 1964). Rates are taken on the
logit scale, since small ones are lopsided; one of exactly 0 or 1 takes Clopper and Pearson's interval for the patients
of one target instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import clopper_pearson, pair_codes, two_way_weights
from genoaudit.metrics.ppv import PpvAtPrior, ppv_at_priors, ppv_from_counts
from genoaudit.metrics.roc import check_scores, is_shown

DEFAULT_FPRS = (0.1, 0.01)

LEVEL = 0.95
"""Confidence of every interval; for a PPV, which needs limits of two rates, each is allowed half of the error."""

_BLOCK = 2**24  # weights of pooled scores held at once
_SLACK = 1 + 1e-9  # 0.29 * 100 is 28.999999999999996 in floating point and must still allow 29 false positives
_NONE = Estimate(None, None, None)


@dataclass(frozen=True)
class AtShadowThreshold:
    """Both rates of an attack at a threshold that was chosen on other models.

    Parameters
    ----------
    fpr
        The false-positive budget that the threshold keeps to on the other models.
    tpr, achieved_fpr
        What it gives on the target, mean over targets or of one. No value if ``fpr < 1 / n_out``, `n_out` being the
        fewest non-members of a target.
    ppv
        Share of accusations that are right, at declared priors, with limits that hold with 95 %; empty where the rates
        have no value.
    """

    fpr: float
    tpr: Estimate
    achieved_fpr: Estimate
    ppv: tuple[PpvAtPrior, ...]


def thresholds_from(scores: FloatArray, members: BoolArray, fprs: Sequence[float] = DEFAULT_FPRS) -> FloatArray:
    """Take the threshold of each budget from shadow models: the smallest that keeps to it on their non-members.

    Parameters
    ----------
    scores
        Attack scores in the shadow models, higher = member; [models, patients], finite.
    members
        Membership in the shadow models; [models, patients].
    fprs
        False-positive budgets in [0, 1].

    Returns
    -------
    The thresholds, [budgets]; whoever is at or above one is taken for a member. Minus infinity where the budget allows
    everybody.

    Raises
    ------
    ConfigError
        If shapes disagree, a score is not finite, nobody is a non-member, or a budget is impossible.

    Examples
    --------
    >>> scores, members = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]]), np.array([[True, False, False, False, False]])
    >>> thresholds_from(scores, members, [0.25, 1.0])  # just above 3
    array([  3., -inf])
    """
    budgets = _checked(fprs)
    if scores.shape != members.shape or not np.isfinite(scores).all() or members.all():
        raise ConfigError(
            "thresholds need finite scores and membership of the same shape and at least one non-member, found scores "
            f"{scores.shape} ({np.count_nonzero(~np.isfinite(scores))} not finite), members {members.shape} and "
            f"{np.count_nonzero(~members)} non-members."
        )
    descending = -np.sort(-scores[~members])
    allowed = np.floor(budgets * descending.size * _SLACK).astype(np.intp)
    return np.append(np.nextafter(descending, np.inf), -np.inf)[allowed]


def at_thresholds(
    scores: FloatArray, members: BoolArray, thresholds: FloatArray, fprs: Sequence[float] = DEFAULT_FPRS
) -> tuple[AtShadowThreshold, ...]:
    """Judge one target at given thresholds, with exact intervals over its patients (Clopper and Pearson 1934).

    Parameters
    ----------
    scores, members
        Attack scores in the target, higher = member, finite, and who its members are; [patients].
    thresholds
        From models that are neither the target nor its partner, see `thresholds_from`; [budgets].
    fprs
        The budgets they were taken for.

    Raises
    ------
    ConfigError
        If shapes disagree, a score is not finite, or all patients are on one side.

    Examples
    --------
    >>> scores, members = np.array([3.0, 1.0, 0.0, 0.0]), np.array([True, True, False, False])
    >>> (found,) = at_thresholds(scores, members, np.array([2.0]), [0.5])
    >>> found.tpr.value, found.achieved_fpr.value
    (0.5, 0.0)
    """
    check_scores(scores, members)
    n_in, n_out = int(members.sum()), int((~members).sum())
    found = []
    for fpr, threshold in zip(_checked(fprs), thresholds, strict=True):
        if not is_shown(fpr, n_out):
            found.append(AtShadowThreshold(float(fpr), _NONE, _NONE, ()))
            continue
        taken = scores >= threshold
        tp, fp = int((taken & members).sum()), int((taken & ~members).sum())
        ppv = ppv_from_counts(tp, n_in, fp, n_out, level=LEVEL)
        found.append(AtShadowThreshold(float(fpr), _exact(tp, n_in), _exact(fp, n_out), ppv))
    return tuple(found)


def _exact(k: int, n: int) -> Estimate:
    low, high = clopper_pearson(k, n, LEVEL)
    return Estimate(k / n, float(low), float(high))


def at_shadow_thresholds(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
    replicates: int = 200,
    generator: np.random.Generator,
) -> tuple[AtShadowThreshold, ...]:
    """Judge every target at the thresholds that all other models but its partner give, and average.

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
    One entry per budget; none with a single pair of models, which leaves no other model to take a threshold from.

    Raises
    ------
    ConfigError
        If shapes disagree, a score is not finite, a target has patients on one side only, a budget is impossible, or
        replicates are too few.

    Examples
    --------
    >>> members = np.array([[True, False], [False, True]] * 2).repeat(10, axis=1)
    >>> scores = members + np.tile(np.linspace(0, 0.9, 10), (4, 2))
    >>> (found,) = at_shadow_thresholds(
    ...     scores, members, np.array([1, 0, 3, 2]), fprs=[0.1], generator=np.random.default_rng(0)
    ... )
    >>> found.tpr.value, found.achieved_fpr.value
    (1.0, 0.1)
    """
    budgets = _checked(fprs)
    if scores.ndim != 2 or partner.shape != scores.shape[:1]:
        raise ConfigError(
            f"scores must be [targets, patients] with one partner per target, found scores {scores.shape} and partners "
            f"{partner.shape}."
        )
    if replicates < 2:
        raise ConfigError(f"a bootstrap interval needs at least 2 replicates, asked for {replicates}.")
    check_scores(scores, members)
    pairs = pair_codes(partner)
    if pairs.max() < 1:
        return ()
    patients, targets = two_way_weights(scores.shape[1], pairs, replicates, generator)
    # A first row of ones gives the estimate itself.
    patients, targets = np.insert(patients, 0, 1, axis=0), np.insert(targets, 0, 1, axis=0)
    pool = _pooled(scores, members, pairs)
    rates = np.empty((scores.shape[0], replicates + 1, 2, budgets.size))
    step = max(1, _BLOCK // pool.score.size)
    for start in range(0, replicates + 1, step):
        block = slice(start, start + step)
        beyond = _first_beyond(pool, patients[block], _for_thresholds(targets[block], pairs), budgets)
        for target, (row, held) in enumerate(zip(scores, members, strict=True)):
            rates[target, block] = _rates(row, held, patients[block], beyond[pairs[target]])
    return _summary(rates, targets, pairs, members, budgets)


def _checked(fprs: Sequence[float]) -> FloatArray:
    budgets = np.asarray(fprs, dtype=np.float64)
    if not np.all((budgets >= 0) & (budgets <= 1)):
        raise ConfigError(f"a false-positive budget lies between 0 and 1, found {list(fprs)}.")
    return budgets


@dataclass(frozen=True, eq=False)
class _Pool:
    """Scores of the non-members of all targets, highest first, and whose they are; each [pool]."""

    score: FloatArray
    patient: IntArray
    pair: IntArray


def _pooled(scores: FloatArray, members: BoolArray, pairs: IntArray) -> _Pool:
    target, patient = np.nonzero(~members)
    pooled = scores[target, patient]
    order = np.argsort(-pooled, kind="stable")
    return _Pool(pooled[order], patient[order], pairs[target[order]])


def _for_thresholds(targets: IntArray, pairs: IntArray) -> IntArray:
    """Return how often each pair counts when thresholds are taken; [replicates, pairs]."""
    _, first = np.unique(pairs, return_index=True)
    drawn = targets[:, first]
    # Where all draws fell on one pair nothing is left for that pair's own thresholds: take the models as they are.
    return np.where((drawn > 0).sum(axis=1, keepdims=True) == 1, 1, drawn)


def _first_beyond(pool: _Pool, patients: IntArray, drawn: IntArray, budgets: FloatArray) -> FloatArray:
    """Return the highest pooled score that a budget does not allow any more, leaving out each pair in turn.

    Parameters
    ----------
    pool
        All non-members.
    patients, drawn
        How often each patient and each pair counts; [replicates, patients] and [replicates, pairs].
    budgets
        Largest false-positive rates; [budgets].

    Returns
    -------
    Whoever is strictly above is within the budget; [pairs, replicates, budgets]. Minus infinity if it allows everybody.
    """
    total = np.take(patients, pool.patient, axis=1)
    total *= np.take(drawn, pool.pair, axis=1)
    np.cumsum(total, axis=1, out=total)
    places = np.split(np.argsort(pool.pair, kind="stable"), np.cumsum(np.bincount(pool.pair))[:-1])
    rows = np.arange(len(patients))[:, None]
    descending = np.append(pool.score, -np.inf)
    found = np.empty((drawn.shape[1], len(patients), budgets.size))
    for pair, own in enumerate(places):
        counts = np.zeros((len(patients), own.size + 1), dtype=np.intp)
        np.cumsum(np.take(patients, pool.patient[own], axis=1), axis=1, out=counts[:, 1:])
        counts *= drawn[:, pair, None]
        allowed = np.floor((total[:, -1:] - counts[:, -1:]) * budgets * _SLACK)
        low, high = np.zeros(allowed.shape, dtype=np.intp), np.full(allowed.shape, pool.score.size)
        for _ in range(pool.score.size.bit_length()):  # bisection: the count of the others only grows
            middle = np.minimum((low + high) // 2, pool.score.size - 1)
            others = total[rows, middle] - counts[rows, np.searchsorted(own, middle, side="right")]
            low, high = np.where(others > allowed, low, middle + 1), np.where(others > allowed, middle, high)
        found[pair] = descending[high]
    return found


def _rates(scores: FloatArray, members: BoolArray, patients: IntArray, beyond: FloatArray) -> FloatArray:
    """Return TPR and FPR of one target; [replicates, 2, budgets], NaN in a replicate that drew no patient of a side."""
    rows = np.arange(len(patients))[:, None]
    rates = []
    for side in (members, ~members):
        who = np.flatnonzero(side)
        who = who[np.argsort(-scores[who], kind="stable")]
        counts = np.zeros((len(patients), who.size + 1))
        np.cumsum(np.take(patients, who, axis=1), axis=1, out=counts[:, 1:])
        above = np.searchsorted(-scores[who], -beyond, side="left")
        with np.errstate(invalid="ignore"):
            rates.append(counts[rows, above] / counts[:, -1:])
    return np.stack(rates, axis=1)


def _summary(
    rates: FloatArray, targets: IntArray, pairs: IntArray, members: BoolArray, budgets: FloatArray
) -> tuple[AtShadowThreshold, ...]:
    """Average over targets [targets, replicates, 2, budgets] and put limits around the first replicate."""
    seen = targets.T[:, :, None, None] * np.isfinite(rates)
    weight = seen.sum(axis=0)
    total = (seen * np.nan_to_num(rates)).sum(axis=0)
    mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    n_pairs = int(pairs.max()) + 1
    alone = np.stack([rates[pairs == pair, 0].mean(axis=0) for pair in range(n_pairs)])
    of_pairs = alone.var(axis=0, ddof=1) / n_pairs
    # A bootstrap of Q pairs shows (Q - 1) / Q of their variance; the rest of what it shows is the patients'.
    of_patients = np.maximum(np.nanvar(mean[1:], axis=0, ddof=1) - of_pairs * (n_pairs - 1) / n_pairs, 0)
    inside = members.sum(axis=1)
    fewest = int(inside.min()), int(members.shape[1] - inside.max())
    found = []
    for column, fpr in enumerate(budgets):
        if not is_shown(fpr, fewest[1]):
            found.append(AtShadowThreshold(float(fpr), _NONE, _NONE, ()))
            continue
        sides = [
            (
                float(mean[0, side, column]),
                _Spread(of_patients[side, column], of_pairs[side, column], members.shape[1], n_pairs),
                fewest[side],
            )
            for side in (0, 1)
        ]
        tpr, achieved = (_estimate(*side, LEVEL) for side in sides)
        wider_tpr, wider_fpr = (_estimate(*side, (1 + LEVEL) / 2) for side in sides)
        found.append(AtShadowThreshold(float(fpr), tpr, achieved, ppv_at_priors(wider_tpr, wider_fpr)))
    return tuple(found)


@dataclass(frozen=True)
class _Spread:
    """Variances of a rate from patients and from pairs of models, and how many there are of each."""

    of_patients: float
    of_pairs: float
    patients: int
    pairs: int

    def margin(self, level: float) -> float:
        """Half the width of an interval.

        Each source has its own quantile. One with joint degrees of freedom (Satterthwaite) is too short: with two or
        three pairs the share that is theirs is a guess itself.
        """
        patients, pairs = (float(stats.t.isf((1 - level) / 2, count - 1)) for count in (self.patients, self.pairs))
        return float(np.sqrt(self.of_patients * patients**2 + self.of_pairs * pairs**2))


def _estimate(value: float, spread: _Spread, patients: int, level: float) -> Estimate:
    if 0 < value < 1:
        margin = spread.margin(level) / (value * (1 - value))  # delta method
        low, high = special.expit(special.logit(value) + np.array([-margin, margin]))
    else:
        low, high = clopper_pearson(patients if value >= 1 else 0, patients, level)
    return Estimate(value, min(float(low), value), max(float(high), value))
