import numpy as np
import pytest
from scipy import integrate, stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.gdp import (
    delta_from_mu,
    epsilon_from_mu,
    gdp_advantage,
    gdp_auc,
    gdp_fit,
    gdp_tpr,
    mu_from_epsilon,
)


@pytest.mark.parametrize(("mu", "advantage", "tpr", "auc"), [(1, 0.3829, 0.0924, 0.7602), (2, 0.6827, 0.3721, 0.9214)])
def test_reference_values(mu, advantage, tpr, auc):
    assert gdp_advantage(mu) == pytest.approx(advantage, abs=1e-4)
    assert float(gdp_tpr(mu, 0.01)) == pytest.approx(tpr, abs=1e-4)
    assert gdp_auc(mu) == pytest.approx(auc, abs=1e-4)


@pytest.mark.parametrize("mu", [0.3, 1.0, 2.5])
def test_advantage_and_auc_are_those_of_the_trade_off_curve(mu):
    fpr = np.linspace(0, 1, 200_001)
    tpr = gdp_tpr(mu, fpr)
    assert gdp_advantage(mu) == pytest.approx((tpr - fpr).max(), abs=1e-6)
    assert gdp_auc(mu) == pytest.approx(np.trapezoid(tpr, fpr), abs=1e-4)


@pytest.mark.parametrize(("mu", "epsilon"), [(0.2, 0.0), (0.5, 1.0), (1.0, 1.0), (2.0, 8.0), (5.0, 20.0)])
def test_delta_equals_the_integrated_hockey_stick(mu, epsilon):
    start = epsilon / mu + mu / 2  # where the likelihood ratio passes exp(epsilon)

    def excess(x):
        return stats.norm.pdf(x - mu) - np.exp(epsilon) * stats.norm.pdf(x)

    expected, _ = integrate.quad(excess, start, start + 30, epsabs=1e-13, points=[start, start + 3])
    assert delta_from_mu(mu, epsilon) == pytest.approx(expected, rel=1e-6)


def test_delta_agrees_with_an_accountant():
    from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss

    for mu, epsilon in [(0.1, 0.01), (1.0, 3.0), (4.0, 30.0)]:
        expected = GaussianPrivacyLoss(1 / mu).get_delta_for_epsilon(epsilon)
        assert delta_from_mu(mu, epsilon) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("mu", [0.01, 0.5, 1.0, 7.0, 100.0])
@pytest.mark.parametrize("delta", [1e-2, 1e-5, 1e-12])
def test_mu_and_epsilon_are_inverse(mu, delta):
    epsilon = epsilon_from_mu(mu, delta)
    if epsilon > 0:
        assert delta_from_mu(mu, epsilon) == pytest.approx(delta, rel=1e-4)
        assert mu_from_epsilon(epsilon, delta) == pytest.approx(mu, rel=1e-6)
    else:
        assert gdp_advantage(mu) <= delta


def test_conversions_at_the_ends():
    assert epsilon_from_mu(0.0, 1e-5) == 0
    assert delta_from_mu(0.0, 0.0) == 0
    assert delta_from_mu(1.0, 0.0) == pytest.approx(gdp_advantage(1.0))
    assert delta_from_mu(1.0, 1e6) == 0  # no overflow
    with pytest.raises(ConfigError):
        epsilon_from_mu(1.0, 0.0)
    with pytest.raises(ConfigError):
        delta_from_mu(-1.0, 1.0)
    with pytest.raises(ConfigError):
        delta_from_mu(1.0, -1.0)


def test_fit_equals_a_loop_over_thresholds():
    rng = np.random.default_rng(4)
    inside, outside = rng.normal(2, 1, 90), rng.normal(0, 1, 70)
    best = 0.0
    for threshold in [*inside, *outside]:
        tp, fp = (inside >= threshold).sum(), (outside >= threshold).sum()
        if tp and fp < 70:
            low = stats.beta.ppf(0.025 / 90, tp, 91 - tp)
            best = max(best, stats.norm.ppf(low) - stats.norm.ppf(stats.beta.ppf(1 - 0.025 / 70, fp + 1, 70 - fp)))
    found = gdp_fit(inside, outside, delta=1e-5)
    assert found.mu == pytest.approx(best)
    assert found.epsilon == pytest.approx(epsilon_from_mu(best, 1e-5))
    assert 0.5 < best < 2


def test_fit_says_what_it_may_be_called():
    assert gdp_fit(np.ones(5), np.zeros(5), delta=1e-5).wording == "lower bound if the mechanism is GDP"


def test_fit_of_a_constant_or_reversed_statistic_is_zero():
    for inside in (np.zeros(100), -np.ones(100)):
        found = gdp_fit(inside, np.zeros(100), delta=1e-5)
        assert (found.mu, found.epsilon, found.trials) == (0, 0, 200)


def test_looks_cost():
    one, many = (gdp_fit(np.ones(100), np.zeros(100), delta=1e-5, looked_at=k).mu for k in (1, 50))
    assert 0 < many < one
