"""The alarm is silent on correct trainings under both relations, and rings on broken ones that an audit can see.

Simulated is DP-SGD itself, step by step, on canaries whose gradients are orthogonal to all others: each is one
coordinate of the final parameters, and that is all the audit sees. An audit with coins is one model with many canaries
(one-run bound) and many models with one (many-run bound), which share 5 %. An audit of half splits is many models in
which a patient is exchanged for the worst other one, whose gradient is the opposite. A share above 5 % of correct
trainings is refuted at a significance of 0.001.

Share of 20 audits that ring, at delta 0.001, sampling rate 0.1, 50 steps and 200 patients, 20 to a batch:

    claimed epsilon                              1     1     1     2     2     8     8
    models with a canary                        64   256  4000   256  4000   256 20000
    nothing wrong                                0     0     0     0     0     0     0
    noise divided by the batch twice          0.90     1     1     1     1     0     0
    batch mean clipped, gradient of norm 10   0.05     1     1     1     1     0     0
    batch mean clipped, gradient of norm 1       0     0     0     0     0     0     0
    rate 10 times that accounted for          0.85     1     1     1     1     0     0
    rate 5 times that                            0  0.75     1  0.35     1     0     0
    rate 2.7 times that (of samples, 3 each)     0     0  0.90     0  0.60     0     0
    rate 1.25 times that (batch rounded)         0     0     0     0     0     0     0

No audit of n models can show much more than log(n): 20,000 show 6.6 where nothing at all is protected, so a claim of 8
is out of reach. Clipping the mean leaks nothing where no gradient exceeds the norm. And a rate off by a quarter never
shows: final parameters give away less than the accountant must assume, who lets the adversary see every step.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genoaudit.privacy.alarm import alarm, claimed_epsilon
from genoaudit.privacy.calibration import noise_for_epsilon
from genoaudit.privacy.many_run import many_run_bound
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.one_run import one_run_bound

pytestmark = pytest.mark.statistical

DELTA = 1e-3
CANARIES = 100


def mechanism(epsilon, sampling_rate=0.1, steps=50):
    noise = noise_for_epsilon(epsilon, DELTA, sampling_rate=sampling_rate, steps=steps)
    return Mechanism(1.0, noise, sampling_rate, steps, patients=200)


def final_parameters(included, training, rng, *, norm=10.0, broken=None):
    """Sum of all updates at each canary's coordinate; [models, canaries], as the booleans of who is in.

    Besides, `training.patients` natural patients have gradients of norm 1, each in a direction of its own.
    """
    total = np.zeros(included.shape)
    clip, batch = training.clip, training.expected_patients
    for _ in range(training.steps):
        gradient = norm * (included & (rng.random(included.shape) < training.sampling_rate))
        noise = training.noise_multiplier * clip * rng.standard_normal(included.shape)
        if broken == "mean clipped":
            natural = rng.binomial(training.patients, training.sampling_rate, size=(len(included), 1))
            length = np.sqrt((gradient**2).sum(axis=1, keepdims=True) + natural) / batch
            update = gradient / batch * np.minimum(1, clip / length) + noise / batch
        elif broken == "noise divided twice":
            update = (np.minimum(gradient, clip) + noise / batch) / batch
        else:
            update = (np.minimum(gradient, clip) + noise) / batch
        total += update
    return total


def rung(bounds, claim):
    def claimed(bound):
        return claimed_epsilon_of(claim, bound.neighbouring)

    return alarm(bounds, claimed).rings


CLAIMS = {}


def claimed_epsilon_of(claim, neighbouring):
    if (claim, neighbouring) not in CLAIMS:
        CLAIMS[claim, neighbouring] = claimed_epsilon([claim], DELTA, neighbouring=neighbouring)
    return CLAIMS[claim, neighbouring]


def with_coins(training, rng, *, models, claim=None, **how):
    """Audit with canaries; the claim is that of another mechanism if one is given."""
    coins = rng.random((1, CANARIES)) < 0.5
    (scores,) = final_parameters(coins, training, rng, **how)
    one = one_run_bound(scores, coins[0], delta=DELTA, guesses=CANARIES // 5, significance=0.025, generator=rng)
    held = rng.random((models, 1)) < 0.5
    statistic = final_parameters(held, training, rng, **how)
    many = many_run_bound(
        statistic[held],
        statistic[~held],
        delta=DELTA,
        neighbouring="add/remove",
        choose="bonferroni",
        significance=0.025,
    )
    return rung([one, many], claim or training)


def with_half_splits(training, rng, *, models):
    """Bound from a patient and the worst other one in the same place."""
    everywhere = np.ones((models // 2, 1), dtype=bool)
    inside, outside = (sign * final_parameters(everywhere, training, rng)[:, 0] for sign in (1, -1))
    return many_run_bound(inside, outside, delta=DELTA, neighbouring="replace-one", choose="bonferroni")


def at_most_five_percent(rings):
    return sum(rings) <= stats.binom.ppf(0.999, len(rings), 0.05)


@pytest.mark.parametrize("training", [mechanism(1.0), mechanism(0.5, 1.0, 1)], ids=["subsampled", "one full step"])
def test_correct_training_with_coins_does_not_ring(training):
    rng = np.random.default_rng(61)
    assert at_most_five_percent([with_coins(training, rng, models=256) for _ in range(150)])


@pytest.mark.parametrize("training", [mechanism(1.0), mechanism(0.5, 1.0, 1)], ids=["subsampled", "one full step"])
def test_correct_training_of_half_splits_does_not_ring(training):
    rng = np.random.default_rng(62)
    assert at_most_five_percent([rung([with_half_splits(training, rng, models=512)], training) for _ in range(150)])


def test_under_the_other_relation_a_correct_training_would_be_accused():
    # Twice the mu: why a bound of a half split is never compared with the claim of add/remove.
    rng = np.random.default_rng(63)
    training = mechanism(1.0, 1.0, 1)
    bounds = [with_half_splits(training, rng, models=20_000) for _ in range(20)]
    assert not any(rung([bound], training) for bound in bounds)
    assert sum(rung([replace(bound, neighbouring="add/remove")], training) for bound in bounds) > 10


BROKEN = {
    "noise divided by the batch twice": {"broken": "noise divided twice"},
    "batch mean clipped": {"broken": "mean clipped"},
    "ten times the sampling rate": {"times": 10},
}
UNSEEN = {
    "batch mean clipped, no gradient beyond the norm": {"broken": "mean clipped", "norm": 1.0},
    "batch rounded": {"times": 1.25},
}


def caught(epsilon, models, *, times=1.0, seed=64, repeats=10, **how):
    claim, rng = mechanism(epsilon), np.random.default_rng(seed)
    training = replace(claim, sampling_rate=times * claim.sampling_rate)
    return np.mean([with_coins(training, rng, models=models, claim=claim, **how) for _ in range(repeats)])


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("epsilon", [1.0, 2.0])
def test_a_broken_training_is_caught_by_256_models(fault, epsilon):
    assert caught(epsilon, 256, **BROKEN[fault]) == 1


@pytest.mark.parametrize("fault", BROKEN)
def test_no_audit_of_this_size_reaches_a_claim_of_eight(fault):
    assert caught(8.0, 256, **BROKEN[fault]) == 0


@pytest.mark.parametrize("fault", UNSEEN)
def test_what_a_canary_does_not_feel_stays_unseen(fault):
    assert caught(1.0, 4000, repeats=5, **UNSEEN[fault]) == 0


def test_the_rate_of_samples_in_place_of_patients_takes_thousands_of_models():
    times = (1 - 0.9**3) / 0.1  # a patient with three samples is drawn if any of them is
    assert caught(1.0, 256, times=times) == 0
    assert caught(1.0, 4000, times=times) >= 0.6
