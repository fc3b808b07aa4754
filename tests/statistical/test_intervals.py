"""Intervals that promise 95 % must hold the truth that often."""

import numpy as np
import pytest
from half_splits import half_split
from scipy import stats

from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc
from genoaudit.metrics.leakage import mean_over_targets, summarise

pytestmark = pytest.mark.statistical


def normal_scores(members, rng, *, baseline, patient, model, gain=1.0):
    """Scores with easy patients, exposed patients, leaky models and noise; and the AUC they have on average.

    A member of a target scores gain + patient effect + model effect above the patient's baseline. All parts are normal,
    so the difference between a member and a non-member is too: AUC = Phi(gain / its standard deviation).
    """
    targets, patients = members.shape
    effect = gain + patient * rng.normal(size=patients) + model * rng.normal(size=(targets, 1))
    scores = baseline * rng.normal(size=patients) + members * effect + rng.normal(size=members.shape)
    return scores, stats.norm.cdf(gain / np.sqrt(2 * baseline**2 + patient**2 + model**2 + 2))


def covered(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize(
    "effects",
    [
        {"baseline": 0.3, "patient": 1.0, "model": 0.3},
        {"baseline": 0.3, "patient": 0.3, "model": 0.6},
        {"baseline": 2.0, "patient": 0.0, "model": 0.0, "gain": 0.5},
    ],
    ids=["patients differ", "models differ", "easy patients"],
)
def test_two_way_intervals_cover_the_auc(effects):
    rng = np.random.default_rng(11)
    hits = []
    for _ in range(300):
        members, partner = half_split(16, 150, rng)
        scores, truth = normal_scores(members, rng, **effects)
        found = mean_over_targets(scores, members, partner, fprs=(0.1,))
        hits.append(covered(found.auc, truth))
    assert np.mean(hits) >= 0.93


def test_few_pairs_that_differ_are_covered_too():
    rng = np.random.default_rng(12)
    hits = []
    for _ in range(300):
        members, partner = half_split(6, 100, rng)
        scores, truth = normal_scores(members, rng, baseline=0.3, patient=0.3, model=0.6)
        found = mean_over_targets(scores, members, partner, fprs=())
        hits.append(covered(found.auc, truth))
    assert np.mean(hits) >= 0.93


def test_pooled_intervals_cover_the_auc_and_the_rate_of_pooled_scores():
    # With no shift between models, a pair of scores from two targets has the same law as one from a single target.
    rng = np.random.default_rng(13)
    rate = stats.norm.sf((stats.norm.isf(0.1) * np.hypot(0.3, 1) - 1) / np.sqrt(0.3**2 + 1 + 1))
    hits = []
    for _ in range(150):
        members, partner = half_split(8, 100, rng)
        scores, truth = normal_scores(members, rng, baseline=0.3, patient=1.0, model=0.0)
        found = summarise(scores, members, partner, fprs=(0.1,)).pooled
        hits.append((covered(found.auc, truth), covered(found.tpr_at_fpr[0], rate)))
    assert np.all(np.mean(hits, axis=0) >= 0.93)


@pytest.mark.parametrize("auc", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [8, 32])
def test_newcombe_intervals_cover_the_auc(n, auc):
    rng = np.random.default_rng(14)
    inside = rng.normal(size=(6000, n, 1)) + np.sqrt(2) * stats.norm.ppf(auc)
    outside = rng.normal(size=(6000, 1, n))
    low, high = newcombe_auc((inside > outside).mean(axis=(1, 2)), n, n)
    assert 0.935 <= np.mean((low <= auc) & (auc <= high)) <= 0.985


@pytest.mark.parametrize("n", [5, 12, 60])
def test_clopper_pearson_never_covers_less_than_promised(n):
    k = np.arange(n + 1)
    low, high = clopper_pearson(k, n)
    for p in np.linspace(0.001, 0.999, 301):
        assert stats.binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() >= 0.95


@pytest.mark.parametrize(
    ("true", "false", "epsilon"),
    [((500, 1000), (0, 1000), 4.846), ((1000, 1000), (0, 1000), 5.601), ((60, 100), (5, 100), 1.483)],
)
def test_clopper_pearson_reproduces_published_audit_bounds(true, false, epsilon):
    # Lower bound on epsilon at delta = 1e-5 from counts (Jagielski, Ullman, Oprea, NeurIPS 2020).
    tpr, fpr = clopper_pearson(*true)[0], clopper_pearson(*false)[1]
    assert np.log((tpr - 1e-5) / fpr) == pytest.approx(epsilon, abs=1e-3)
