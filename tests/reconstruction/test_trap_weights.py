import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.analytic import unit_profiles
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.network import backpropagate
from genoaudit.reconstruction.success import agreement, best_candidates
from genoaudit.reconstruction.trap_weights import trap_network


def exact(network, X, y, rng, **release):
    update = released_gradient(network, X, y, patients=np.arange(len(X)), generator=rng, **release)
    candidates = unit_profiles(update)
    return agreement(candidates[best_candidates(candidates, X)], X, tolerance=0).pearson > 0.999999


def test_some_of_a_batch_is_recovered_and_they_are_those_whom_a_unit_hears_alone(profiles, rng):
    X, y = profiles
    brightness = (X - X.min(axis=0)) / np.ptp(X, axis=0)  # genes from 0 to 1, as the traps were made for
    network = trap_network(150, units=300, classes=3, scale=-0.86, generator=rng)
    heard = backpropagate(network, brightness, y).errors[0] != 0
    alone = heard[:, heard.sum(axis=0) == 1].any(axis=1)
    found = exact(network, brightness, y, rng, clip=0.5)
    np.testing.assert_array_equal(found, alone)
    assert 0.2 < found.mean() < 1


def test_on_standardised_values_a_bias_below_zero_is_what_traps(profiles, rng):
    X, y = profiles
    reach = 0.5 * np.sqrt((X**2).sum(axis=1).mean())
    shares = [
        exact(trap_network(150, units=100, classes=3, bias=bias * reach, generator=rng), X, y, rng).mean()
        for bias in (0.0, -1.8)
    ]
    assert shares[0] < 0.1
    assert shares[1] > 0.5


def test_half_of_the_weights_are_negative_and_the_rest_their_smaller_mirror(rng):
    weights = trap_network(101, units=7, classes=2, scale=-0.9, generator=rng).weights[0]
    for unit in weights.T:
        negative, positive = np.sort(-unit[unit < 0]), np.sort(unit[unit > 0])
        np.testing.assert_allclose(positive, 0.9 * negative)
        assert negative.size == 50


@pytest.mark.parametrize(
    ("changes", "words"), [({"scale": 0.5}, "scale must"), ({"genes": 1}, "2 genes"), ({"deviation": 0.0}, "above 0")]
)
def test_impossible_traps_are_refused(rng, changes, words):
    settings = {"genes": 10, "units": 3, "classes": 2} | changes
    with pytest.raises(ConfigError, match=words):
        trap_network(settings.pop("genes"), generator=rng, **settings)
