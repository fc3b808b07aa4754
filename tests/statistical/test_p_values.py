"""A number at its threshold is called beyond it no more often than its p-value says, also far down where Holm looks.

At 5 % and 1 %; four Monte-Carlo standard errors are allowed.
"""

import numpy as np
import pytest
from scipy import stats

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.one_sided import p_above, p_below

pytestmark = pytest.mark.statistical


def check(p_values):
    for level in (0.05, 0.01):
        share = np.mean(np.array(p_values) <= level, axis=0)
        assert (share <= level + 4 * np.sqrt(level * (1 - level) / len(p_values))).all(), share


@pytest.mark.parametrize("auc", [0.5, 0.6, 0.75])
def test_of_one_model(auc):
    rng = np.random.default_rng(int(100 * auc))
    members, shift = np.arange(300)[None] < 150, np.sqrt(2) * stats.norm.ppf(auc)
    tpr = stats.norm.sf(stats.norm.isf(0.1) - shift)
    found = []
    for _ in range(1500):
        leakage = mean_over_targets(rng.normal(size=(1, 300)) + shift * members, members, np.array([-1]), fprs=(0.1,))
        (rate,) = leakage.tpr_at_fpr
        number = Estimate(rate.tpr, rate.low, rate.high, rate.at_least, rate.at_most)
        found.append([p(leakage.auc, auc) for p in (p_above, p_below)] + [p(number, tpr) for p in (p_above, p_below)])
    check(found)


@pytest.mark.parametrize("pairs", [3, 8])
def test_of_few_pairs_of_models_that_differ(pairs):
    """AUC = Phi(gain / standard deviation of a difference between a member and a non-member)."""
    rng = np.random.default_rng(pairs)
    auc = stats.norm.cdf(1 / np.sqrt(2 * 0.3**2 + 0.3**2 + 0.6**2 + 2))
    found = []
    for _ in range(1500):
        members = np.array([rng.permutation(100) < 50 for _ in range(pairs)]).repeat(2, axis=0)
        members[1::2] ^= True
        effect = 1 + 0.3 * rng.normal(size=100) + 0.6 * rng.normal(size=pairs).repeat(2)[:, None]
        scores = 0.3 * rng.normal(size=100) + members * effect + rng.normal(size=members.shape)
        leakage = mean_over_targets(scores, members, np.arange(2 * pairs) ^ 1, fprs=())
        found.append([p(leakage.auc, auc) for p in (p_above, p_below)])
    check(found)
