import os

import numpy as np
import pytest
from scipy.stats import kstest, norm

from genoaudit.models.draws import poisson_patients, private_noise, random_streams
from genoaudit.models.entropy import EntropyDraws, SeededDraws
from genoaudit.models.mlp import MLPClassifier
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.randomness import entropy_uniform

PRIVATE = DPSGD(noise_multiplier=1.0, sampling_rate=0.2, steps=4)


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 10)).astype(np.float32), rng.integers(0, 2, size=30)


def test_entropy_is_standard_normal():
    """A right implementation fails once in a hundred million times."""
    first, later = EntropyDraws().normal(400, 300, 300_000)  # more than one block
    drawn = np.concatenate([first.ravel(), later])
    assert kstest(drawn, norm.cdf).pvalue > 1e-8
    assert kstest(drawn[1:] - drawn[:-1], norm(scale=np.sqrt(2)).cdf).statistic < 0.01
    assert len(np.unique(drawn)) == len(drawn)


@pytest.mark.parametrize(("byte", "sign"), [(b"\x00", -1), (b"\xff", 1)])
def test_the_most_extreme_bytes_give_finite_numbers(monkeypatch, byte, sign):
    monkeypatch.setattr(os, "urandom", lambda size: byte * size)
    first, later = EntropyDraws().normal(2, 2, 3)
    np.testing.assert_allclose([*first.ravel(), *later], [-sign * norm.ppf(2.0**-53)] * 7, rtol=1e-6)
    assert 0 < entropy_uniform(1)[0] < 1
    assert EntropyDraws().coins(3, 0.5).tolist() == [sign < 0] * 3


def test_coins_fall_at_the_rate():
    """A right implementation fails once in a hundred million times."""
    draws = EntropyDraws()
    tossed = np.array([draws.coins(50, 0.03) for _ in range(2000)])
    assert tossed.dtype == bool
    deviation = np.sqrt(0.03 * 0.97 / tossed.size)
    assert abs(tossed.mean() - 0.03) < 5.8 * deviation


def test_a_seed_gives_the_streams_of_the_recipe():
    draws, streams = SeededDraws(random_streams(5)), random_streams(5)
    assert draws.coins(9, 0.4).tolist() == poisson_patients(9, rate=0.4, rng=streams.coins).tolist()
    for found, expected in zip(draws.normal(3, 2, 4), private_noise(3, 2, 4, streams.noise), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert draws.masks.random() == streams.masks.random()


def test_without_a_seed_nothing_can_be_drawn_again(samples, monkeypatch):
    def parameters():
        # Even somebody who sets numpy's global state, from which initial weights come, repeats no coin and no noise.
        np.random.seed(0)  # noqa: NPY002, TID251
        model = MLPClassifier((3,), dp=PRIVATE).fit(*samples)
        assert model.releasable_
        return np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_)])

    assert (parameters() == parameters()).sum() <= 1  # float32 values of different draws may coincide
    monkeypatch.setattr("genoaudit.randomness.os.urandom", lambda size: np.random.default_rng(0).bytes(size))
    np.testing.assert_array_equal(parameters(), parameters())  # and this is all that comes from elsewhere


def test_a_seeded_a_noiseless_and_a_plain_model_are_not_releasable(samples):
    quiet = DPSGD(noise_multiplier=0.0, sampling_rate=0.2, steps=4)
    assert not MLPClassifier((3,), dp=PRIVATE, random_state=0).fit(*samples).releasable_
    assert not MLPClassifier((3,), dp=PRIVATE, random_state=np.random.RandomState(0)).fit(*samples).releasable_
    assert not MLPClassifier((3,), dp=quiet).fit(*samples).releasable_
    assert not MLPClassifier((3,), epochs=1).fit(*samples).releasable_


def test_one_run_on_a_seed_spoils_all_that_follow(samples):
    model = MLPClassifier((3,), dp=PRIVATE, warm_start=True, random_state=0).fit(*samples)
    assert not model.set_params(random_state=None).fit(*samples).releasable_
    assert model.set_params(warm_start=False).fit(*samples).releasable_


def test_nothing_of_the_random_numbers_or_the_losses_is_kept(samples):
    model = MLPClassifier((3,), dropout=0.2, dp=PRIVATE).fit(*samples)
    assert model.loss_curve_ == []
    kept = {name for name in vars(model) if name.endswith("_")}
    assert kept == {
        *("classes_", "coefs_", "intercepts_", "norms_", "n_features_in_", "loss_curve_", "best_epoch_"),
        *("mechanisms_", "delta_", "releasable_", "runs_"),
    }


def test_masks_of_a_releasable_model_cannot_be_drawn_again():
    first, second = (EntropyDraws().masks.random(20) for _ in range(2))
    assert not np.array_equal(first, second)
