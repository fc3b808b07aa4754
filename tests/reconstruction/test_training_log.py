import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.training_log import clipped_sum, logged_training

PATIENTS = np.repeat(np.arange(12), 2)


def mechanism(**changes):
    settings = {"clip": 0.3, "noise_multiplier": 0.0, "sampling_rate": 1.0, "steps": 3, "patients": 12}
    return Mechanism(**settings | changes)


def test_without_noise_and_coins_it_is_gradient_descent(network, profiles, rng):
    log = logged_training(
        network, *profiles, mechanism=mechanism(), learning_rate=0.5, generator=rng, patients=PATIENTS
    )
    now = network
    for _ in range(3):
        update = released_gradient(now, *profiles, patients=PATIENTS, clip=0.3, divisor=12, generator=rng)
        now = Network(
            tuple(w - 0.5 * g for w, g in zip(now.weights, update.weights, strict=True)),
            tuple(b - 0.5 * g for b, g in zip(now.biases, update.biases, strict=True)),
        )
    np.testing.assert_allclose(log.networks[-1].weights[0], now.weights[0], rtol=1e-10)
    assert len(log.networks) == 4
    assert len(log.sums) == 3
    assert log.drawn.all()


def test_only_those_drawn_take_part(network, profiles, rng):
    drawn = mechanism(sampling_rate=0.4, steps=1)
    log = logged_training(network, *profiles, mechanism=drawn, learning_rate=0.1, generator=rng, patients=PATIENTS)
    rows = log.drawn[0][PATIENTS]
    X, y = profiles
    own = released_gradient(network, X[rows], y[rows], patients=PATIENTS[rows], clip=0.3, generator=rng)
    assert 0 < rows.sum() < 24
    assert log.sums[0].minus(own).norm < 1e-9


def test_nobody_drawn_adds_nothing(network, profiles):
    nobody = np.zeros(12, dtype=bool)
    assert clipped_sum(network, *profiles, patients=PATIENTS, drawn=nobody, clip=0.3).norm == 0


def test_a_mechanism_for_other_patients_is_refused(network, profiles, rng):
    with pytest.raises(ConfigError, match="counts 12 patients"):
        logged_training(network, *profiles, mechanism=mechanism(), learning_rate=0.1, generator=rng)
