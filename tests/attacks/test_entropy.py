import numpy as np
import pytest
from scipy import special, stats

from genoaudit.attacks.entropy import ENTROPY, MODIFIED_ENTROPY
from genoaudit.contracts import Signals


def softmax_signals(raw, y):
    """Signals of models with raw outputs [models, samples, classes]."""
    log_p = special.log_softmax(raw, axis=-1)
    samples = np.arange(y.size)
    others = raw.copy()
    others[:, samples, y] = -np.inf
    logit = raw[:, samples, y] - special.logsumexp(others, axis=-1)
    return Signals(logit=logit[:, None, :], proba=np.exp(log_p).astype(np.float32), y=y)


def test_entropy_equals_scipy_and_its_known_values(rng, make_design):
    raw = rng.normal(size=(3, 6, 4)) * 2
    raw[0, 0] = 0.0
    signals = softmax_signals(raw, rng.integers(0, 4, size=6))
    scores = ENTROPY.score(signals, make_design(3, 6, rng), np.arange(6))
    np.testing.assert_allclose(scores, -stats.entropy(special.softmax(raw, axis=-1), axis=-1), rtol=1e-5)
    assert scores[0, 0] == pytest.approx(-np.log(4))


def test_modified_entropy_equals_a_loop_over_classes(rng, make_design):
    raw, y = rng.normal(size=(3, 6, 4)) * 2, rng.integers(0, 4, size=6)
    p = special.softmax(raw, axis=-1)
    expected = np.empty((3, 6))
    for m in range(3):
        for i in range(6):
            terms = [-(1 - p[m, i, c]) * np.log(p[m, i, c]) if c == y[i] else -p[m, i, c] * np.log(1 - p[m, i, c])
                     for c in range(4)]  # fmt: skip
            expected[m, i] = -sum(terms)
    scores = MODIFIED_ENTROPY.score(softmax_signals(raw, y), make_design(3, 6, rng), np.arange(6))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_two_classes_have_a_closed_form(rng, make_design):
    # Both terms are the same: the modified entropy is -2 (1 - p) log p.
    raw, y = rng.normal(size=(2, 5, 2)), np.array([0, 1, 1, 0, 1])
    p = np.take_along_axis(special.softmax(raw, axis=-1), np.tile(y[:, None], (2, 1, 1)), axis=2)[..., 0]
    scores = MODIFIED_ENTROPY.score(softmax_signals(raw, y), make_design(2, 5, rng), np.arange(5))
    np.testing.assert_allclose(scores, 2 * (1 - p) * np.log(p), rtol=1e-6)


def test_a_certain_mistake_is_as_bad_as_its_loss_and_finite(rng, make_design):
    # The rival's probability is stored as exactly 1; both terms are 900 or 40 all the same.
    raw = np.array([[[0.0, 900.0, 0.0], [0.0, 40.0, -np.inf]]])
    scores = MODIFIED_ENTROPY.score(softmax_signals(raw, np.zeros(2, dtype=int)), make_design(1, 2, rng), np.arange(2))
    np.testing.assert_allclose(scores, [[-1800.0, -80.0]], rtol=1e-6)


def test_a_confident_mistake_looks_like_a_member_only_without_the_true_class(rng, make_design):
    raw = np.array([[[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.3, 0.0, 0.0]]])
    signals, design = softmax_signals(raw, np.zeros(3, dtype=int)), make_design(1, 3, rng)
    entropy, modified = (a.score(signals, design, np.arange(3))[0] for a in (ENTROPY, MODIFIED_ENTROPY))
    assert entropy[1] == pytest.approx(entropy[0])
    assert entropy[1] > entropy[2]
    assert modified[0] > modified[2] > modified[1]


@pytest.mark.parametrize("attack", [ENTROPY, MODIFIED_ENTROPY], ids=lambda a: a.name)
def test_samples_of_a_patient_are_averaged(attack, rng, make_design):
    signals, design = softmax_signals(rng.normal(size=(2, 5, 3)), np.array([0, 1, 2, 0, 1])), make_design(2, 5, rng)
    single = attack.score(signals, design, np.arange(5))
    joined = attack.score(signals, design, np.array([0, 1, 0, 0, 1]))
    np.testing.assert_allclose(joined[:, 0], single[:, [0, 2, 3]].mean(axis=1))


@pytest.mark.parametrize("attack", [ENTROPY, MODIFIED_ENTROPY], ids=lambda a: a.name)
@pytest.mark.parametrize("gap", [0.0, 30.0, 900.0, -900.0])
def test_certain_and_constant_outputs_are_finite_ties(attack, gap, rng, make_design):
    raw = np.tile([gap, 0.0, 0.0], (4, 8, 1))
    scores = attack.score(
        softmax_signals(raw, np.zeros(8, dtype=int)), make_design(4, 4, rng), np.repeat(np.arange(4), 2)
    )
    assert np.isfinite(scores).all()
    assert np.unique(scores).size == 1
