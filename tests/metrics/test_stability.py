from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics import stability as module
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.stability import (
    chance_jaccard,
    halves_agreement,
    most_exposed,
    pair_weights,
    rank_intervals,
    split_pairs,
    weighted_d_prime,
)


def _repeated(statistic, members, weights):
    """The same patients audited on models that are written out as often as they count."""
    rows = np.repeat(np.arange(weights.size), weights)
    return patient_table(statistic[rows], statistic[rows], members[rows])["d_prime"].to_numpy()


def test_weighted_d_prime_equals_the_table_on_repeated_models(half_split, rng):
    members, _ = half_split(12, 9, rng)
    statistic = rng.normal(size=members.shape) + 1e4  # far from zero: nothing may cancel
    weights = np.repeat(rng.integers(1, 4, size=(5, 6)), 2, axis=1)
    found = weighted_d_prime(statistic, members, weights)
    np.testing.assert_allclose(found, [_repeated(statistic, members, row) for row in weights], rtol=1e-6)


def test_rank_limits_equal_a_slow_loop(half_split, rng, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 30)  # several blocks of replicates
    members, partner = half_split(40, 7, rng)
    statistic = rng.normal(size=members.shape) + members * np.linspace(0, 6, 7)
    found = rank_intervals(statistic, members, partner, replicates=50, generator=np.random.default_rng(5))
    weights = pair_weights(np.arange(40) // 2, 50, np.random.default_rng(5))
    d = _repeated(statistic, members, np.ones(40, dtype=int))
    moved = np.array([_repeated(statistic, members, row) for row in weights])
    np.testing.assert_allclose(found.rank, [1 + sum(d > own) for own in d])
    for i in range(7):
        others = [j for j in range(7) if j != i]
        gaps = {j: moved[:, j] - moved[:, i] - (d[j] - d[i]) for j in others}
        errors = {j: gaps[j].std(ddof=1) for j in others}
        reach = np.quantile([max(abs(gaps[j][r]) / errors[j] for j in others) for r in range(50)], 0.95)
        assert found.low[i] == 1 + sum(d[j] - d[i] > reach * errors[j] for j in others)
        assert found.high[i] == 7 - sum(d[i] - d[j] > reach * errors[j] for j in others)
        ranks = [1 + sum(row > row[i]) for row in moved]
        assert found.resampled_low[i] == min(np.quantile(ranks, 0.025), found.rank[i])
        assert found.resampled_high[i] == max(np.quantile(ranks, 0.975), found.rank[i])
    assert (found.low <= found.rank).all()
    assert (found.rank <= found.high).all()
    assert (found.high - found.low).max() < 6  # something is certain here


def test_equal_patients_share_a_rank_and_cannot_be_told_apart(half_split, rng):
    members, partner = half_split(12, 1, rng)
    members = np.repeat(members, 5, axis=1)
    for statistic in (np.zeros((12, 5)), np.repeat(rng.normal(size=(12, 1)), 5, axis=1)):
        found = rank_intervals(statistic, members, partner, generator=rng)
        assert found.rank.tolist() == [3.0] * 5
        assert found.low.tolist() == [1.0] * 5
        assert found.high.tolist() == [5.0] * 5


def test_halves_share_no_pair(rng):
    pair = np.repeat(np.arange(7), 2)
    first, second = split_pairs(pair, rng)
    assert sorted([*first, *second]) == list(range(14))
    assert not set(pair[first]) & set(pair[second])
    assert (first.size, second.size) == (6, 8)
    with pytest.raises(ConfigError, match="at least two complementary pairs"):
        split_pairs(np.array([0, 0]), rng)


def test_agreement_of_one_split_equals_a_loop(half_split, rng):
    members, partner = half_split(32, 30, rng)
    statistic = rng.normal(size=members.shape) + members * np.linspace(0, 2, 30)
    found = halves_agreement(statistic, members, partner, tops=[3, 9], splits=1, generator=np.random.default_rng(2))
    halves = split_pairs(np.arange(32) // 2, np.random.default_rng(2))
    a, b = (_repeated(statistic[half], members[half], np.ones(half.size, dtype=int)) for half in halves)
    ranks = [[1 + sum(v > own for v in d) for own in d] for d in (a, b)]
    assert found.models == 16
    assert found.spearman.value == pytest.approx(np.corrcoef(ranks)[0, 1])
    for top in found.tops:
        first, second = (set(sorted(range(30), key=lambda i, d=d: -d[i])[: top.k]) for d in (a, b))
        assert top.jaccard.value == pytest.approx(len(first & second) / len(first | second))


def test_overlap_by_chance_equals_enumeration():
    for patients, k in ((6, 1), (6, 3), (7, 5)):
        fixed = set(range(k))
        found = [len(fixed & set(c)) / len(fixed | set(c)) for c in combinations(range(patients), k)]
        assert chance_jaccard(patients, k) == pytest.approx(np.mean(found))


def test_noise_agrees_by_chance_and_distinct_patients_agree_fully(half_split, rng):
    members, partner = half_split(64, 400, rng)
    noise = halves_agreement(rng.normal(size=members.shape), members, partner, generator=rng)
    assert [top.k for top in noise.tops] == [20]  # 5 % of 400 is 20 as well
    assert abs(noise.spearman.value) < 0.1
    assert noise.tops[0].jaccard.value == pytest.approx(noise.tops[0].by_chance, abs=0.03)
    small = np.arange(400) % 10 == 0
    clear = 1e-3 * rng.normal(size=members.shape) + members * small
    assert halves_agreement(clear, members, partner, tops=[40], generator=rng).tops[0].jaccard.value == 1


def test_split_half_correlation_is_that_of_two_noisy_readings(half_split):
    rng = np.random.default_rng(4)
    members, partner = half_split(256, 2000, rng)
    true = rng.normal(0, 0.5, size=2000)
    found = halves_agreement(rng.normal(size=members.shape) + members * true, members, partner, generator=rng)
    reliability = 0.25 / (0.25 + 4 / 128)  # variance of d' is 4 / models of a half, plus d'^2 / (2 models)
    assert found.spearman.value == pytest.approx(6 / np.pi * np.arcsin(reliability / 2), abs=0.02)


def test_constant_statistics_agree_by_chance_alone(half_split, rng):
    members, partner = half_split(16, 50, rng)
    found = halves_agreement(np.zeros((16, 50)), members, partner, tops=[10], splits=200, generator=rng)
    assert found.spearman.value is None
    assert found.tops[0].jaccard.value == pytest.approx(found.tops[0].by_chance, abs=0.02)


def test_equal_patients_are_named_at_random(rng):
    named = np.bincount([most_exposed(np.array([0.0, 1.0, 0.0, 0.0]), 2, rng)[1] for _ in range(900)], minlength=4)
    assert named[1] == 0
    assert stats.chisquare(named[[0, 2, 3]]).pvalue > 1e-3


def test_impossible_arguments_are_refused(half_split, rng):
    members, partner = half_split(8, 5, rng)
    statistic = rng.normal(size=(8, 5))
    with pytest.raises(ConfigError, match="1 to 4 patients"):
        halves_agreement(statistic, members, partner, tops=[5], generator=rng)
    with pytest.raises(ConfigError, match="at least two resamples"):
        rank_intervals(statistic, members, partner, replicates=1, generator=rng)
    with pytest.raises(ConfigError, match="at least 2 models and out of at least 2"):
        halves_agreement(statistic[:2], members[:2], partner[:2], tops=[1], generator=rng)


def test_halves_that_lack_models_of_a_side_are_not_compared(half_split, rng):
    members, partner = half_split(6, 5, rng)
    assert halves_agreement(rng.normal(size=(6, 5)), members, partner, tops=[1], generator=rng) is None
