import math

import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.calibration import (
    noise_for_advantage,
    noise_for_epsilon,
    noise_for_reconstruction,
    noise_for_tpr,
)
from genoaudit.privacy.gdp import mu_from_epsilon
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import pld_advantage, pld_tpr
from genoaudit.privacy.rdp import rdp_epsilon
from genoaudit.privacy.reconstruction_bound import reconstruction_bound

PLAN = {"sampling_rate": 0.1, "steps": 200}
OPACUS_ORDERS = (*(1 + x / 10 for x in range(1, 100)), *(float(order) for order in range(12, 64)))


def trained(noise, *, sampling_rate=0.1, steps=200, releases=()):
    return [Mechanism(1.0, noise, sampling_rate, steps, patients=300, releases=releases)]


@pytest.mark.parametrize("target", [0.1, 1.0, 8.0, 32.0, 1e3, 1e6, 1e9, 1e12])
def test_least_noise_that_meets_epsilon(target):
    noise = noise_for_epsilon(target, 1 / 3000, **PLAN)
    assert 0.999 * target < guarantee(trained(noise), 1 / 3000).epsilon <= target
    assert guarantee(trained(noise * (1 - 2e-4)), 1 / 3000).epsilon > target


def test_epsilon_just_above_a_thousand_has_a_smallest_noise_too():
    noise = noise_for_epsilon(1010.0, 1 / 3000, **PLAN)
    assert guarantee(trained(noise), 1 / 3000).epsilon <= 1010
    assert guarantee(trained(noise * (1 - 2e-4)), 1 / 3000).epsilon > 1010


def test_noise_of_the_gaussian_mechanism_is_its_closed_form():
    noise = noise_for_epsilon(2.0, 1e-5, sampling_rate=1.0, steps=16)
    assert noise == pytest.approx(4 / mu_from_epsilon(2.0, 1e-5), rel=2e-4)


@pytest.mark.parametrize(
    ("patients", "batch", "steps", "epsilon", "noise"),
    [
        (8112, 2048, 300, 1, 20.118),
        (8112, 2048, 300, 8, 3.185),
        (8112, 2048, 300, 32, 1.182),
        (106, 1, 53_000, 1, 9.974),
        (106, 1, 53_000, 8, 1.664),
        (106, 1, 53_000, 32, 0.783),
    ],
)
def test_noise_of_published_trainings(patients, batch, steps, epsilon, noise):
    """Ziller et al. Nature Machine Intelligence 6:764-774, 2024: RDP over the orders of Opacus, delta 8e-7."""
    plan = {"sampling_rate": batch / patients, "steps": steps}
    published = rdp_epsilon(trained(noise, **plan), 8e-7, orders=OPACUS_ORDERS)[0]
    assert published == pytest.approx(epsilon, rel=2e-3)
    assert rdp_epsilon(trained(noise, **plan), 8e-7)[0] <= published
    assert 0.85 * noise < noise_for_epsilon(epsilon, 8e-7, **plan) < noise


@pytest.mark.parametrize("releases", [(), (20.0, 30.0)])
def test_least_noise_that_meets_a_risk(releases):
    plan = PLAN | {"releases": releases}
    noises = {
        noise_for_advantage(0.2, **plan): (pld_advantage, 0.2),
        noise_for_tpr(0.1, 0.01, **plan): (lambda mechanisms: pld_tpr(mechanisms, 0.01), 0.1),
        noise_for_reconstruction(0.1, 300, **plan): (lambda mechanisms: pld_tpr(mechanisms, 1 / 300), 0.1),
    }
    for noise, (measure, target) in noises.items():
        assert 0.999 * target < measure(trained(noise, releases=releases)) <= target
        assert measure(trained(noise * (1 - 2e-4), releases=releases)) > target


def test_noise_for_reconstruction_meets_the_reconstruction_bound():
    noise = noise_for_reconstruction(0.1, 300, **PLAN)
    assert reconstruction_bound(1 / 300, noise_multiplier=noise, **PLAN) == pytest.approx(0.1, rel=2e-4)


def test_riskcal_finds_the_same_noise_for_a_small_cohort():
    from riskcal.calibration.dpsgd import find_noise_multiplier_for_advantage, find_noise_multiplier_for_err_rates

    common = {"sample_rate": 0.1, "num_steps": 200, "grid_step": 1e-3}
    advantage = find_noise_multiplier_for_advantage(0.2, advantage_tol=1e-4, noise_min=2.5, noise_max=3.0, **common)
    tpr = find_noise_multiplier_for_err_rates(0.01, 0.9, beta_tol=1e-4, noise_min=1.4, noise_max=1.6, **common)
    assert noise_for_advantage(0.2, **PLAN) == pytest.approx(advantage, rel=2e-3)
    assert noise_for_tpr(0.1, 0.01, **PLAN) == pytest.approx(tpr, rel=2e-3)


def test_releases_need_more_noise_in_training():
    assert noise_for_epsilon(1.0, 1e-3, **PLAN, releases=(10.0,)) > noise_for_epsilon(1.0, 1e-3, **PLAN)


def test_releases_that_just_fit_are_not_refused():
    released = guarantee([Mechanism(1.0, 4.0, 1.0, 1, patients=300)], 1e-3).epsilon
    noise = noise_for_epsilon(released * 1.02, 1e-3, **PLAN, releases=(4.0,))
    assert guarantee(trained(noise, releases=(4.0,)), 1e-3).epsilon <= released * 1.02


def test_calibration_is_remembered():
    noise_for_epsilon(4.0, 1e-3, **PLAN)
    hits = noise_for_epsilon.cache_info().hits
    noise_for_epsilon(4.0, 1e-3, **PLAN)
    assert noise_for_epsilon.cache_info().hits == hits + 1


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: noise_for_epsilon(0.05, 1e-3, **PLAN), "epsilon must lie between 0.1 and 1e\\+12, found 0.05"),
        (lambda: noise_for_epsilon(math.inf, 1e-3, **PLAN), "epsilon must lie between"),
        (lambda: noise_for_epsilon(1.0, 0.0, **PLAN), "delta must lie in"),
        (lambda: noise_for_epsilon(1.0, 1e-3, sampling_rate=1.5, steps=1), "sampling_rate must be in"),
        (lambda: noise_for_epsilon(1.0, 1e-3, **PLAN, releases=(1.0,)), "cannot meet epsilon = 1: what is released"),
        (lambda: noise_for_advantage(1.0, **PLAN), "advantage must lie between 0 and 1"),
        (lambda: noise_for_advantage(0.1, **PLAN, releases=(2.0,)), "cannot meet advantage = 0.1: what is released"),
        (
            lambda: noise_for_advantage(0.5, sampling_rate=0.01, steps=5),
            "meets advantage = 0.5 without noise: .* 0.04901 only",
        ),
        (lambda: noise_for_tpr(0.01, 0.01, **PLAN), "tpr must be above fpr"),
        (lambda: noise_for_reconstruction(0.1, 1, **PLAN), "candidates must be at least 2"),
        (lambda: noise_for_reconstruction(0.1, 10, **PLAN), "reconstruction must be above 1 / 10"),
    ],
)
def test_an_impossible_target_is_one_clear_line(ask, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)
