from dataclasses import replace

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.identification import identified_members, in_few_dimensions, on_genes
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.prior_aware import unexplained_sums
from genoaudit.reconstruction.training_log import logged_training

MECHANISM = Mechanism(clip=0.5, noise_multiplier=0.6, sampling_rate=0.5, steps=6, patients=8)


def train(X, y, patients, mechanism, rng):
    """Eight members; patients 8 to 11 are candidates who were not there."""
    inside = patients < 8
    return logged_training(
        Network.fresh((150, 16, 3), rng),
        X[inside],
        y[inside],
        mechanism=mechanism,
        learning_rate=0.3,
        generator=rng,
        patients=patients[inside],
    )


def flat(gradient):
    return np.concatenate([part.ravel() for part in (*gradient.weights, *gradient.biases)])


def slow_likelihoods(log, X, y, patients, target, mechanism, rng):
    """Densities of what is left under a coin per step, one candidate and one step at a time."""
    inside = patients < 8
    known = np.arange(8) != target
    left = unexplained_sums(log, X[inside], y[inside], patients=patients[inside], known=known, clip=mechanism.clip)
    q, variance = mechanism.sampling_rate, (mechanism.noise_multiplier * mechanism.clip) ** 2
    scores = {}
    for candidate in (target, 8, 9, 10, 11):
        rows = patients == candidate
        scores[candidate] = 0.0
        for network, rest in zip(log.networks, left, strict=False):
            own = flat(released_gradient(network, X[rows], y[rows], clip=mechanism.clip, generator=rng))
            there, away = (((flat(rest) - mean) ** 2).sum() / (2 * variance) for mean in (own, 0 * own))
            scores[candidate] += np.log(1 - q + q * np.exp(away - there))
    return scores


def test_the_guess_is_the_candidate_of_largest_likelihood(profiles, rng):
    X, y = profiles
    patients = np.repeat(np.arange(12), 2)
    seen = set()
    for noise in (0.05, 0.6, 3.0):
        mechanism = replace(MECHANISM, noise_multiplier=noise)
        log = train(X, y, patients, mechanism, rng)
        found = identified_members(log, X, y, patients=patients, targets=np.arange(8), mechanism=mechanism)
        for target in range(8):
            scores = slow_likelihoods(log, X, y, patients, target, mechanism, rng)
            assert found[target] == (max(scores, key=scores.get) == target)
        seen |= set(found.tolist())
    assert seen == {True, False}


def test_without_noise_everybody_who_was_drawn_is_named(profiles, rng):
    X, y = profiles
    patients = np.repeat(np.arange(12), 2)
    mechanism = replace(MECHANISM, noise_multiplier=0.0)
    log = train(X, y, patients, mechanism, rng)
    found = identified_members(log, X, y, patients=patients, targets=np.arange(8), mechanism=mechanism)
    np.testing.assert_array_equal(found, log.drawn.any(axis=0))


def test_with_much_noise_it_is_guessing(profiles):
    X, y = profiles
    patients = np.arange(24)
    mechanism = Mechanism(clip=0.5, noise_multiplier=200.0, sampling_rate=1.0, steps=2, patients=20)
    hits = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        log = logged_training(
            Network.fresh((150, 4, 3), rng), X[:20], y[:20], mechanism=mechanism, learning_rate=0.1, generator=rng
        )
        hits.append(identified_members(log, X, y, patients=patients, targets=[3], mechanism=mechanism)[0])
    assert np.mean(hits) == pytest.approx(1 / 5, abs=0.2)  # 3 standard errors


def test_few_dimensions_change_nothing(profiles, rng):
    X, y = profiles
    start = Network.fresh((150, 16, 3), rng)
    few, turned, basis = in_few_dimensions(X, start)
    mechanism = replace(MECHANISM, noise_multiplier=0.0, patients=24)
    logs = [
        logged_training(network, values, y, mechanism=mechanism, learning_rate=0.3, generator=np.random.default_rng(0))
        for network, values in ((start, X), (turned, few))
    ]
    back = on_genes(logs[1].networks[-1], basis=basis, start=start)
    for whole, part in zip(logs[0].networks[-1].weights, back.weights, strict=True):
        np.testing.assert_allclose(part, whole, rtol=0, atol=1e-10)
    assert not np.allclose(back.weights[0], start.weights[0])


def test_impossible_requests_are_refused(profiles, rng):
    X, y = profiles
    patients = np.repeat(np.arange(12), 2)
    log = train(X, y, patients, MECHANISM, rng)
    with pytest.raises(ConfigError, match="found 4 candidates"):
        identified_members(log, X, y, patients=patients, targets=[9], mechanism=MECHANISM)
    with pytest.raises(ConfigError, match="found 0 candidates"):
        identified_members(log, X[:16], y[:16], patients=patients[:16], targets=[0], mechanism=MECHANISM)
