import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.network import Gradient, backpropagate


def of_patient(network, X, y):
    return backpropagate(network, X, y).gradient(np.ones(len(X)))


def test_each_patient_is_clipped_with_all_his_samples_and_all_layers(network, profiles, rng):
    X, y = profiles
    patients = np.repeat([5, 2, 9, 4], 6)
    whole = [of_patient(network, X[patients == p], y[patients == p]) for p in (2, 4, 5, 9)]
    clip = float(np.median([g.norm for g in whole]))  # binds for some
    released = released_gradient(network, X, y, patients=patients, clip=clip, divisor=2.5, generator=rng)
    slow = sum(min(1, clip / g.norm) * g.weights[1] for g in whole) / 2.5
    np.testing.assert_allclose(released.weights[1], slow, rtol=1e-9, atol=1e-12)


def test_without_patients_all_samples_are_one_patient(network, profiles, rng):
    released = released_gradient(network, *profiles, clip=0.25, generator=rng)
    assert released.norm == pytest.approx(0.25)


def test_nothing_is_added_below_the_clip(network, profiles, rng):
    plain = released_gradient(network, *profiles, generator=rng)
    loose = released_gradient(network, *profiles, clip=1e9, generator=rng)
    assert isinstance(plain, Gradient)
    np.testing.assert_array_equal(plain.weights[0], loose.weights[0])


def test_the_noise_has_the_declared_deviation_on_every_layer(network, profiles, rng):
    settings = {"clip": 0.5, "divisor": 4.0, "generator": rng}
    still = released_gradient(network, *profiles, **settings)
    noise = released_gradient(network, *profiles, noise_multiplier=3.0, **settings).minus(still)
    expected = 3.0 * 0.5 / 4.0
    for part in noise.weights[:2]:  # 4,800 and 512 draws: 4 standard errors are 4 and 13 %
        assert part.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * part.size))
    assert np.concatenate(noise.biases).std() == pytest.approx(expected, rel=0.4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"noise_multiplier": 1.0}, "clip is needed"),
        ({"noise_multiplier": -1.0, "clip": 1.0}, "at least 0"),
        ({"clip": 0.0}, "above 0"),
        ({"divisor": 0.0}, "divisor"),
    ],
)
def test_impossible_releases_are_refused(network, profiles, rng, settings, words):
    with pytest.raises(ConfigError, match=words):
        released_gradient(network, *profiles, generator=rng, **settings)
