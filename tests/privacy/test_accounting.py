import dataclasses
import logging
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genoaudit.errors import ConfigError
from genoaudit.privacy import accounting
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.mechanism import Mechanism

TRAINING = {"noise_multiplier": 1.5, "sampling_rate": 0.1, "steps": 50}


def trained(**changed):
    return Mechanism(clip=1.0, patients=100, **(TRAINING | changed))


def epsilon(*mechanisms):
    return guarantee(mechanisms, 1e-3).epsilon


@pytest.mark.parametrize(
    ("epochs", "batch", "noise", "improved", "pld"), [(50, 8, 1.2, 1.7089, 1.4986), (50, 16, 1.0, 3.6147, 3.1854)]
)
def test_modern_epsilons_of_published_trainings(epochs, batch, noise, improved, pld):
    plan = [trained(noise_multiplier=noise, sampling_rate=batch / 1504, steps=math.ceil(epochs * 1504 / batch))]
    assert accounting.rdp_epsilon(plan, 1 / 1504)[0] == pytest.approx(improved, abs=2e-4)
    assert guarantee(plan, 1 / 1504).epsilon == pytest.approx(pld, abs=3e-4)


def test_epsilon_of_a_published_training_with_little_noise():
    # By RDP it depends on the orders tried; by PLD on nothing.
    plan = [trained(noise_multiplier=0.4, sampling_rate=16 / 1504, steps=math.ceil(100 * 1504 / 16))]
    assert guarantee(plan, 1 / 1504).epsilon == pytest.approx(85.73, abs=5e-3)


def test_small_cohort_lies_below_opacus_prv_and_rdp():
    found = guarantee([trained(noise_multiplier=1.1, sampling_rate=64 / 800, steps=500)], 1 / 800)
    assert found.epsilon == pytest.approx(7.701, abs=1e-3)
    assert (found.accountant, found.unit, found.neighbouring) == ("pld", "patient", "add/remove")
    assert found.discretisation > 0
    assert not found.vacuous
    assert not found.orders


def test_sampling_rate_counts_as_it_is_and_not_by_a_rounded_batch():
    plan = Mechanism(clip=1.0, noise_multiplier=1.0, sampling_rate=0.0125, steps=1000, patients=199)
    assert plan.expected_patients == pytest.approx(2.4875)
    rounded = [epsilon(trained(noise_multiplier=1.0, sampling_rate=n / 199, steps=1000)) for n in (2, 3)]
    assert rounded[0] < epsilon(plan) < rounded[1]


def test_above_a_thousand_epsilon_is_by_rdp_and_vacuous(monkeypatch):
    monkeypatch.setattr(accounting, "pld_epsilon", lambda *_: pytest.fail("no privacy loss distribution there"))
    found = guarantee([trained(noise_multiplier=1e-4)], 1e-3)
    assert (found.accountant, found.vacuous, found.discretisation) == ("rdp", True, None)
    assert found.best_order in found.orders
    assert found.best_order < 1.01


def test_no_noise_is_an_infinite_epsilon():
    found = guarantee([trained(noise_multiplier=0.0)], 1e-3)
    assert (found.epsilon, found.best_order, found.vacuous) == (math.inf, None, True)


def test_epsilon_at_the_border_is_by_pld_up_to_a_thousand_and_by_rdp_above():
    below = guarantee([trained(noise_multiplier=0.12, steps=150)], 1e-3)
    above = guarantee([trained(noise_multiplier=0.1, steps=150)], 1e-3)
    assert below.accountant == "pld"
    assert 800 < below.epsilon <= 1000
    assert above.accountant == "rdp"
    assert 1000 < above.epsilon < 2000


def test_how_it_was_computed_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger=accounting.__name__):
        epsilon(trained())
        epsilon(trained(noise_multiplier=1e-3))
    assert [record.getMessage().split(" with")[0].split(",")[0] for record in caplog.records] == [
        "Epsilon by PLD",
        "Epsilon by RDP",
    ]


plans = st.builds(
    trained,
    noise_multiplier=st.sampled_from([1e-3, 0.8, 2.0, 8.0]),
    sampling_rate=st.sampled_from([0.02, 0.1, 0.5, 1.0]),
    steps=st.integers(1, 200),
    releases=st.sampled_from([(), (5.0,), (3.0, 9.0)]),
)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(plans)
def test_less_noise_more_steps_a_higher_rate_and_further_runs_never_cost_less(plan):
    usual = epsilon(plan) * (1 - 2e-4)  # losses are rounded a little differently
    worse = [
        [dataclasses.replace(plan, noise_multiplier=plan.noise_multiplier * 0.8)],
        [dataclasses.replace(plan, steps=plan.steps + 20)],
        [dataclasses.replace(plan, sampling_rate=min(plan.sampling_rate * 1.3, 1.0))],
        [dataclasses.replace(plan, releases=(*plan.releases, 4.0))],
        [plan, trained()],
    ]
    assert all(epsilon(*further) >= usual for further in worse)
    assert epsilon(plan, trained()) >= epsilon(trained()) * (1 - 2e-4)


def test_a_resumed_run_costs_what_one_long_run_costs():
    assert epsilon(trained(), trained(steps=30)) == pytest.approx(epsilon(trained(steps=80)))


def test_releases_are_steps_that_draw_everybody():
    apart = [trained(), trained(noise_multiplier=5.0, sampling_rate=1.0, steps=1)]
    assert epsilon(trained(releases=(5.0,))) == pytest.approx(epsilon(*apart))


@pytest.mark.parametrize("delta", [0.0, 1.0, math.nan])
def test_impossible_delta_is_refused(delta):
    with pytest.raises(ConfigError, match="delta must lie in"):
        guarantee([trained()], delta)
