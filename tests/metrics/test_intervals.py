import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import (
    binomial_range,
    clopper_pearson,
    effective_clopper_pearson,
    hanley_mcneil_variance,
    newcombe_auc,
    pair_codes,
    two_way_weights,
)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_clopper_pearson_equals_scipy(level):
    k, n = np.array([0, 1, 7, 19, 20, 500]), np.array([20, 20, 20, 20, 20, 1000])
    low, high = clopper_pearson(k, n, level)
    for i in range(k.size):
        interval = stats.binomtest(int(k[i]), int(n[i])).proportion_ci(level, method="exact")
        assert (low[i], high[i]) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_clopper_pearson_limits_solve_the_binomial_tails():
    low, high = clopper_pearson(3, 40)
    assert stats.binom.sf(2, 40, low) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 40, high) == pytest.approx(0.025)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ConfigError, match="successes"):
        clopper_pearson(k, n)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        clopper_pearson(1, 2, level)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        newcombe_auc(0.5, 2, 2, level)


@pytest.mark.parametrize("n", [1, 10, 301, 5000])
@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.29, 0.9, 1 - 1e-9])
def test_binomial_range_equals_scipy(n, p):
    assert tuple(map(float, binomial_range(n, p))) == tuple(stats.binom.ppf([0.025, 0.975], n, p))


def test_binomial_range_of_a_certain_event_is_a_point():
    assert [end.tolist() for end in binomial_range([3, 7], 1.0)] == [[3, 7], [3, 7]]


@pytest.mark.parametrize(("k", "n"), [(0, 30), (4, 30), (30, 30)])
def test_effective_limits_of_a_binomial_rate_are_clopper_and_pearsons(k, n):
    error = np.sqrt(k / n * (1 - k / n) / n)
    found = effective_clopper_pearson(k / n, error, n, most=10 * n)
    assert tuple(map(float, found)) == pytest.approx(tuple(map(float, clopper_pearson(k, n))))


def test_effective_limits_widen_with_the_error_and_stop_at_the_trials_there_are():
    widths = [np.diff(effective_clopper_pearson(0.2, error, 50, most=100))[0] for error in (0, 0.01, 0.05, 0.1, 9)]
    assert widths[0] == widths[1] == np.diff(clopper_pearson(20, 100))[0]
    assert np.all(np.diff(widths[1:]) > 0)


def test_variance_is_hanley_and_mcneils_for_equal_sides():
    auc, n = 0.8, 25
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    expected = (auc * (1 - auc) + (n - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)) / n**2
    assert float(hanley_mcneil_variance(np.array(auc), n, n)) == pytest.approx(expected)


@pytest.mark.parametrize(("n_in", "n_out"), [(8, 8), (5, 60), (400, 400)])
def test_newcombe_limits_are_roots_of_the_score_equation(n_in, n_out):
    auc = np.array([0.02, 0.3, 0.5, 0.77, 0.999])
    z = stats.norm.ppf(0.975)
    low, high = newcombe_auc(auc, n_in, n_out)

    def gap(theta, estimate):
        return abs(theta - estimate) - z * np.sqrt(hanley_mcneil_variance(np.array(theta), n_in, n_out))

    for a, lo, hi in zip(auc, low, high, strict=True):
        assert lo == pytest.approx(optimize.brentq(gap, 1e-15, a, args=(a,)), abs=1e-10)
        assert hi == pytest.approx(optimize.brentq(gap, a, 1 - 1e-15, args=(a,)), abs=1e-10)


def test_newcombe_is_sensible_at_the_ends_and_mirrors():
    low, high = newcombe_auc(np.array([0.0, 1.0, 0.5]), 10, 14)
    assert low[0] == 0
    assert high[1] == 1
    assert 0 < high[0] < 0.5 < low[1] < 1
    assert (low[0], high[0]) == pytest.approx((1 - high[1], 1 - low[1]))
    assert low[2] + high[2] == pytest.approx(1)


def test_newcombe_always_holds_the_estimate_and_shrinks_with_more_patients():
    auc = np.linspace(0, 1, 101)
    widths = []
    for n in (2, 10, 100, 10_000):
        low, high = newcombe_auc(auc, n, n)
        assert np.all((low >= 0) & (low <= auc) & (auc <= high) & (high <= 1))
        widths.append(high - low)
    assert np.all(np.diff(widths, axis=0) < 0)


def test_newcombe_takes_one_size_per_estimate():
    low, _ = newcombe_auc(np.array([0.7, 0.7]), np.array([5, 50]), np.array([6, 60]))
    assert low[0] == newcombe_auc(0.7, 5, 6)[0]
    assert low[1] == newcombe_auc(0.7, 50, 60)[0]


@pytest.mark.parametrize(("auc", "n_in"), [(1.2, 5), (np.nan, 5), (0.5, 0)])
def test_impossible_aucs_and_empty_sides_are_refused(auc, n_in):
    with pytest.raises(ConfigError, match="AUC interval"):
        newcombe_auc(auc, n_in, 5)


def test_pairs_rings_and_lone_models_are_separate_clusters():
    np.testing.assert_array_equal(pair_codes(np.array([3, -1, -1, 0, 5, 4])), [0, 1, 2, 0, 3, 3])
    np.testing.assert_array_equal(pair_codes(np.array([2, -1, 4, 5, 0, 3])), [0, 1, 0, 2, 0, 2])


@pytest.mark.parametrize("partner", [[1, 2, 1], [1, -1], [1, 0, 0], [0], [5, 0], [-2]])
def test_partners_that_form_no_rings_are_refused(partner):
    with pytest.raises(ConfigError, match="rings"):
        pair_codes(np.array(partner))


def test_weights_are_multinomial_draws_and_pairs_stay_together(rng):
    pairs = np.array([0, 1, 0, 1, 2])
    patients, targets = two_way_weights(30, pairs, 4000, rng)
    assert patients.shape == (4000, 30)
    assert np.all(patients.sum(axis=1) == 30)
    np.testing.assert_array_equal(targets[:, 0], targets[:, 2])
    np.testing.assert_array_equal(targets[:, 1], targets[:, 3])
    assert np.all(targets[:, 0] + targets[:, 1] + targets[:, 4] == 3)
    # Each weight is binomial(n, 1 / n): mean 1, variance 1 - 1 / n; patients and pairs are drawn independently.
    assert patients.mean(axis=0) == pytest.approx(np.ones(30), abs=0.08)
    assert patients.var() == pytest.approx(1 - 1 / 30, abs=0.03)
    assert targets[:, 0].var() == pytest.approx(2 / 3, abs=0.06)
    assert abs(np.corrcoef(patients[:, 0], targets[:, 0])[0, 1]) < 0.06


def test_a_single_pair_never_varies(rng):
    _, targets = two_way_weights(5, np.array([0, 0]), 20, rng)
    assert np.all(targets == 1)
