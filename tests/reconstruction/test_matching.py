import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.matching import Search, match_gradient
from genoaudit.reconstruction.network import Gradient, Network


@pytest.fixture
def tiny(rng):
    return Network.fresh((12, 64, 3), rng)


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


@pytest.mark.parametrize("distance", ["cosine", "squared"])
def test_a_profile_is_found_from_the_later_layer_alone(tiny, rng, distance):
    x = rng.normal(size=(1, 12))
    update = released_gradient(tiny, x, [1], generator=rng)
    found = match_gradient(update, tiny, [1], layers=[1], generator=rng, search=Search(distance=distance))
    assert found.distance < 1e-6
    assert correlation(found.profiles[0], x[0]) > 0.999


def test_neither_clip_nor_divisor_disturbs_the_cosine(tiny, rng):
    x = rng.normal(size=(1, 12))
    update = released_gradient(tiny, x, [0], clip=1e-3, divisor=9.0, generator=rng)
    found = match_gradient(update, tiny, [0], generator=rng)
    assert correlation(found.profiles[0], x[0]) > 0.999


def test_the_distance_is_that_of_the_gradients(tiny, rng):
    """Against the gradient by hand; with one step the search is far from its end."""
    update = released_gradient(tiny, rng.normal(size=(1, 12)), [2], generator=rng)
    found = match_gradient(update, tiny, [2], generator=rng, search=Search(starts=1, iterations=1))
    own = released_gradient(tiny, found.profiles, [2], generator=rng)
    a, b = (np.concatenate([p.ravel() for p in (*g.weights, *g.biases)]) for g in (own, update))
    assert found.distance == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-6)
    assert found.distance > 1e-4


def test_noise_stops_it(tiny, rng):
    x = rng.normal(size=(1, 12))
    update = released_gradient(tiny, x, [1], clip=1.0, noise_multiplier=1.0, generator=rng)
    found = match_gradient(update, tiny, [1], generator=rng, search=Search(starts=1, iterations=100))
    assert found.distance > 0.1
    assert correlation(found.profiles[0], x[0]) < 0.9


def test_impossible_requests_are_refused(tiny, rng):
    update = released_gradient(tiny, rng.normal(size=(1, 12)), [1], generator=rng)
    nothing = Gradient(tuple(0 * w for w in update.weights), tuple(0 * b for b in update.biases))
    with pytest.raises(ConfigError, match="numbers from 0 to 1"):
        match_gradient(update, tiny, [1], layers=[2], generator=rng)
    with pytest.raises(ConfigError, match="class codes"):
        match_gradient(update, tiny, [3], generator=rng)
    with pytest.raises(ConfigError, match="nothing to match"):
        match_gradient(nothing, tiny, [1], generator=rng)
    with pytest.raises(ConfigError, match="at least 1"):
        Search(starts=0)
    with pytest.raises(ConfigError, match="'cosine' or 'squared'"):
        Search(distance="l1")
