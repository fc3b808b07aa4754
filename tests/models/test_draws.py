import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.models.draws import (
    held_out_patients,
    mixup_draw,
    poisson_patients,
    private_noise,
    random_streams,
)
from genoaudit.models.mlp import MLPClassifier, learning_rates, weights_of_classes


def test_mixing_shares_are_beta_and_partners_a_permutation():
    rng = np.random.default_rng(0)
    shares = [mixup_draw(3, alpha=0.4, rng=rng)[0] for _ in range(4000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.05)
    assert sorted(mixup_draw(7, alpha=1.0, rng=rng)[1].tolist()) == list(range(7))


def test_the_stream_of_mixings_moves_no_other():
    one, two = random_streams(3), random_streams(3)
    one.mixes.random(100)
    assert all(getattr(one, name).random() == getattr(two, name).random() for name in ("init", "order", "masks"))


def test_a_cosine_schedule_starts_at_the_rate_and_falls_to_nearly_zero():
    rates = learning_rates(0.2, "cosine", 50)
    assert rates[0] == 0.2
    assert rates[25] == pytest.approx(0.1)
    assert list(rates) == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-3
    assert learning_rates(0.2, "constant", 3) == (0.2, 0.2, 0.2)


def test_class_weights_come_by_label_or_in_order():
    assert weights_of_classes({"b": 3}, ["a", "b"]) == (1.0, 3.0)
    assert weights_of_classes([2, 1], ["a", "b"]) == (2.0, 1.0)
    assert weights_of_classes(None, ["a", "b"]) is None


@pytest.mark.parametrize("given", [[1.0], {"c": 1.0}, [1.0, 0.0], [1.0, float("nan")], [1.0, -2.0]])
def test_class_weights_that_do_not_fit_are_refused(given):
    with pytest.raises(ConfigError, match="class_weights"):
        weights_of_classes(given, ["a", "b"])


def test_a_weighted_class_is_predicted_more_often():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 20)).astype(np.float32), rng.integers(0, 2, size=200)
    plain, leaning = (MLPClassifier((4,), class_weights=w, random_state=0).fit(X, y) for w in (None, {1: 9.0}))
    assert leaning.predict(X).sum() > plain.predict(X).sum() + 20


def test_layer_norm_makes_scores_blind_to_the_size_of_the_first_layer():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 20)).astype(np.float32), rng.integers(0, 2, size=60)
    model = MLPClassifier((8,), layer_norm=True, epochs=2, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    model.coefs_[0] *= 3
    model.intercepts_[0] *= 3
    assert np.allclose(model.predict_proba(X), before, atol=1e-3)
    assert [pair[0].shape for pair in model.norms_] == [(8,)]


def test_patients_toss_their_own_coins_in_the_order_of_their_codes():
    tossed = np.array([poisson_patients(6, rate=0.3, rng=random_streams(seed).coins) for seed in range(3000)])
    assert np.allclose(tossed.mean(axis=0), 0.3, atol=4 * np.sqrt(0.21 / 3000))
    assert np.allclose(np.corrcoef(tossed.T), np.eye(6), atol=4 / np.sqrt(3000))
    expected = random_streams(1).coins.random(6) < 0.3
    assert poisson_patients(6, rate=0.3, rng=random_streams(1).coins).tolist() == expected.tolist()


def test_noise_is_one_run_of_numbers_the_first_layer_first():
    first, later = private_noise(5, 3, 4, random_streams(2).noise)
    together = random_streams(2).noise.standard_normal(19, dtype=np.float32)
    assert np.array_equal(np.concatenate([first.ravel(), later]), together)
    assert first.shape == (5, 3)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_held_out_patients_are_spread_over_classes_and_leave_one_of_each(share):
    classes = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [40, 20, 9, 1]))
    chosen = [held_out_patients(classes, share=share, rng=random_streams(seed).watch) for seed in range(400)]
    wanted = min(round(share * 70), 66)
    for own in chosen:
        assert len(set(own.tolist())) == len(own) == wanted
        assert own.tolist() == sorted(own)
        found = np.bincount(classes[own], minlength=4)
        assert np.abs(found - wanted / 66 * np.array([39, 19, 8, 0])).max() < 2
    often = np.bincount(np.concatenate(chosen), minlength=70) / 400
    within = often[classes == 0]
    assert np.allclose(within, within.mean(), atol=4 * np.sqrt(within.mean() * (1 - within.mean()) / 400) + 1e-9)


def test_nobody_is_held_out_where_every_class_has_one_patient():
    assert held_out_patients(np.arange(4), share=0.5, rng=random_streams(0).watch).size == 0
    assert held_out_patients(np.array([0, 0, 1]), share=0.01, rng=random_streams(0).watch).size == 1
