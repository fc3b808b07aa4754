import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import pld_advantage, pld_tpr


def test_epsilon_is_met_by_what_training_does():
    mechanism = DPSGD(epsilon=8.0).mechanism(300)
    found = guarantee([mechanism], 1 / 3000)
    assert 7.99 < found.epsilon <= 8
    assert (mechanism.patients, mechanism.sampling_rate, mechanism.steps) == (300, 0.1, 200)


def test_epsilon_is_for_training_and_releases_together():
    mechanism = DPSGD(epsilon=8.0).mechanism(300, releases=(2.0,))
    assert mechanism.releases == (2.0,)
    assert 7.99 < guarantee([mechanism], 1 / 3000).epsilon <= 8


@pytest.mark.parametrize(
    ("wish", "measure", "target"),
    [
        ({"advantage": 0.2}, pld_advantage, 0.2),
        ({"tpr": 0.1}, lambda done: pld_tpr(done, 0.01), 0.1),
        ({"reconstruction": 0.1}, lambda done: pld_tpr(done, 1 / 300), 0.1),
        ({"reconstruction": 0.1, "candidates": 50}, lambda done: pld_tpr(done, 1 / 50), 0.1),
    ],
)
def test_risks_are_met(wish, measure, target):
    assert 0.999 * target < measure([DPSGD(**wish).mechanism(300)]) <= target


def test_settled_leaves_nothing_open_and_is_settled_already():
    settled = DPSGD(epsilon=8.0, hyperparameters="public").settled(300)
    assert (settled.epsilon, settled.patients, settled.delta) == (None, 300, 1 / 3000)
    assert settled.hyperparameters == "public"
    assert settled.settled(250) == settled


def test_declared_patients_and_delta_go_first():
    settled = DPSGD(noise_multiplier=1.0, patients=500, delta=1e-3).settled(123)
    assert (settled.patients, settled.delta, settled.noise_multiplier) == (500, 1e-3, 1.0)


def test_no_noise_clips_without_protecting():
    assert DPSGD(noise_multiplier=0.0, clip=2.0).mechanism(10) == Mechanism(2.0, 0.0, 0.1, 200, 10)


@pytest.mark.parametrize("wish", [{}, {"epsilon": 1.0, "tpr": 0.1}])
def test_exactly_one_target(wish):
    with pytest.raises(ConfigError, match="dp needs exactly one of"):
        DPSGD(**wish)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epsilom": 1.0}, "Unknown key 'epsilom' for dp; did you mean 'epsilon'"),
        ({"epsilon": "8"}, "dp.epsilon must be a number, found '8'"),
        ({"epsilon": True}, "dp.epsilon must be a number"),
        ({"epsilon": 8.0, "hyperparameters": 3}, "dp.hyperparameters must be a text"),
        ({"epsilon": 8.0, "hyperparameters": "guessed"}, "must be public, searched or undeclared"),
        ({"epsilon": 8.0, "sampling_rate": 2.0}, "dp.sampling_rate must be from 1e-4 to 1"),
        ({"epsilon": 8.0, "steps": 1.5}, "dp.steps must be a whole number"),
        ({"epsilon": 8.0, "patients": 0}, "dp.patients must be a whole number of at least 1"),
        ({"noise_multiplier": 1e300}, "dp.noise_multiplier must be 0 or from 1e-7"),
        ({"epsilon": 8.0, "clip": float("inf")}, "dp.clip must be from 1e-30"),
        ({"epsilon": 8.0, "delta": 1.0}, "dp.delta must be from 1e-15"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        DPSGD.parse(given)


def test_parse_makes_the_same_as_the_keys():
    assert DPSGD.parse({"epsilon": 8, "steps": 50}) == DPSGD(epsilon=8, steps=50)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"epsilon": 0.01}, "dp.epsilon must be from 0.1"),
        ({"tpr": 0.005}, "dp.tpr must be above dp.fpr"),
        ({"reconstruction": 0.001}, "reconstruction must be above 1 / 300"),
        ({"advantage": 0.5, "steps": 1}, "meets advantage = 0.5 without noise"),
    ],
)
def test_an_impossible_target_is_one_clear_line(wish, message):
    with pytest.raises(ConfigError, match=message) as caught:
        DPSGD(**wish).settled(300)
    assert "\n" not in str(caught.value)
