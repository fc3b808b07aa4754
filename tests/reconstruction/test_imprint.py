import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.imprint import imprint_network, imprinted_profiles
from genoaudit.reconstruction.success import agreement, best_candidates


def attack(X, y, rng, *, bins=256, **release):
    direction = np.ones(X.shape[1]) / np.sqrt(X.shape[1])
    measure = X @ direction
    network = imprint_network(
        direction, bins=bins, classes=3, mean=measure.mean(), deviation=measure.std(), generator=rng
    )
    patients = np.arange(len(X))
    return imprinted_profiles(released_gradient(network, X, y, patients=patients, generator=rng, **release))


def recovered(candidates, X):
    found = candidates[best_candidates(candidates, X)]
    return agreement(found, X, tolerance=1e-3)


@pytest.mark.parametrize("release", [{}, {"clip": 0.1, "divisor": 24.0}])
def test_most_of_a_batch_is_recovered_exactly_clipped_or_not(profiles, rng, release):
    X, y = profiles
    result = recovered(attack(X, y, rng, **release), X)
    exact = result.pearson > 0.999999
    assert exact.mean() > 0.75
    assert (result.within_noise[exact] == 1).all()


def test_the_exact_ones_are_those_alone_in_their_bin(profiles, rng):
    X, y = profiles
    measure = X.sum(axis=1) / np.sqrt(150)
    candidates = attack(X, y, rng, bins=8)
    from scipy.stats import norm

    edges = norm(measure.mean(), measure.std()).ppf(np.arange(1, 8) / 8)
    bins = np.searchsorted(edges, measure)
    alone = np.bincount(bins, minlength=8)[bins] == 1
    np.testing.assert_array_equal(recovered(candidates, X).pearson > 0.999999, alone)
    assert len(candidates) == np.unique(bins).size


def test_noise_stops_it(profiles, rng):
    X, y = profiles
    result = recovered(attack(X, y, rng, clip=1.0, noise_multiplier=1.0), X)
    assert (result.pearson > 0.9).sum() == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"bins": 1}, "2 bins"), ({"deviation": 0.0}, "above 0"), ({"direction": np.zeros(5)}, "not zero")],
)
def test_impossible_imprints_are_refused(rng, changes, words):
    settings = {"direction": np.ones(5), "bins": 4, "classes": 2, "mean": 0.0, "deviation": 1.0} | changes
    with pytest.raises(ConfigError, match=words):
        imprint_network(settings.pop("direction"), generator=rng, **settings)
