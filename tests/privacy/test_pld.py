import math

import pytest

from genoaudit.privacy.gdp import epsilon_from_mu, gdp_advantage, gdp_tpr
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import discretisation, loss_distribution, pld_advantage, pld_epsilon, pld_tpr
from genoaudit.privacy.reconstruction_bound import reconstruction_bound


def trained(noise, rate, steps, releases=()):
    return Mechanism(1.0, noise, rate, steps, patients=100, releases=releases)


@pytest.mark.parametrize("delta", [1e-3, 1e-6, 1e-10])
def test_gaussian_mechanisms_alone_equal_their_closed_form(delta):
    plan = [trained(4.0, 1.0, 10, (3.0,)), trained(5.0, 1.0, 2)]
    mu = math.sqrt(10 / 16 + 1 / 9 + 2 / 25)
    assert pld_epsilon(plan, delta) == pytest.approx(epsilon_from_mu(mu, delta), rel=1e-4)
    assert pld_advantage(plan) == pytest.approx(gdp_advantage(mu), rel=1e-4)
    assert pld_tpr(plan, 0.01) == pytest.approx(float(gdp_tpr(mu, 0.01)), rel=1e-4)


@pytest.mark.filterwarnings("ignore:Optimal order:UserWarning")  # of Opacus, about where its search begins
@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.1, 0.08, 500), (0.7, 0.1, 200), (2.0, 0.5, 100), (5.0, 0.05, 2000)]
)
def test_epsilon_agrees_with_the_accountant_of_opacus(noise, rate, steps):
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise, rate, steps)]
    upper = accountant.get_epsilon(delta=1e-3)  # an upper end, 0.01 above its estimate
    assert upper - 0.02 < pld_epsilon([trained(noise, rate, steps)], 1e-3) < upper


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.1, 200), (0.5, 0.002, 10_000), (0.3, 0.1, 20), (1.0, 0.01, 1000)]
)
@pytest.mark.parametrize("fpr", [0.1, 0.001])
def test_tpr_equals_the_reconstruction_bound_at_its_fpr(noise, rate, steps, fpr):
    exact = reconstruction_bound(fpr, noise_multiplier=noise, sampling_rate=rate, steps=steps)
    assert pld_tpr([trained(noise, rate, steps)], fpr) == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize(("noise", "rate", "steps"), [(1.0, 0.1, 200), (5.0, 0.1, 200)])
def test_risks_agree_with_riskcal_for_a_small_cohort(noise, rate, steps):
    from riskcal.analysis import get_advantage_from_pld, get_beta_from_pld

    plan = [trained(noise, rate, steps, (10.0,))]
    total = loss_distribution(plan)
    assert pld_advantage(plan) == get_advantage_from_pld(total)
    assert pld_tpr(plan, 0.01) == pytest.approx(1 - get_beta_from_pld(total, alpha=0.01), rel=2e-4)


def test_the_interval_is_fine_enough():
    from dp_accounting.pld import privacy_loss_distribution as pld

    for noise, rate, steps in [(10.0, 0.1, 16_250), (1.0, 0.1, 200), (0.5, 0.1, 200)]:
        plan = [trained(noise, rate, steps)]
        finer = pld.from_gaussian_mechanism(
            noise, sampling_prob=rate, value_discretization_interval=discretisation(plan) / 5
        ).self_compose(steps)
        exact = finer.get_epsilon_for_delta(1e-4)
        assert exact * (1 - 1e-6) < pld_epsilon(plan, 1e-4) < exact * (1 + 1e-4)


def test_no_epsilon_where_delta_is_below_what_is_given_up():
    assert pld_epsilon([trained(1.0, 0.1, 200)], 1e-17) == math.inf
