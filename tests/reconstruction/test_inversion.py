import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.inversion import class_profile, nearness
from genoaudit.reconstruction.network import Network


def test_softmax_regression_has_the_closed_form_that_a_search_finds(rng):
    network = Network.fresh((20, 4), rng)
    mean = rng.normal(size=20)

    def cost(x):
        return 0.7 / 2 * ((x - mean) ** 2).sum() - network.logits(x[np.newaxis])[0, 2]

    found = class_profile(network, 2, penalty=0.7, mean=mean)
    np.testing.assert_allclose(found, optimize.minimize(cost, mean, tol=1e-12).x, atol=1e-5)


def test_a_networks_profile_is_better_than_the_start_and_than_its_neighbours(network, rng):
    def value(x):
        return network.logits(x[np.newaxis])[0, 1] - 0.05 / 2 * (x**2).sum()

    found = class_profile(network, 1, penalty=0.05)
    assert value(found) > value(np.zeros(150)) + 1
    assert all(value(found + 0.1 * rng.normal(size=150)) < value(found) for _ in range(50))


def test_a_class_with_one_patient_is_that_patient(rng):
    """A softmax regression's weights of a class point at its only member; of a large class at nobody."""
    y = np.array([0] * 40 + [1])
    X = rng.normal(size=(41, 300)) / np.sqrt(300) * 10
    others = rng.normal(size=(40, 300)) / np.sqrt(300) * 10
    fitted = LogisticRegression().fit(X, y)
    weights = np.concatenate([-fitted.coef_, fitted.coef_]).T / 2
    network = Network((weights,), (np.append(-fitted.intercept_, fitted.intercept_) / 2,))
    found = nearness(class_profile(network, 1, penalty=1.0), X[40:], others)
    assert found.nearest_is_member
    assert found.nearest_member > 0.9
    assert found.auc == 1
    assert found.members == pytest.approx(1 / 41)


def test_nearness_counts_as_a_loop_would(rng):
    profile, members, others = rng.normal(size=30), rng.normal(size=(5, 30)), rng.normal(size=(7, 30))
    found = nearness(profile, members, others)
    a, b = ([np.corrcoef(profile, x)[0, 1] for x in side] for side in (members, others))
    assert found.auc == pytest.approx(np.mean([i > j for i in a for j in b]))
    assert found.nearest_member == pytest.approx(max(a))
    assert found.nearest_other == pytest.approx(max(b))
    assert found.nearest_is_member == (max(a) > max(b))


def test_impossible_requests_are_refused(network):
    with pytest.raises(ConfigError, match="from 0 to 2"):
        class_profile(network, 3, penalty=1.0)
    with pytest.raises(ConfigError, match="above 0"):
        class_profile(network, 0, penalty=0.0)
    with pytest.raises(ConfigError, match="150 genes"):
        class_profile(network, 0, penalty=1.0, mean=np.zeros(3))
    with pytest.raises(ConfigError, match="both sides"):
        nearness(np.arange(5.0), np.ones((0, 5)), np.eye(5))
