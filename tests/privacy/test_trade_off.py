import math

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.gdp import gdp_advantage, gdp_tpr
from genoaudit.privacy.trade_off import dp_advantage, dp_fnr, epsilon_from_error_rates, gdp_fnr

GUARANTEES = [(0.0, 0.0), (0.0, 0.001), (0.3, 0.05), (1.0, 0.001), (4.0, 1e-5), (30.0, 0.1)]


def test_published_values():
    assert float(dp_fnr(1.0, 0.001, 0.8)) == pytest.approx(0.073, abs=5e-4)
    assert dp_advantage(0.0, 0.001) == pytest.approx(0.001, abs=1e-12)
    assert epsilon_from_error_rates(0.001, 0.8, 0.001) == pytest.approx(5.293, abs=5e-4)
    assert 1 - gdp_fnr(1.0, 0.01) == pytest.approx(0.0924, abs=1e-4)
    assert 1 - gdp_fnr(2.0, 0.01) == pytest.approx(0.3721, abs=1e-4)


@pytest.mark.parametrize(("epsilon", "delta"), GUARANTEES)
def test_dp_values_equal_those_of_riskcal(epsilon, delta):
    from riskcal import analysis

    fpr = np.linspace(0, 1, 501)
    assert dp_fnr(epsilon, delta, fpr) == pytest.approx(analysis.get_beta_from_adp(epsilon, delta, fpr), abs=1e-12)
    assert dp_advantage(epsilon, delta) == pytest.approx(analysis.get_advantage_from_adp(epsilon, delta), abs=1e-12)


def test_gdp_values_equal_those_of_riskcal():
    from riskcal import analysis

    fpr = np.linspace(0, 1, 501)
    for mu in (0.0, 0.7, 3.0):
        assert gdp_fnr(mu, fpr) == pytest.approx(analysis.get_beta_from_gdp(mu, fpr), abs=1e-12)
        assert gdp_fnr(mu, fpr) == pytest.approx(1 - gdp_tpr(mu, fpr), abs=1e-12)
        assert gdp_advantage(mu) == pytest.approx((1 - fpr - gdp_fnr(mu, fpr)).max(), abs=1e-4)


def test_epsilon_equals_that_of_riskcal():
    from riskcal import analysis

    for delta in (0.0, 0.001, 0.1):
        for fpr in (0.001, 0.2, 0.6):
            for fnr in (0.001, 0.2, 0.35):
                expected = analysis.get_epsilon_from_err_rates(delta, fpr, fnr)
                assert epsilon_from_error_rates(fpr, fnr, delta) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("epsilon", "delta"), GUARANTEES)
def test_advantage_is_that_of_the_curve(epsilon, delta):
    # The two lines of the curve meet on the diagonal; no other point is further from chance.
    corner = (1 - delta) / (1 + math.exp(epsilon))
    fpr = np.append(np.linspace(0, 1, 1001), corner)
    assert dp_advantage(epsilon, delta) == pytest.approx((1 - fpr - dp_fnr(epsilon, delta, fpr)).max(), abs=1e-12)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.3, 0.05), (1.0, 0.001), (4.0, 1e-5)])
@pytest.mark.parametrize("fpr", [0.001, 0.01, 0.2])
def test_epsilon_is_read_back_from_any_point_of_the_curve(epsilon, delta, fpr):
    fnr = float(dp_fnr(epsilon, delta, fpr))
    assert epsilon_from_error_rates(fpr, fnr, delta) == pytest.approx(epsilon)
    assert epsilon_from_error_rates(fnr, fpr, delta) == pytest.approx(epsilon)


def test_curves_at_the_ends():
    assert dp_fnr(0.0, 0.0, [0.0, 0.25, 1.0]) == pytest.approx([1.0, 0.75, 0.0])
    for epsilon in (1e12, math.inf):
        assert dp_fnr(epsilon, 0.1, [0.0, 0.5]) == pytest.approx([0.9, 0.0])
        assert dp_advantage(epsilon, 0.1) == 1
    assert gdp_fnr(0.0, [0.0, 0.25, 1.0]) == pytest.approx([1.0, 0.75, 0.0])
    assert epsilon_from_error_rates(0.5, 0.5, 0.0) == 0
    assert epsilon_from_error_rates(0.9, 0.9, 0.1) == 0
    assert epsilon_from_error_rates(0.0, 0.5, 1e-5) == math.inf
    assert epsilon_from_error_rates(0.0, 1 - 1e-5, 1e-5) == 0  # delta alone allows it


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: dp_fnr(-1.0, 0.0, 0.5),
        lambda: dp_fnr(math.nan, 0.0, 0.5),
        lambda: dp_fnr(1.0, 1.0, 0.5),
        lambda: dp_fnr(1.0, 0.0, [0.5, 1.5]),
        lambda: gdp_fnr(-1.0, 0.5),
        lambda: gdp_fnr(math.inf, 0.5),
        lambda: gdp_fnr(1.0, math.nan),
        lambda: dp_advantage(1.0, -0.1),
        lambda: epsilon_from_error_rates(-0.1, 0.5, 0.0),
        lambda: epsilon_from_error_rates(0.1, 1.5, 0.0),
        lambda: epsilon_from_error_rates(0.1, 0.5, 1.0),
    ],
)
def test_impossible_arguments_are_refused(impossible):
    with pytest.raises(ConfigError):
        impossible()
