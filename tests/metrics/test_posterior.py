import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics import posterior as module
from genoaudit.metrics.intervals import clopper_pearson
from genoaudit.metrics.posterior import FOLDS, MIN_MODELS, MIN_PATIENTS, posterior_membership


def _pool_adjacent_violators(x, y):
    """Isotonic regression by merging neighbours until nothing falls; the values at the distinct x."""
    blocks = [[float(np.mean(y[x == v])), float(np.sum(x == v)), [v]] for v in np.unique(x)]
    i = 0
    while i + 1 < len(blocks):
        if blocks[i][0] > blocks[i + 1][0]:
            (a, n, u), (b, m, v) = blocks[i], blocks[i + 1]
            blocks[i : i + 2] = [[(a * n + b * m) / (n + m), n + m, u + v]]
            i = max(i - 1, 0)
        else:
            i += 1
    return {v: level for level, _, values in blocks for v in values}


def test_probabilities_equal_pooling_of_all_other_pairs_and_patients(half_split, rng):
    members, partner = half_split(40, 20, rng)
    scores = np.round(rng.normal(size=members.shape) + members)  # few distinct scores, all in every calibration
    scores = np.clip(scores, -1, 2)
    found = posterior_membership(scores, members, partner, generator=np.random.default_rng(6)).probability
    twin = np.random.default_rng(6)
    pair_fold = (twin.permutation(20) % FOLDS)[np.arange(40) // 2]
    patient_fold = twin.permutation(20) % FOLDS
    for target, patient in ((0, 0), (17, 3), (39, 19)):
        seen = np.ix_(pair_fold != pair_fold[target], patient_fold != patient_fold[patient])
        x = np.concatenate([scores[seen].ravel(), [-1, 2]])
        y = np.concatenate([members[seen].ravel(), [1, 0]])
        expected = _pool_adjacent_violators(x, y)[scores[target, patient]]
        assert found[target, patient] == pytest.approx(expected)


def test_a_patient_s_own_membership_and_its_models_never_enter(half_split, rng):
    members, partner = half_split(40, 30, rng)
    scores = rng.normal(size=members.shape) + members
    before = posterior_membership(scores, members, partner, generator=np.random.default_rng(6)).probability
    for change in (np.s_[:, 4], np.s_[10:12, :]):  # one patient; one complementary pair
        changed = members.copy()
        changed[change] = ~changed[change]
        after = posterior_membership(scores, changed, partner, generator=np.random.default_rng(6)).probability
        assert (before[change] == after[change]).all()
        assert (before != after).any()


def test_reliability_and_errors_equal_slow_loops(half_split, rng):
    members, partner = half_split(40, 24, rng)
    scores = rng.normal(size=members.shape) + 1.5 * members
    found = posterior_membership(scores, members, partner, bins=4, generator=rng)
    p = found.probability
    assert found.brier.value == pytest.approx(np.mean((p - members) ** 2))
    assert found.brier.low < found.brier.value < found.brier.high
    error = 0.0
    for row in found.reliability:
        inside = (p > row.low) & (p <= row.high)
        assert row.n == inside.sum()
        assert row.patients == len({i for _, i in np.argwhere(inside)})
        assert row.pairs == len({m // 2 for m, _ in np.argwhere(inside)})
        assert row.predicted == pytest.approx(p[inside].mean())
        assert row.observed.value == pytest.approx(members[inside].mean())
        residual = np.where(inside, members - row.observed.value, 0)
        patients = sum(residual[:, i].sum() ** 2 for i in range(24))
        pairs = sum(residual[m : m + 2].sum() ** 2 for m in range(0, 40, 2))
        both = sum(residual[m : m + 2, i].sum() ** 2 for m in range(0, 40, 2) for i in range(24))
        variance = max(patients + pairs - both, patients, pairs) / row.n**2
        value = row.observed.value
        effective = value * (1 - value) / variance
        naive = clopper_pearson(value * min(effective, row.n), min(effective, row.n))
        assert row.observed.low <= naive[0]
        assert row.observed.high >= naive[1]
        error += row.n * abs(row.predicted - row.observed.value)
    assert found.calibration_error == pytest.approx(error / p.size)
    assert sum(row.n for row in found.reliability) == p.size


def test_probabilities_approach_bayes_rule(half_split):
    rng = np.random.default_rng(3)
    members, partner = half_split(256, 200, rng)
    scores = rng.normal(size=members.shape) + members
    found = posterior_membership(scores, members, partner, generator=rng)
    truth = 1 / (1 + np.exp(0.5 - scores))
    assert np.sqrt(np.mean((found.probability - truth) ** 2)) < 0.02
    assert found.brier.low < np.mean(truth * (1 - truth)) < found.brier.high
    assert found.calibration_error < 0.01


def test_the_prior_is_one_half_whatever_the_share_of_members():
    rng = np.random.default_rng(3)
    members = rng.random((200, 100)) < 0.8
    scores = rng.normal(size=members.shape) + members
    found = posterior_membership(scores, members, np.full(200, -1), generator=rng)
    assert np.sqrt(np.mean((found.probability - 1 / (1 + np.exp(0.5 - scores))) ** 2)) < 0.03
    assert all(row.observed.low <= row.predicted <= row.observed.high for row in found.reliability)


def test_no_probability_is_zero_or_one_even_for_a_perfect_attack(half_split, rng):
    members, partner = half_split(40, 20, rng)
    found = posterior_membership(members.astype(float), members, partner, generator=rng)
    assert 0 < found.probability.min() < 0.01
    assert 0.99 < found.probability.max() < 1
    # No scatter to see: the limits are those of as many observations as there are independent pairs or patients.
    assert found.reliability[-1].observed.low == pytest.approx(0.025 ** (1 / 20))


def test_constant_scores_say_one_half(half_split, rng):
    members, partner = half_split(40, 20, rng)
    found = posterior_membership(np.zeros(members.shape), members, partner, generator=rng)
    assert found.probability == pytest.approx(np.full(members.shape, 0.5), abs=1e-9)
    assert found.brier.value == pytest.approx(0.25)


def test_more_scores_than_levels_lose_nothing_that_matters(half_split, monkeypatch):
    members, partner = half_split(64, 100, np.random.default_rng(1))
    scores = np.random.default_rng(2).normal(size=members.shape) + members
    fine = posterior_membership(scores, members, partner, generator=np.random.default_rng(3)).probability
    monkeypatch.setattr(module, "LEVELS", 1000)
    coarse = posterior_membership(scores, members, partner, generator=np.random.default_rng(3)).probability
    assert np.abs(fine - coarse).mean() < 0.01


def test_too_few_models_or_patients_give_none_and_nonsense_is_refused(half_split, rng):
    for targets, patients in ((MIN_MODELS - 2, 40), (MIN_MODELS, MIN_PATIENTS - 1)):
        members, partner = half_split(targets, patients, rng)
        assert posterior_membership(rng.normal(size=members.shape), members, partner, generator=rng) is None
    members, partner = half_split(MIN_MODELS, MIN_PATIENTS, rng)
    with pytest.raises(ConfigError, match="at least one bin"):
        posterior_membership(rng.normal(size=members.shape), members, partner, bins=0, generator=rng)
    with pytest.raises(ConfigError, match="not finite"):
        posterior_membership(np.full(members.shape, np.nan), members, partner, generator=rng)
