import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.prior_aware import candidate_scores, simulate_identification, unexplained_sums
from genoaudit.reconstruction.training_log import logged_training


@pytest.fixture
def training(profiles, rng):
    """Twelve patients with two samples each; the last one is under attack."""
    X, y = profiles
    patients = np.repeat(np.arange(12), 2)
    mechanism = Mechanism(clip=0.5, noise_multiplier=0.0, sampling_rate=0.6, steps=8, patients=12)
    log = logged_training(
        Network.fresh((150, 16, 3), rng), X, y, mechanism=mechanism, learning_rate=0.2, generator=rng, patients=patients
    )
    left = unexplained_sums(log, X, y, patients=patients, known=np.arange(12) < 11, clip=0.5)
    return X, y, patients, log, left


def test_what_is_left_is_the_last_patients_gradient_where_he_was_drawn(training, rng):
    X, y, patients, log, left = training
    assert 0 < log.drawn[:, 11].sum() < 8
    for network, rest, drawn in zip(log.networks, left, log.drawn[:, 11], strict=False):
        own = released_gradient(network, X[patients == 11], y[patients == 11], clip=0.5, generator=rng)
        assert rest.minus(own).norm < 1e-10 if drawn else rest.norm < 1e-10


def test_scores_are_inner_products_with_clipped_gradients(training, rng):
    X, y, patients, log, left = training
    scores = candidate_scores(log.networks[:-1], left, X, y, clip=0.5, patients=patients)
    slow = np.zeros(12)
    for network, rest in zip(log.networks, left, strict=False):
        for p in range(12):
            own = released_gradient(network, X[patients == p], y[patients == p], clip=0.5, generator=rng)
            slow[p] += sum(
                float((a * b).sum()) for a, b in zip(own.weights + own.biases, rest.weights + rest.biases, strict=True)
            )
    np.testing.assert_allclose(scores, slow, rtol=1e-9, atol=1e-12)
    assert scores.argmax() == 11


def test_simplex_and_orthogonal_candidates_are_told_apart_as_by_the_gradients_themselves():
    """The short cut through sums of steps against released vectors and their inner products, step by step."""
    rng = np.random.default_rng(5)
    q, sigma, steps, trials = 0.5, 1.0, 4, 40_000
    for geometry in ("orthogonal", "simplex"):
        candidates = np.eye(3) if geometry == "orthogonal" else (np.eye(3) - 1 / 3) * np.sqrt(3 / 2)
        np.testing.assert_allclose(np.linalg.norm(candidates, axis=1), 1)
        drawn = rng.random((trials, steps, 1)) < q
        released = drawn * candidates[0] + sigma * rng.normal(size=(trials, steps, 3))
        slow = ((released @ candidates.T).sum(axis=1).argmax(axis=1) == 0).mean()
        fast = simulate_identification(
            3, noise_multiplier=sigma, sampling_rate=q, steps=steps, trials=trials, generator=rng, geometry=geometry
        ).mean()
        assert fast == pytest.approx(slow, abs=0.015)  # 4 standard errors of a difference


def test_impossible_requests_are_refused(training, rng):
    X, y, _, log, left = training
    with pytest.raises(ConfigError, match="one network for each"):
        candidate_scores(log.networks, left, X, y, clip=0.5)
    settings = {"noise_multiplier": 1.0, "sampling_rate": 1.0, "steps": 1, "trials": 1, "generator": rng}
    with pytest.raises(ConfigError, match="2 candidates"):
        simulate_identification(1, **settings)
    with pytest.raises(ConfigError, match="sampling_rate"):
        simulate_identification(2, **settings | {"sampling_rate": 0.0})
