"""Attacks on simulated releases follow the laws of theory, and never beat its bounds.

KS tests accept at a p-value above 0.001. A rate of successes "agrees" within 4 binomial standard errors, so that a
right law fails in 1 of 16,000 tests; it "exceeds" a bound if an exact one-sided test refutes the bound at 0.001.
"""

import numpy as np
import pytest
from scipy import integrate, stats

from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction import law
from genoaudit.reconstruction.analytic import invert_first_layer
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.network import Network, backpropagate
from genoaudit.reconstruction.prior_aware import candidate_scores, simulate_identification, unexplained_sums
from genoaudit.reconstruction.success import agreement
from genoaudit.reconstruction.training_log import logged_training

pytestmark = pytest.mark.statistical


def refutes(hits, bound):
    return stats.binomtest(int(hits.sum()), hits.size, min(bound, 1.0), alternative="greater").pvalue < 0.001


def agrees(hits, rate):
    return abs(hits.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / hits.size)


def inversions(widths, sigma, rng, repeats):
    """Analytic inversions of one profile, its errors known, from a gradient that clipping binds."""
    network, x = Network.fresh(widths, rng), rng.normal(size=(1, widths[0]))
    passes = backpropagate(network, x, [0])
    gradient = passes.gradient(np.ones(1))
    clip = 0.5 * gradient.norm
    errors = 0.5 * passes.errors[0][0]
    settings = {"clip": clip, "noise_multiplier": sigma, "generator": rng}
    found = [invert_first_layer(released_gradient(network, x, [0], **settings), errors=errors) for _ in range(repeats)]
    result = agreement(found, np.repeat(x, repeats, axis=0), tolerance=0.0)
    return x[0], law.effective_norm(gradient), result


@pytest.mark.parametrize(("widths", "sigma"), [((200, 3), 0.05), ((60, 8, 3), 0.3), ((200, 16, 8, 4), 0.01)])
def test_the_error_of_the_analytic_inversion_follows_the_gamma_law(widths, sigma):
    x, norm, found = inversions(widths, sigma, np.random.default_rng(11), 400)
    settings = {"noise_multiplier": sigma, "genes": widths[0]}
    assert stats.kstest(found.mse, lambda v: law.mse_cdf(v, norm=norm, **settings)).pvalue > 0.001
    # The test can tell: the same law for a tenth more noise is refuted.
    assert stats.kstest(found.mse, lambda v: law.mse_cdf(v, norm=1.1 * norm, **settings)).pvalue < 1e-6
    correlation = {"noise_multiplier": sigma, "profile": x, "norm": norm}
    assert stats.kstest(found.pearson, lambda v: law.correlation_cdf(v, **correlation)).pvalue > 0.001


def test_where_the_profile_is_all_there_is_the_law_is_that_of_its_own_norm():
    """A softmax regression spends 1 / (|x|^2 + 1) of its squared gradient on biases: nothing, for a long profile."""
    x, norm, found = inversions((3000, 2), 0.02, np.random.default_rng(5), 150)
    own = float(np.linalg.norm(x))
    assert norm == pytest.approx(own, rel=1e-3)
    assert stats.kstest(found.mse, lambda v: law.mse_cdf(v, noise_multiplier=0.02, norm=own, genes=3000)).pvalue > 0.001


@pytest.mark.parametrize(("sigma", "steps"), [(1.0, 1), (2.0, 1), (5.0, 25), (30.0, 100)])
def test_two_opposite_candidates_meet_the_bound(sigma, steps):
    settings = {"noise_multiplier": sigma, "sampling_rate": 1.0, "steps": steps}
    rng = np.random.default_rng(1)
    hits = simulate_identification(2, trials=40_000, generator=rng, geometry="simplex", **settings)
    assert agrees(hits, reconstruction_bound(0.5, **settings))


@pytest.mark.parametrize("geometry", ["orthogonal", "simplex"])
@pytest.mark.parametrize("candidates", [2, 10, 1000])
@pytest.mark.parametrize(
    ("sigma", "rate", "steps"), [(1.0, 1.0, 1), (1.0, 0.1, 100), (2.0, 0.2, 200), (0.6, 0.01, 1000)]
)
def test_no_number_of_candidates_beats_the_bound(geometry, candidates, sigma, rate, steps):
    settings = {"noise_multiplier": sigma, "sampling_rate": rate, "steps": steps}
    rng = np.random.default_rng(2)
    hits = simulate_identification(candidates, trials=3000, generator=rng, geometry=geometry, **settings)
    assert not refutes(hits, reconstruction_bound(1 / candidates, **settings))


@pytest.mark.parametrize("candidates", [2, 10, 100])
def test_orthogonal_candidates_are_told_apart_as_often_as_the_integral_says(candidates):
    """P(the right score is the highest) for one release, and how far that is from the bound."""
    mu = 2.0
    rng = np.random.default_rng(3)
    hits = simulate_identification(
        candidates, noise_multiplier=1 / mu, sampling_rate=1.0, steps=1, trials=40_000, generator=rng
    )
    exact = integrate.quad(lambda s: stats.norm.pdf(s - mu) * stats.norm.cdf(s) ** (candidates - 1), -10, 14)[0]
    bound = reconstruction_bound(1 / candidates, noise_multiplier=1 / mu, sampling_rate=1.0, steps=1)
    assert agrees(hits, exact)
    assert 0.85 * bound < exact < bound


def label_attacks(network, X, y, mechanism, trials, rng):
    """Train with the last patient's label drawn at random, and guess it by the attack."""
    hits = []
    for _ in range(trials):
        label = int(rng.integers(2))
        codes = np.append(y[:-1], label)
        log = logged_training(network, X, codes, mechanism=mechanism, learning_rate=0.5, generator=rng)
        owners = np.arange(len(X))
        left = unexplained_sums(log, X, codes, patients=owners, known=owners < len(X) - 1, clip=mechanism.clip)
        scores = candidate_scores(log.networks[:-1], left, X[[-1, -1]], [0, 1], clip=mechanism.clip)
        hits.append(scores.argmax() == label)
    return np.array(hits)


@pytest.mark.parametrize(("sigma", "steps"), [(1.0, 1), (4.0, 9)])
def test_guessing_a_label_from_the_log_of_a_training_meets_the_bound(sigma, steps):
    """Of two labels of one profile the gradients are opposite, and both are clipped: the worst case, for real."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(6, 20)), np.arange(6) % 2
    mechanism = Mechanism(clip=1e-3, noise_multiplier=sigma, sampling_rate=1.0, steps=steps, patients=6)
    hits = label_attacks(Network.fresh((20, 2), rng), X, y, mechanism, 1200, rng)
    assert agrees(hits, reconstruction_bound(0.5, noise_multiplier=sigma, sampling_rate=1.0, steps=steps))


def test_with_subsampling_and_a_loose_clip_the_attack_stays_below_the_bound():
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(6, 20)), np.arange(6) % 2
    mechanism = Mechanism(clip=2.0, noise_multiplier=1.0, sampling_rate=0.5, steps=6, patients=6)
    hits = label_attacks(Network.fresh((20, 8, 2), rng), X, y, mechanism, 800, rng)
    assert hits.mean() > 0.6
    assert not refutes(hits, reconstruction_bound(0.5, noise_multiplier=1.0, sampling_rate=0.5, steps=6))
