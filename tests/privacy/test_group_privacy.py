import math

import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.curve import RiskCurve, replacement_epsilon, risk_curve
from genoaudit.privacy.gdp import delta_from_mu, epsilon_from_mu, gdp_tpr
from genoaudit.privacy.group_privacy import group_epsilon, patient_losses, replaced_patient
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import pld_epsilon


def trained(noise, rate, steps, releases=()):
    return Mechanism(1.0, noise, rate, steps, patients=100, releases=releases)


@pytest.mark.parametrize("mechanism", [(3.0, 0.1, 200), (6.0, 1.0, 4, (9.0,))])
def test_one_sample_is_the_ordinary_case(mechanism):
    plan = [trained(*mechanism)]
    expected = pld_epsilon(plan, 1e-3)
    assert patient_losses(plan, 1).get_epsilon_for_delta(1e-3) == pytest.approx(expected, rel=1e-3)
    assert expected <= group_epsilon(plan, 1e-3, 1) < expected * 1.01


@pytest.mark.parametrize("size", [2, 5])
def test_without_subsampling_the_patient_moves_the_sum_by_all_his_samples(size):
    plan = [trained(20.0, 1.0, 9, (30.0,))]
    mu = size * math.sqrt(9 / 400 + 1 / 900)
    total = patient_losses(plan, size)
    assert total.get_epsilon_for_delta(1e-4) == pytest.approx(epsilon_from_mu(mu, 1e-4), rel=1e-3)
    assert RiskCurve.of_losses(total, "add/remove").tpr_at(0.01) == pytest.approx(float(gdp_tpr(mu, 0.01)), rel=1e-3)


@pytest.mark.parametrize(("noise", "rate", "size"), [(1.0, 0.1, 3), (3.0, 0.4, 6)])
def test_one_step_tells_a_normal_law_from_a_binomial_mixture(noise, rate, size):
    threshold = np.linspace(-2 * noise, size + 3 * noise, 61)
    drawn = np.arange(size + 1)
    tpr = stats.norm.sf((threshold[:, None] - drawn) / noise) @ stats.binom.pmf(drawn, size, rate)
    curve = RiskCurve.of_losses(patient_losses([trained(noise, rate, 1)], size), "add/remove")
    assert curve.tpr_at(stats.norm.sf(threshold / noise)) == pytest.approx(tpr, abs=1e-3)


@pytest.mark.parametrize("size", [2, 4])
def test_group_privacy_of_the_gaussian_mechanism_equals_its_formula(size):
    mu, delta = 0.3, 1e-4
    epsilons = np.linspace(0, 3, 30_001)
    inflated = [delta_from_mu(mu, epsilon) * sum(math.exp(i * epsilon) for i in range(size)) for epsilon in epsilons]
    expected = size * epsilons[np.argmax(np.array(inflated) <= delta)]
    found = group_epsilon([trained(1 / mu, 1.0, 1)], delta, size)
    assert found == pytest.approx(expected, rel=2e-3)
    assert found > epsilon_from_mu(size * mu, delta)


@pytest.mark.parametrize("size", [2, 3])
def test_the_mechanism_itself_is_never_worse_than_group_privacy(size):
    plan = [trained(4.0, 0.1, 200)]
    tight = patient_losses(plan, size).get_epsilon_for_delta(1e-3)
    assert pld_epsilon(plan, 1e-3) < tight < group_epsilon(plan, 1e-3, size)


def test_group_privacy_soon_promises_nothing():
    assert group_epsilon([trained(1.0, 0.1, 300)], 1e-3, 8) == math.inf


@pytest.mark.parametrize("size", [1, 3])
def test_replacing_without_subsampling_is_gaussian_with_twice_the_mu(size):
    curve = replaced_patient(patient_losses([trained(20.0, 1.0, 16)], size))
    mu, fpr = 2 * size * 4 / 20, np.array([1e-5, 1e-3, 0.1, 0.5, 0.99])
    assert curve.tpr_at(fpr) == pytest.approx(gdp_tpr(mu, fpr), rel=1e-3)
    assert curve.epsilon(1e-4) == pytest.approx(epsilon_from_mu(mu, 1e-4), rel=1e-3)
    assert curve.neighbouring == "replace-one"


@pytest.mark.parametrize("plan", [(4.0, 0.1, 200), (1.0, 0.1, 100)])
def test_replacing_a_patient_of_one_sample_is_never_below_the_tight_curve_and_not_far_above(plan):
    mechanism, fpr = trained(*plan), np.geomspace(1e-4, 1, 50)
    loose = replaced_patient(patient_losses([mechanism], 1))
    tight = risk_curve([mechanism], neighbouring="replace-one")
    assert np.all(loose.tpr_at(fpr) >= tight.tpr_at(fpr) - 1e-6)
    assert loose.epsilon(1e-3) == pytest.approx(replacement_epsilon([mechanism], 1e-3), rel=0.25)
    assert np.all(np.diff(loose.tpr) >= 0)
    assert (loose.fpr[0], loose.fpr[-1], loose.tpr[-1]) == (0, 1, 1)


def test_a_simulated_attack_on_replaced_patients_stays_below_their_curve():
    noise, rate, steps, size, rng = 4.0, 0.3, 30, 3, np.random.default_rng(0)
    drawn = rng.binomial(size, rate, size=(2, 20_000, steps))
    released = rng.normal(drawn * np.array([1.0, -1.0])[:, None, None], noise)

    def log_chance(sign):
        counts = np.arange(size + 1)
        parts = stats.norm.logpdf(released[..., None], sign * counts, noise) + stats.binom.logpmf(counts, size, rate)
        return np.logaddexp.reduce(parts, axis=-1).sum(axis=-1)

    member, other = log_chance(1) - log_chance(-1)
    curve = replaced_patient(patient_losses([trained(noise, rate, steps)], size))
    for fpr in (0.01, 0.1):
        tpr = (member > np.quantile(other, 1 - fpr)).mean()
        assert fpr < tpr < curve.tpr_at(fpr) + 0.015  # four standard errors


@pytest.mark.parametrize("size", [0, 65])
def test_impossible_sizes_are_refused(size):
    for ask in (lambda: group_epsilon([trained(1.0, 0.1, 5)], 1e-3, size), lambda: patient_losses([], size)):
        with pytest.raises(ConfigError):
            ask()
