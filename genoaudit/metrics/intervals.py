"""Intervals: exact for a proportion, score-type for one AUC; and bootstrap weights for what has no closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from genoaudit.contracts import FloatArray, IntArray, draw_codes
from genoaudit.errors import ConfigError

_HALVINGS = 60  # bisection down to the last bit of a double


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ConfigError(f"a confidence level lies between 0 and 1, found {level}.")
    return (1 - level) / 2


def clopper_pearson(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Exact two-sided interval of a binomial proportion (Clopper and Pearson, Biometrika 1934).

    Parameters
    ----------
    k, n
        Successes and trials, ``0 <= k <= n``, ``n >= 1``; any shapes that broadcast.
    level
        Confidence level.

    Returns
    -------
    Lower and upper limits. It never covers less than `level`, and usually more.

    Raises
    ------
    ConfigError
        If a count is impossible.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 10)
    >>> float(low), round(float(high), 4)
    (0.0, 0.3085)
    """
    tail = _tail(level)
    k, n = np.broadcast_arrays(np.asarray(k), np.asarray(n))
    if np.any((k < 0) | (k > n) | (n < 1)):
        raise ConfigError("a proportion needs 0 <= successes <= trials and at least one trial.")
    # The beta quantile is undefined at the ends, where the limits are 0 and 1 by definition.
    low = np.where(k == 0, 0.0, special.betaincinv(np.where(k == 0, 1, k), n - k + 1, tail))
    high = np.where(k == n, 1.0, special.betaincinv(k + 1, np.where(k == n, 1, n - k), 1 - tail))
    return low, high


def effective_clopper_pearson(
    rate: float, error: float, units: int, *, most: int, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Clopper and Pearson's limits of a rate whose standard error is known from elsewhere.

    The effective number of trials is the one that gives a binomial rate that standard error (Korn and Graubard, Survey
    Methodology 1998).

    Parameters
    ----------
    rate
        Estimated rate in [0, 1].
    error
        Its standard error. At a rate of exactly 0 or 1, what comes on top of the binomial error of `units` trials.
    units
        Trials of the exact interval of a rate of exactly 0 or 1.
    most
        Most trials there can be; at least `units`.
    level
        Confidence level.

    Returns
    -------
    Lower and upper limits.

    Examples
    --------
    >>> [round(float(limit), 3) for limit in effective_clopper_pearson(0.3, (0.3 * 0.7 / 50) ** 0.5, 50, most=50)]
    [0.179, 0.446]
    >>> [round(float(limit), 3) for limit in clopper_pearson(15, 50)]
    [0.179, 0.446]
    """
    if 0 < rate < 1:
        spread, variance = rate * (1 - rate), error**2
    else:
        near = 0.5 / (units + 1)
        spread = near * (1 - near)
        variance = spread / units + error**2
    trials = most if variance * most <= spread else max(spread / variance, 1.0)
    return clopper_pearson(trials * rate, trials, level)


def binomial_range(n: ArrayLike, p: float, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Quantiles between which a binomial count lies with at least probability `level`, the rest halved at most.

    Parameters
    ----------
    n
        Trials; any shape.
    p
        Probability of success in (0, 1]; with 1 every trial succeeds.
    level
        Probability.

    Examples
    --------
    >>> [float(end) for end in binomial_range(300, 0.1)]
    [20.0, 41.0]
    """
    tail = _tail(level)
    n = np.asarray(n, dtype=np.float64)
    if p == 1:
        return n, n
    # Real-valued quantiles; scipy's is not a number where no success at all already has the probability asked for.
    low, high = (np.ceil(np.nan_to_num(special.bdtrik(y, n, p))).clip(0, n) for y in (tail, 1 - tail))
    return low, high


def hanley_mcneil_variance(auc: FloatArray, n_in: ArrayLike, n_out: ArrayLike) -> FloatArray:
    """Variance of an AUC, symmetric in the two sides (Newcombe 2006, equation of method 5).

    Hanley and McNeil (Radiology 1982) derived it for exponential scores; replacing both ``n - 1`` by their mean makes
    swapping the sides turn the variance at A into that at 1 - A.
    """
    n_in, n_out = np.asarray(n_in, dtype=np.float64), np.asarray(n_out, dtype=np.float64)
    shared = (n_in + n_out) / 2 - 1
    spread = 1 + shared * ((1 - auc) / (2 - auc) + auc / (1 + auc))
    return np.asarray(auc * (1 - auc) * spread / (n_in * n_out))


def newcombe_auc(
    auc: ArrayLike, n_in: ArrayLike, n_out: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Score-type interval of one AUC: all values whose own standard error reaches the estimate.

    R. G. Newcombe. Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2:
    asymptotic methods and evaluation. Statistics in Medicine 25:559-573, 2006; method 5. It needs independent units,
    stays within [0, 1] and has positive width at an AUC of 0 or 1.

    Parameters
    ----------
    auc
        Estimates in [0, 1]; any shape.
    n_in, n_out
        Independent units on each side, at least one; broadcast against `auc`.
    level
        Confidence level.

    Returns
    -------
    Lower and upper limits.

    Raises
    ------
    ConfigError
        If an AUC lies outside [0, 1] or a side is empty.

    Examples
    --------
    >>> low, high = newcombe_auc(1.0, 8, 8)
    >>> round(float(low), 3), float(high)
    (0.756, 1.0)
    """
    auc = np.asarray(auc, dtype=np.float64)
    if not np.all((auc >= 0) & (auc <= 1)) or np.any(np.asarray(n_in) < 1) or np.any(np.asarray(n_out) < 1):
        raise ConfigError("an AUC interval needs an AUC in [0, 1] and at least one unit on each side.")
    z = float(stats.norm.isf(_tail(level)))
    auc = np.broadcast_to(auc, np.broadcast_shapes(auc.shape, np.shape(n_in), np.shape(n_out)))

    def limit(outer: float) -> FloatArray:
        """Bisect between the estimate (always inside the interval) and the end of the scale."""
        inside, outside = auc.copy(), np.full(auc.shape, outer)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            reached = (middle - auc) ** 2 <= z**2 * hanley_mcneil_variance(middle, n_in, n_out)
            inside, outside = np.where(reached, middle, inside), np.where(reached, outside, middle)
        # The end itself counts where the estimate lies on it; everywhere else its standard error is zero.
        return np.where(auc == outer, outer, inside)

    return limit(0.0), limit(1.0)


def pair_codes(partner: IntArray) -> IntArray:
    """Return the independent cluster of each model: models drawn together are one, such as a complementary pair.

    Parameters
    ----------
    partner
        Who was drawn with whom, around rings, -1 for a model drawn by itself; as in `genoaudit.contracts.Design`;
        [models].

    Returns
    -------
    Cluster code of each model, 0 .. clusters - 1; [models].

    Raises
    ------
    ConfigError
        If the partners form no rings.

    Examples
    --------
    >>> pair_codes(np.array([1, 0, 3, 2, -1]))
    array([0, 0, 1, 1, 2])
    """
    models = np.arange(partner.size)
    ringed = models[partner >= 0]
    if np.any((partner < -1) | (partner >= partner.size) | (partner == models)) or not np.array_equal(
        np.sort(partner[ringed]), ringed
    ):
        raise ConfigError(
            "partners must form rings: each model with a partner is the partner of one other model, and -1 stands for "
            "a model without one."
        )
    return draw_codes(partner)


def two_way_weights(
    n_patients: int, pair_of_target: IntArray, replicates: int, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Bootstrap weights for patients and, independently, for complementary pairs of models.

    Both ways of varying matter: other patients and other training runs. Resampling whole pairs keeps together what
    depends on each other. The product of the two weights is the pigeonhole bootstrap (Owen, Annals of Applied
    Statistics 2007), which counts variation of patients and of models once and variation that is particular to one
    patient in one model up to three times: it errs on the wide side.

    Parameters
    ----------
    n_patients
        Patients to draw from.
    pair_of_target
        Pair code of each target, 0 .. pairs - 1 (see `pair_codes`); [targets]. With a single pair its weight is
        always one, so that the replicates vary over patients alone.
    replicates
        Number of bootstrap replicates.
    generator
        Source of randomness.

    Returns
    -------
    How often each patient counts, [replicates, patients], and how often each target counts, [replicates, targets].

    Examples
    --------
    >>> patients, targets = two_way_weights(5, np.array([0, 0, 1, 1]), 3, np.random.default_rng(0))
    >>> patients.sum(axis=1), targets.sum(axis=1)
    (array([5, 5, 5]), array([4, 4, 4]))
    """
    pairs = int(pair_of_target.max()) + 1
    patients = generator.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=replicates)
    drawn = generator.multinomial(pairs, np.full(pairs, 1 / pairs), size=replicates)
    return patients.astype(np.intp, copy=False), drawn[:, pair_of_target].astype(np.intp, copy=False)
