import numpy as np
import pytest
from scipy import special

from genoaudit.attacks.margin import MARGIN
from genoaudit.contracts import Signals


def softmax_signals(raw, y):
    """Signals of models with raw outputs [models, samples, classes]."""
    samples = np.arange(y.size)
    others = raw.copy()
    others[:, samples, y] = -np.inf
    logit = raw[:, samples, y] - special.logsumexp(others, axis=-1)
    proba = special.softmax(raw, axis=-1).astype(np.float32)
    return Signals(logit=logit[:, None, :], proba=proba, y=y)


def naive(raw, y):
    margins = np.empty(raw.shape[:2])
    for m, i in np.ndindex(margins.shape):
        margins[m, i] = raw[m, i, y[i]] - max(raw[m, i, c] for c in range(raw.shape[2]) if c != y[i])
    return margins


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_equals_the_difference_of_raw_outputs(classes, rng, make_design):
    raw, y = rng.normal(size=(4, 9, classes)) * 4, rng.integers(0, classes, size=9)
    scores = MARGIN.score(softmax_signals(raw, y), make_design(4, 9, rng), np.arange(9))
    np.testing.assert_allclose(scores, naive(raw, y), rtol=1e-5, atol=1e-5)


def test_two_classes_give_the_logit(rng, make_design):
    raw, y = rng.normal(size=(2, 5, 2)) * 40, np.array([0, 1, 1, 0, 1])
    signals = softmax_signals(raw, y)
    scores = MARGIN.score(signals, make_design(2, 5, rng), np.arange(5))
    np.testing.assert_allclose(scores, signals.logit[:, 0], rtol=1e-12)


def test_stays_distinct_where_probabilities_round_to_one_and_finite_where_they_vanish(rng, make_design):
    # Beyond 100 the rivals are 0 in single precision: the margin is known to within log(2 rivals).
    raw = np.array([[[200.0, 0, 0], [201.0, 0, 0], [-900.0, 0, 0], [0, 0, -900.0]]])
    scores = MARGIN.score(softmax_signals(raw, np.zeros(4, dtype=int)), make_design(1, 4, rng), np.arange(4))[0]
    assert scores[1] - scores[0] == pytest.approx(1)
    np.testing.assert_allclose(scores, [200, 201, -900, 0], atol=np.log(2) + 1e-6)


def test_samples_of_a_patient_are_averaged_and_constants_tie(rng, make_design):
    raw, y, design = rng.normal(size=(2, 5, 3)), np.array([0, 1, 2, 0, 1]), make_design(2, 5, rng)
    joined = MARGIN.score(softmax_signals(raw, y), design, np.array([0, 1, 0, 0, 1]))
    np.testing.assert_allclose(joined[:, 0], naive(raw, y)[:, [0, 2, 3]].mean(axis=1), atol=1e-5)
    flat = MARGIN.score(softmax_signals(np.ones((2, 5, 3)), y), design, np.array([0, 0, 1, 1, 2]))
    assert np.unique(flat).size == 1
