import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.models.draws import mixup_draw, random_streams
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
