import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.stability import split_pairs
from genoaudit.metrics.worst import HALVES_CORRELATION, MIN_PAIRS, worst_patients


def _brute_tpr(inside, outside, fpr):
    """Mix the rates at two counts of false positives so that a new model passes with probability `fpr`."""
    outside = np.sort(outside)[::-1]
    at = [np.mean(inside > value) for value in outside] + [1.0]  # at[a]: a false positives are allowed
    a = fpr * (outside.size + 1) - 1
    return at[int(a)] + (a - int(a)) * (at[int(a) + 1] - at[int(a)])


@pytest.mark.parametrize("k", [1, 4])
def test_each_half_measures_whom_the_other_chose(k, half_split, rng):
    members, partner = half_split(82, 15, rng)
    statistic = rng.normal(size=members.shape) + members * np.linspace(0, 1.5, 15)
    found = worst_patients(statistic, members, partner, k=k, replicates=20, generator=np.random.default_rng(9))
    halves = split_pairs(np.arange(82) // 2, np.random.default_rng(9))
    values = []
    for side, (choosing, measuring) in enumerate((halves, halves[::-1])):
        table = patient_table(statistic[choosing], statistic[choosing], members[choosing])
        names = table.sort_values("rank").index[:k]
        assert found.chosen[side].tolist() == names.tolist()
        table = patient_table(statistic[measuring], statistic[measuring], members[measuring]).loc[names]
        rates = []
        for name in names:
            own, held = statistic[measuring, name], members[measuring, name]
            rates.append(_brute_tpr(own[held], own[~held], 0.05))
        values.append([table["auc"].mean(), table["d_prime"].mean(), np.mean(rates)])
    assert [found.auc.value, found.d_prime.value, found.tpr_at_fpr.tpr] == pytest.approx(np.mean(values, axis=0))
    assert (found.models, found.tpr_at_fpr.n_out, found.tpr_at_fpr.resolvable) == (40, 20, False)
    assert found.tpr_at_fpr.achieved_fpr <= 0.05


def test_standard_errors_are_those_of_independent_halves(half_split):
    rng = np.random.default_rng(8)
    members, partner = half_split(800, 3, rng)
    statistic = rng.normal(size=members.shape) + members * np.array([0.0, 0.0, 1.0])
    found = worst_patients(statistic, members, partner, replicates=2000, generator=rng)
    assert [names.tolist() for names in found.chosen] == [[2], [2]]
    # The same patient in both halves: the variance of d' over all 800 models, less sure by what the choice may add.
    expected = stats.t.isf(0.025, 199) * np.sqrt((4 / 800 + 1 / 1600) * 1.41)
    assert (found.d_prime.high - found.d_prime.low) / 2 == pytest.approx(expected, rel=0.1)
    assert found.auc.low < stats.norm.cdf(1 / np.sqrt(2)) < found.auc.high
    assert found.tpr_at_fpr.resolvable
    assert found.tpr_at_fpr.low < stats.norm.sf(stats.norm.isf(0.05) - 1) < found.tpr_at_fpr.high


def test_the_correlation_of_the_halves_is_the_largest_that_choosing_by_noise_gives():
    share = np.linspace(0.001, 0.999, 999)
    assert (stats.norm.pdf(stats.norm.ppf(share)) ** 2 / share).max() == pytest.approx(HALVES_CORRELATION, abs=0.006)


def test_constant_and_separated_statistics_stay_finite(half_split, rng):
    members, partner = half_split(80, 6, rng)
    constant = worst_patients(np.full(members.shape, 0.1), members, partner, k=2, replicates=20, generator=rng)
    assert (constant.auc.value, constant.d_prime.value, constant.tpr_at_fpr.tpr) == (0.5, 0.0, 0.0)
    separate = worst_patients(np.where(members, 2.0, 1.0), members, partner, k=2, replicates=20, generator=rng)
    assert (separate.auc.value, separate.auc.high, separate.tpr_at_fpr.tpr) == (1.0, 1.0, 1.0)
    assert 0.8 < separate.auc.low < 1
    assert 0.8 < separate.tpr_at_fpr.low < 1
    assert np.isfinite([separate.d_prime.low, separate.d_prime.high]).all()


def test_few_models_give_no_number_and_a_small_half_no_rate(half_split, rng):
    members, partner = half_split(4 * MIN_PAIRS, 6, rng)
    statistic = rng.normal(size=members.shape)
    found = worst_patients(statistic, members, partner, replicates=20, generator=rng)
    assert found.auc.low <= found.auc.value <= found.auc.high
    assert found.tpr_at_fpr.tpr is None
    assert worst_patients(statistic[:-2], members[:-2], partner[:-2], generator=rng) is None


def test_halves_that_lack_models_of_a_side_give_no_number(half_split, rng):
    members, _ = half_split(40, 6, rng)
    members[:, 3] = np.arange(40) >= 3  # a patient who is left out of three models only
    assert worst_patients(rng.normal(size=members.shape), members, np.full(40, -1), generator=rng) is None


def test_impossible_arguments_are_refused(half_split, rng):
    members, partner = half_split(40, 6, rng)
    for change in ({"k": 0}, {"k": 7}, {"replicates": 1}):
        with pytest.raises(ConfigError, match="the most exposed are 1 to 6 patients"):
            worst_patients(rng.normal(size=members.shape), members, partner, generator=rng, **change)
