"""How firm is the order of the patients: an interval for every rank, and two audits made of one.

Ranks survive retraining better than a list of patients beyond a threshold does, so they are read first. Both answers
come from the models at hand: resampling the complementary pairs, and splitting them into two halves without a common
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray, scarcest
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.patients import LEAST, check_sides

BLOCK = 2**22
"""Values of a replicate and patient held at once."""

_VARIANCE_FLOOR = 1e-12  # as in patient_table: keeps the effect of a constant statistic finite


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where each patient stands among all, by d'; 1 = most exposed.

    Parameters
    ----------
    rank
        Rank on all models, equal patients sharing their mean rank; [patients].
    low, high
        95 % confidence limits of the patient's rank in infinitely many models; [patients].
    resampled_low, resampled_high
        Range of 95 % of the ranks in resamples of the pairs of models, stretched to include `rank`. A description of
        how much the rank moves, too narrow as a confidence interval where patients are close; [patients].
    """

    rank: FloatArray
    low: FloatArray
    high: FloatArray
    resampled_low: FloatArray
    resampled_high: FloatArray


@dataclass(frozen=True)
class TopOverlap:
    """How far two disjoint halves of the models name the same patients.

    Parameters
    ----------
    k
        Patients named by each half.
    jaccard
        Patients named by both, divided by patients named by either; mean over splits, and the range that holds 95 % of
        the splits (splits of the same models are not independent: no confidence interval).
    by_chance
        Its expectation if the two halves had nothing in common.
    """

    k: int
    jaccard: Estimate
    by_chance: float


@dataclass(frozen=True)
class HalvesAgreement:
    """Agreement of two disjoint halves of the models.

    Parameters
    ----------
    models
        Models in the smaller half.
    splits
        Random splits averaged over.
    spearman
        Rank correlation of the patients' d' between the halves: mean over splits, and the range that holds 95 % of
        them. None where all patients are equal in some half.
    tops
        Overlap of the most exposed patients.
    """

    models: int
    splits: int
    spearman: Estimate
    tops: tuple[TopOverlap, ...]


def pair_weights(pair: IntArray, replicates: int, generator: np.random.Generator) -> IntArray:
    """Draw complementary pairs of models with replacement.

    Parameters
    ----------
    pair
        Cluster code of each model, 0 .. clusters - 1 (see `intervals.pair_codes`); [models].
    replicates, generator
        Number of draws and the source of randomness.

    Returns
    -------
    How often each model counts; [replicates, models].

    Examples
    --------
    >>> pair_weights(np.array([0, 0, 1, 1]), 3, np.random.default_rng(0)).sum(axis=1)
    array([4, 4, 4])
    """
    clusters = int(pair.max()) + 1
    drawn = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=replicates)
    return np.asarray(drawn[:, pair], dtype=np.intp)


def split_pairs(pair: IntArray, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Deal the complementary pairs at random into two halves that share no model.

    Parameters
    ----------
    pair
        Cluster code of each model; [models].
    generator
        Source of randomness.

    Returns
    -------
    The models of each half in ascending order; of an odd number of pairs the second half has one more.

    Examples
    --------
    >>> first, second = split_pairs(np.array([0, 0, 1, 1, 2, 2]), np.random.default_rng(0))
    >>> first.size, second.size
    (2, 4)
    """
    clusters = int(pair.max()) + 1
    if clusters < 2:
        raise ConfigError("two halves need at least two complementary pairs of models, found one. Train more models.")
    chosen = generator.permutation(clusters) < clusters // 2
    return np.flatnonzero(chosen[pair]), np.flatnonzero(~chosen[pair])


def weighted_d_prime(statistic: FloatArray, members: BoolArray, weights: IntArray) -> FloatArray:
    """Compute d' of every patient in many resamples of the models at once.

    Parameters
    ----------
    statistic
        The patient's mean logit under every model, higher = member; [models, patients].
    members
        Membership; [models, patients].
    weights
        How often each model counts; [replicates, models]. One row of ones gives the d' of `patients.patient_table`.

    Returns
    -------
    (mean_in - mean_out) / sqrt((var_in + var_out) / 2), in standard deviations; [replicates, patients]. A side left
    without a model in a replicate counts with its mean over all models.

    Examples
    --------
    >>> members = np.array([[True], [False], [True], [False]])
    >>> weighted_d_prime(np.array([[3.0], [1.0], [5.0], [2.0]]), members, np.ones((1, 4), dtype=np.intp)).round(3)
    array([[2.236]])
    """
    difference, variance = np.zeros((2, weights.shape[0], members.shape[1]))
    times = weights.astype(np.float64)
    # Measured from a value of the patient's own, so that a constant statistic has an effect of exactly zero.
    moved = statistic - statistic[0]
    for side, sign in ((members, 1), (~members, -1)):
        mean = moved.sum(axis=0, where=side) / np.maximum(side.sum(axis=0), 1)
        # From the side's own mean the moments of a resample lose no digits to cancellation.
        deviation = np.where(side, moved - mean, 0.0)
        count = times @ side
        shift = times @ deviation / np.maximum(count, 1)
        squares = times @ deviation**2 - count * shift**2
        difference += sign * (mean + shift)
        variance += squares / np.maximum(count - 1, 1)
    return np.asarray(difference / np.sqrt(np.maximum(variance / 2, _VARIANCE_FLOOR)))


def rank_intervals(
    statistic: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    replicates: int = 500,
    generator: np.random.Generator,
) -> Ranks:
    """Rank the patients by d', each rank with limits from resampled pairs of models.

    The limits count the others that are certainly more and certainly less exposed than the patient: whose d' differs by
    more than all differences to the patient's d' move in 95 % of the resamples, each in its own standard errors
    (Mogstad, Romano, Shaikh, Wilhelm, Review of Economic Studies 2024). The usual percentiles of resampled ranks count
    the noise of the models twice, once in the estimates and once in the resamples: with 500 patients whose d' differ by
    0.3 in all and 256 models they hold the true rank of the ten most exposed in a quarter to three quarters of the
    cases, the limits nearly always. In a cohort of equals, their hardest case, limits of 64 models with skewed outputs
    span the whole cohort for 80 to 90 % of the patients instead of 95 %.

    Parameters
    ----------
    statistic
        The patient's mean logit under every model, higher = member; [models, patients], finite.
    members
        Membership; every patient in at least two models and out of at least two; [models, patients].
    partner
        Complementary model of each model, -1 if none; [models].
    replicates, generator
        Bootstrap resamples and their source of randomness.

    Raises
    ------
    ConfigError
        If the arrays do not fit, a value is not finite, or a side has fewer than two models.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([[True], [False]], (32, 3))
    >>> statistic = rng.normal(size=(64, 3)) + members * [0.0, 5.0, 0.0]
    >>> ranks = rank_intervals(statistic, members, np.arange(64) ^ 1, generator=rng)
    >>> float(ranks.rank[1]), float(ranks.low[1]), float(ranks.high[1])
    (1.0, 1.0, 1.0)
    """
    check_sides(members, statistic=statistic)
    if replicates < 2:
        raise ConfigError(f"limits of a rank need at least two resamples, asked for {replicates}.")
    once = np.ones((1, members.shape[0]), dtype=np.intp)
    d_prime = weighted_d_prime(statistic, members, once)[0]
    rank = stats.rankdata(-d_prime)
    weights = pair_weights(pair_codes(partner), replicates, generator)
    resampled = np.empty((replicates, rank.size))
    step = max(1, BLOCK // rank.size)
    for start in range(0, replicates, step):
        rows = slice(start, start + step)
        resampled[rows] = weighted_d_prime(statistic, members, weights[rows])
    resampled_low, resampled_high = np.quantile(stats.rankdata(-resampled, axis=1), [0.025, 0.975], axis=0)
    low, high = _rank_limits(d_prime, resampled)
    return Ranks(rank, low, high, np.minimum(resampled_low, rank), np.maximum(resampled_high, rank))


def _rank_limits(d_prime: FloatArray, resampled: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Count who certainly stands above and below each patient; from d' [patients] and [replicates, patients]."""
    patients = d_prime.size
    # Single precision halves the time, and these numbers are only compared with each other.
    moves = np.ascontiguousarray((resampled - d_prime).T, dtype=np.float32)
    covariance = np.cov(moves).reshape(patients, patients)
    variance = np.diag(covariance)
    low, high = np.empty(patients), np.empty(patients)
    for patient in range(patients):
        error = np.sqrt(np.maximum(variance + variance[patient] - 2 * covariance[patient], _VARIANCE_FLOOR))
        deviation = moves - moves[patient]
        deviation /= error[:, None].astype(np.float32)
        reach = np.quantile(np.abs(deviation, out=deviation).max(axis=0), 0.95) * error
        low[patient] = 1 + np.count_nonzero(d_prime - d_prime[patient] > reach)
        high[patient] = patients - np.count_nonzero(d_prime[patient] - d_prime > reach)
    return low, high


def halves_agreement(
    statistic: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    tops: Sequence[int] | None = None,
    splits: int = 20,
    generator: np.random.Generator,
) -> HalvesAgreement | None:
    """Audit every patient on two disjoint halves of the models and compare.

    Each half has half of the models, so the agreement of two audits as large as this one would be higher. None if a
    half has fewer than two models with, or without, some patient.

    Parameters
    ----------
    statistic
        The patient's mean logit under every model, higher = member; [models, patients], finite.
    members
        Membership; every patient in at least two models of each half and out of at least two; [models, patients].
    partner
        Complementary model of each model, -1 if none; pairs stay together; [models].
    tops
        Numbers of most exposed patients to compare, each below the number of patients; by default 20 and 5 % of the
        cohort, as far as they are below it.
    splits, generator
        Random splits to average over, and their source of randomness.

    Raises
    ------
    ConfigError
        If the arrays do not fit, a value is not finite, a side has fewer than two models, or a number of patients is
        out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([[True], [False]], (32, 40))
    >>> statistic = rng.normal(size=(64, 40)) + members * np.linspace(0, 3, 40)
    >>> found = halves_agreement(statistic, members, np.arange(64) ^ 1, tops=[10], generator=rng)
    >>> found.spearman.value > 0.8, found.tops[0].jaccard.value > found.tops[0].by_chance
    (True, True)
    """
    check_sides(members, statistic=statistic)
    patients = members.shape[1]
    if tops is None:
        tops = sorted({k for k in (20, round(0.05 * patients)) if 1 <= k < patients})
    if any(not 1 <= k < patients for k in tops) or splits < 1:
        raise ConfigError(f"a top list has 1 to {patients - 1} patients and at least one split, found {list(tops)}.")
    pair = pair_codes(partner)
    correlation, overlap = np.empty(splits), np.empty((splits, len(tops)))
    smallest = members.shape[0]
    for split in range(splits):
        halves = split_pairs(pair, generator)
        if min(scarcest(members[half]) for half in halves) < LEAST:
            return None
        smallest = min(smallest, *(half.size for half in halves))
        first, second = (d_prime_of(statistic[half], members[half]) for half in halves)
        correlation[split] = _spearman(first, second)
        for column, k in enumerate(tops):
            shared = np.intersect1d(most_exposed(first, k, generator), most_exposed(second, k, generator)).size
            overlap[split, column] = shared / (2 * k - shared)
    return HalvesAgreement(
        models=smallest,
        splits=splits,
        spearman=_spread(correlation),
        tops=tuple(
            TopOverlap(k, _spread(column), chance_jaccard(patients, k))
            for k, column in zip(tops, overlap.T, strict=True)
        ),
    )


def most_exposed(d_prime: FloatArray, k: int, generator: np.random.Generator) -> IntArray:
    """Return the `k` patients with the largest d', largest first, equal ones in random order."""
    return np.lexsort((generator.random(d_prime.size), -d_prime))[:k]


def chance_jaccard(patients: int, k: int) -> float:
    """Return the expected Jaccard overlap of two independent random choices of `k` out of `patients`.

    Examples
    --------
    >>> round(chance_jaccard(2, 1), 3), round(chance_jaccard(500, 20), 4)
    (0.5, 0.0209)
    """
    shared = np.arange(k + 1)
    return float(stats.hypergeom.pmf(shared, patients, k, k) @ (shared / (2 * k - shared)))


def d_prime_of(statistic: FloatArray, members: BoolArray) -> FloatArray:
    """Return the d' of every patient on all models, two or more on each side, see `weighted_d_prime`; [patients]."""
    check_sides(members, statistic=statistic)
    return np.asarray(weighted_d_prime(statistic, members, np.ones((1, members.shape[0]), dtype=np.intp))[0])


def _spearman(first: FloatArray, second: FloatArray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    return float(stats.spearmanr(first, second).statistic)


def _spread(values: FloatArray) -> Estimate:
    if np.isnan(values).any():
        return Estimate(None, None, None)
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high))
