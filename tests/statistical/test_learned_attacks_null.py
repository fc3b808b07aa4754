"""Nothing leaks: attacks that are fitted may not say so either, however few models and patients they have.

Each test fails with probability 0.3 % at most for a seed drawn anew; the seeds are fixed.
"""

import numpy as np
import pytest
from scipy import special, stats

from genoaudit.attacks.lira import LIRA, LIRA_OFFLINE
from genoaudit.attacks.loss import LOSS
from genoaudit.attacks.qmia import QMIA
from genoaudit.attacks.shokri import SHOKRI_FOREST, SHOKRI_LOGISTIC, SHOKRI_LOGISTIC_PER_CLASS, SHOKRI_XGBOOST
from genoaudit.attacks.stacked import stack
from genoaudit.attacks.union import achieved_rates, flag
from genoaudit.contracts import Design, Signals

pytestmark = pytest.mark.statistical


def half_split(models, patients, rng):
    members = np.empty((models, patients), dtype=bool)
    members[::2] = np.argsort(rng.random((models // 2, patients)), axis=1) < patients // 2
    members[1::2] = ~members[::2]
    return Design(members=members, partner=np.arange(models) ^ 1, seed=int(rng.integers(2**31)))


def null_signals(models, patients, rng, *, noise=np.random.Generator.normal):
    """Classes, easy and hard patients, patients on whom models disagree: everything but membership."""
    y = rng.integers(3, size=patients)
    features = rng.normal(size=(patients, 4))
    scores = rng.normal(size=(models, patients, 3)) + rng.normal(size=(patients, 3))
    true = np.arange(patients), y
    scores[:, *true] += 2 + features[:, 0] + noise(rng, size=(models, patients)) * np.exp(0.5 * features[:, 1])
    proba = np.exp(scores - scores.max(axis=-1, keepdims=True))
    proba /= proba.sum(axis=-1, keepdims=True)
    others = scores.copy()
    others[:, *true] = -np.inf
    logit = scores[:, *true] - special.logsumexp(others, axis=-1)
    return Signals(logit=logit[:, None, :], proba=proba.astype(np.float32), y=y, features=features)


def auc_per_target(scores, members):
    ranks = stats.rankdata(scores, axis=1)
    inside = members.sum(axis=1)
    wins = (ranks * members).sum(axis=1) - inside * (inside + 1) / 2
    return wins / (inside * (members.shape[1] - inside))


def mean_and_error(attack, *, audits, models, patients, seed, **null):
    """Mean AUC over many short audits, and the exact error of as many independent Mann-Whitney AUCs.

    Pairs of models draw their members independently, so their AUCs are uncorrelated whatever the scores share; within a
    pair, and with ties, the true error is smaller.
    """
    rng = np.random.default_rng(seed)
    means = np.empty(audits)
    for audit in range(audits):
        design = half_split(models, patients, rng)
        signals = null_signals(models, patients, rng, **null)
        means[audit] = auc_per_target(attack(signals, design, np.arange(patients)), design.members).mean()
    return means.mean(), np.sqrt((patients + 1) / (3 * patients**2) / (audits * models))


@pytest.mark.parametrize(
    ("attack", "audits", "models"),
    [
        (SHOKRI_LOGISTIC, 24, 8),
        (SHOKRI_LOGISTIC_PER_CLASS, 20, 4),
        (SHOKRI_FOREST, 4, 30),
        (SHOKRI_XGBOOST, 8, 40),
        (QMIA, 24, 40),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_learned_attacks_stay_at_chance(attack, audits, models):
    mean, error = mean_and_error(attack.score, audits=audits, models=models, patients=60, seed=20)
    assert abs(mean - 0.5) < 3 * error
    assert error < 0.01


def test_a_skewed_statistic_moves_quantile_regression_by_less_than_its_caveat_says():
    # Non-members teach the folds of others, members do not; only the mean of a symmetric statistic cancels exactly.
    def lognormal(rng, size):
        return rng.lognormal(sigma=0.7, size=size)

    mean, error = mean_and_error(QMIA.score, audits=20, models=40, patients=60, seed=21, noise=lognormal)
    assert abs(mean - 0.5) < 0.2 / 60 + 3 * error
    assert error < 0.004


def all_scores(signals, design, patients):
    attacks = (LOSS, LIRA, LIRA_OFFLINE, QMIA, SHOKRI_LOGISTIC)
    return {attack.name: attack.score(signals, design, patients) for attack in attacks}


def test_stacking_attacks_that_share_references_stays_at_chance():
    mean, error = mean_and_error(
        lambda *arrays: stack(all_scores(*arrays), arrays[1], seed=0), audits=20, models=8, patients=60, seed=22
    )
    assert abs(mean - 0.5) < 3 * error
    assert error < 0.01


def test_the_union_finds_members_and_non_members_alike_and_budgets_are_kept_up_to_one_patient():
    rng = np.random.default_rng(23)
    rates = []
    for _ in range(12):
        design = half_split(16, 100, rng)
        scores = all_scores(null_signals(16, 100, rng), design, np.arange(100))
        achieved = achieved_rates(flag(scores, design, fpr=0.05, seed=0), design.members)
        rates.append([achieved.union_tpr - achieved.union_fpr, *achieved.fpr])
    mean = np.mean(rates, axis=0)
    error = np.std(rates, axis=0, ddof=1) / np.sqrt(len(rates)) * stats.t.isf(0.00135, len(rates) - 1)
    assert abs(mean[0]) < error[0]
    # The 80 patients who teach a threshold show few independent scores: see the docstring of `flag`.
    assert np.all(mean[1:] < 0.05 + 1 / 81 + error[1:])
    assert np.all(mean[1:] > 0.04)
