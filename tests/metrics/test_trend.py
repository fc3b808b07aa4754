import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy import special, stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.trend import extrapolate

rates = st.floats(0, 1)


def point(value, half=0.1):
    low, high = special.ndtr(special.ndtri(value) + np.array([-half, half]))
    return Estimate(value, float(low), float(high))


@pytest.mark.parametrize("members", [60, 600, 6000])
def test_normal_scores_whose_distance_falls_as_the_theory_says_are_met_exactly(members):
    def d_prime(number):
        return 0.3 + 20 / np.sqrt(number)

    shares = tuple(round(share * members) for share in (0.5, 0.9))
    for rate in (
        lambda number: float(stats.norm.cdf(d_prime(number) / np.sqrt(2))),  # AUC
        lambda number: float(stats.norm.sf(stats.norm.isf(0.1) - d_prime(number))),  # TPR at 10 % FPR
    ):
        found = extrapolate(*(point(rate(number)) for number in shares), members=shares, to=members)
        assert found.value == pytest.approx(rate(members), abs=1e-9)


@pytest.mark.parametrize("slope", [-0.25, -0.5, -0.75])
def test_other_slopes_make_little_difference_over_so_short_a_stretch(slope):
    def auc(share):
        return float(stats.norm.cdf(1.2 * share**slope / np.sqrt(2)))

    found = extrapolate(point(auc(0.5)), point(auc(0.9)), members=(500, 900), to=1000)
    assert found.value == pytest.approx(auc(1.0), abs=0.002)


def test_what_does_not_change_stays_and_its_interval_is_nearly_that_of_the_larger():
    found = extrapolate(point(0.6, 0.1), point(0.6, 0.1), members=(50, 90), to=100)
    assert found.value == pytest.approx(0.6)
    reach = (90**-0.5 - 100**-0.5) / (50**-0.5 - 90**-0.5)
    half = 0.1 * np.hypot(1 + reach, reach)
    assert (found.low, found.high) == pytest.approx(tuple(special.ndtr(special.ndtri(0.6) + np.array([-half, half]))))


@pytest.mark.parametrize("gain", [-5, 5])
def test_the_interval_covers_the_line_as_often_as_it_says_and_more_often_where_it_falls(gain):
    rng = np.random.default_rng(0)
    held, truth = [], float(special.ndtr(0.2 + gain / np.sqrt(100)))
    for _ in range(4000):
        estimates = []
        for members, error in ((50, 0.05), (90, 0.08)):
            seen = 0.2 + gain / np.sqrt(members) + error * rng.normal()
            estimates.append(point(float(special.ndtr(seen)), stats.norm.isf(0.025) * error))
        found = extrapolate(*estimates, members=(50, 90), to=100)
        held.append(found.low <= truth <= found.high)
    error = 3 * np.sqrt(0.95 * 0.05 / 4000)
    assert np.mean(held) > 0.95 - error
    assert gain > 0 or np.mean(held) < 0.95 + error


def test_one_sided_limits_are_joined_as_the_interval_is():
    def both(value, half):
        at = special.ndtri(value)
        low, least, most, high = special.ndtr(at + np.array([-half, -0.8 * half, 0.8 * half, half]))
        return Estimate(value, low, high, at_least=least, at_most=most)

    found = extrapolate(both(0.7, 0.1), both(0.65, 0.12), members=(50, 90), to=100)
    plain = extrapolate(
        *(Estimate(e.value, e.at_least, e.at_most) for e in (both(0.7, 0.1), both(0.65, 0.12))),
        members=(50, 90),
        to=100,
    )
    assert (found.at_least, found.at_most) == pytest.approx((plain.low, plain.high))
    assert found.low < found.at_least < found.value < found.at_most < found.high
    assert plain.at_least is None


def test_a_fall_lowers_the_value_and_no_upper_limit():
    def two_sided(value):
        at = special.ndtri(value)
        low, least, most, high = special.ndtr(at + np.array([-0.1, -0.08, 0.08, 0.1]))
        return Estimate(value, low, high, at_least=least, at_most=most)

    larger = two_sided(0.6)
    fallen = extrapolate(two_sided(0.66), larger, members=(50, 90), to=100)
    assert fallen.value < larger.value
    assert fallen.high >= larger.high
    assert fallen.at_most >= larger.at_most
    risen = extrapolate(two_sided(0.54), larger, members=(50, 90), to=100)
    assert risen.value > larger.value
    assert risen.at_most > larger.at_most


@given(smaller=st.tuples(rates, rates, rates), larger=st.tuples(rates, rates, rates))
def test_any_rates_give_a_rate_within_its_interval(smaller, larger):
    ends = [sorted(three) for three in (smaller, larger)]
    found = extrapolate(*(Estimate(value, low, high) for low, value, high in ends), members=(50, 90), to=100)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_rates_of_exactly_one_stay_and_keep_a_sensible_interval():
    found = extrapolate(Estimate(1.0, 0.98, 1.0), Estimate(1.0, 0.97, 1.0), members=(50, 90), to=100)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.95 < found.low < 0.98


def test_a_point_without_a_value_gives_none_and_one_without_an_interval_no_interval():
    none = Estimate(None, None, None)
    assert extrapolate(none, point(0.6), members=(50, 90), to=100) == none
    assert extrapolate(point(0.6), none, members=(50, 90), to=100) == none
    bare = extrapolate(Estimate(0.7, None, None), point(0.6), members=(50, 90), to=100)
    assert (bare.low, bare.high) == (None, None)
    assert bare.value < 0.6


@pytest.mark.parametrize("members", [(90, 50), (50, 110), (0, 50), (50, 50)])
def test_numbers_that_do_not_rise_are_refused(members):
    with pytest.raises(ConfigError, match="must rise"):
        extrapolate(point(0.7), point(0.6), members=members, to=100)
