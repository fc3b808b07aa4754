"""From an attack's scores to probabilities of membership, and whether they can be believed.

A score is no probability. It becomes one by isotonic regression (Zadrozny and Elkan, KDD 2002) at a prior of one half,
cross-fitted both ways: the calibration that turns a target's score of a patient into a probability has seen neither the
target's complementary pair nor the patient. It pools patients, whose scores differ in law: the probability is right on
average over the patients who share a score, not for each of them. The reliability table shows whether it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import clopper_pearson, pair_codes
from genoaudit.metrics.roc import check_scores

MIN_MODELS = 32
"""Fewer targets leave too few held-out models to calibrate on; no probability is given."""

MIN_PATIENTS = 20
"""Fewer patients cannot stand for another one."""

FOLDS = 5

LEVELS = 2**14
"""Distinct scores told apart; of more, neighbours in rank share a level, which costs nothing and bounds the time."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar size, and what became of them.

    Parameters
    ----------
    low, high
        Range of the predicted probability, the upper end included.
    predicted
        Mean prediction.
    observed
        Share of members at a prior of one half, with its interval.
    n
        Predictions in the bin.
    patients, pairs
        Distinct patients and distinct pairs of models behind them.
    """

    low: float
    high: float
    predicted: float
    observed: Estimate
    n: int
    patients: int
    pairs: int


@dataclass(frozen=True, eq=False)
class Posterior:
    """Probability of membership at a prior of one half, and how well it is calibrated.

    Parameters
    ----------
    probability
        For every target and patient, strictly between 0 and 1; [targets, patients].
    reliability
        Bins of equal width, lowest first, empty ones left out.
    brier
        Mean squared error of the probabilities; 0.25 for saying one half of everybody.
    calibration_error
        Mean distance of `predicted` and `observed` over the bins, weighted by predictions (expected calibration error).
        Above zero even for a perfect calibration, by the noise of the bins.
    """

    probability: FloatArray
    reliability: tuple[ReliabilityBin, ...]
    brier: Estimate
    calibration_error: float


def posterior_membership(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    bins: int = 10,
    generator: np.random.Generator,
) -> Posterior | None:
    """Turn an attack's scores into calibrated probabilities of membership.

    The highest score of a calibration never proves membership: one imagined non-member at the highest score and one
    imagined member at the lowest keep every probability away from 0 and 1 (the rule of succession).

    Parameters
    ----------
    scores
        Attack scores, higher = member; [targets, patients], finite.
    members
        Membership; [targets, patients].
    partner
        Complementary target of each target, -1 if none; [targets].
    bins
        Bins of the reliability table.
    generator
        Deals pairs of models and patients into folds.

    Returns
    -------
    The probabilities and their reliability, or None below `MIN_MODELS` targets, `FOLDS` pairs or `MIN_PATIENTS`
    patients.

    Raises
    ------
    ConfigError
        If the arrays do not fit, a score is not finite, a target has patients on one side only, or `bins` is below 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.repeat(rng.random((32, 40)) < 0.5, 2, axis=0) ^ (np.arange(64) % 2 == 1)[:, None]
    >>> found = posterior_membership(rng.normal(size=(64, 40)) + members, members, np.arange(64) ^ 1, generator=rng)
    >>> found.brier.high < 0.25, found.calibration_error < 0.05
    (True, True)
    """
    check_scores(scores, members)
    if bins < 1:
        raise ConfigError(f"a reliability table has at least one bin, asked for {bins}.")
    pair = pair_codes(partner)
    if members.shape[0] < MIN_MODELS or pair.max() + 1 < FOLDS or members.shape[1] < MIN_PATIENTS:
        return None
    share = members.mean()
    weights = np.where(members, 0.5 / share, 0.5 / (1 - share))  # a prior of one half, whatever the design
    probability = _cross_fit(scores, members, weights, pair, generator)
    reliability = _reliability(probability, members, weights, pair, bins)
    error = (probability - members) ** 2
    brier = float(np.average(error, weights=weights))
    variance = _two_way_variance(weights * (error - brier), pair) / weights.sum() ** 2
    margin = float(stats.norm.isf(0.025) * np.sqrt(variance))
    return Posterior(
        probability=probability,
        reliability=reliability,
        brier=Estimate(brier, max(brier - margin, 0.0), min(brier + margin, 1.0)),
        calibration_error=sum(abs(row.predicted - (row.observed.value or 0.0)) * row.n for row in reliability)
        / probability.size,
    )


def _cross_fit(
    scores: FloatArray, members: BoolArray, weights: FloatArray, pair: IntArray, generator: np.random.Generator
) -> FloatArray:
    """Calibrate every fold of targets and patients on the targets and the patients of all other folds."""
    from sklearn.isotonic import IsotonicRegression

    pair_fold = generator.permutation(int(pair.max()) + 1)[pair] % FOLDS
    patient_fold = generator.permutation(scores.shape[1]) % FOLDS
    distinct, level = np.unique(scores, return_inverse=True)
    count = min(distinct.size, LEVELS)
    level = (level * count // distinct.size).reshape(scores.shape)
    # Weights of members and of all by fold and level: every calibration is a sum of these.
    cell = (pair_fold[:, None] * FOLDS + patient_fold) * count + level
    shape = (FOLDS, FOLDS, count)
    total, member = (
        np.bincount(cell.ravel(), weights=mass.ravel(), minlength=FOLDS**2 * count).reshape(shape)
        for mass in (weights, weights * members)
    )
    table = np.empty(shape)
    for target in range(FOLDS):
        for patient in range(FOLDS):
            others = np.ix_(np.arange(FOLDS) != target, np.arange(FOLDS) != patient)
            seen, held = total[others].sum(axis=(0, 1)), member[others].sum(axis=(0, 1))
            present = np.flatnonzero(seen)
            held[present[0]] += 1
            seen[present[0]] += 1
            seen[present[-1]] += 1
            curve = IsotonicRegression(out_of_bounds="clip")
            curve.fit(present, held[present] / seen[present], sample_weight=seen[present])
            table[target, patient] = curve.predict(np.arange(count))
    return table[pair_fold[:, None], patient_fold, level]


def _reliability(
    probability: FloatArray, members: BoolArray, weights: FloatArray, pair: IntArray, bins: int
) -> tuple[ReliabilityBin, ...]:
    """Compare predictions with what they were about, bin by bin."""
    code = np.clip(np.ceil(probability * bins).astype(np.intp) - 1, 0, bins - 1)
    rows = []
    for number in np.unique(code):
        inside = code == number
        weight = np.where(inside, weights, 0.0)
        observed = float(np.average(members, weights=weight))
        patients = int(inside.any(axis=0).sum())
        pairs = np.unique(pair[inside.any(axis=1)]).size
        variance = _two_way_variance(weight * (members - observed), pair) / weight.sum() ** 2
        low, high = _share_limits(observed, variance, int(inside.sum()), min(patients, pairs))
        rows.append(
            ReliabilityBin(
                low=float(number / bins),
                high=float((number + 1) / bins),
                predicted=float(np.average(probability, weights=weight)),
                observed=Estimate(observed, low, high),
                n=int(inside.sum()),
                patients=patients,
                pairs=int(pairs),
            )
        )
    return tuple(rows)


def _two_way_variance(residuals: FloatArray, pair: IntArray) -> float:
    """Variance of the sum of residuals that depend on each other within a patient and within a pair of models.

    Cameron, Gelbach, Miller (JBES 2011), never below either of the one-way variances; residuals [targets, patients].
    """
    by_pair = np.zeros((int(pair.max()) + 1, residuals.shape[1]))
    np.add.at(by_pair, pair, residuals)
    patients, pairs = (by_pair.sum(axis=0) ** 2).sum(), (by_pair.sum(axis=1) ** 2).sum()
    return float(max(patients + pairs - (by_pair**2).sum(), patients, pairs))


def _share_limits(observed: float, variance: float, n: int, clusters: int) -> tuple[float, float]:
    """Exact limits at the effective number of predictions (Korn and Graubard, Survey Methodology 1998)."""
    effective = float(clusters)  # a share of 0 or 1 has no variance to show: as if clusters answered as one
    if variance > 0 and 0 < observed < 1:
        effective = observed * (1 - observed) / variance
        # The variance itself is estimated from so many clusters.
        effective *= (stats.norm.isf(0.025) / stats.t.isf(0.025, max(clusters - 1, 1))) ** 2
    effective = min(max(effective, 1.0), n)
    low, high = clopper_pearson(observed * effective, effective)
    return float(low), float(high)
