import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.models.cnn import CNNClassifier
from genoaudit.privacy.dpsgd import DPSGD


@parametrize_with_checks(
    [
        CNNClassifier((4,), width=4, epochs=20, learning_rate=0.01, dropout=0.1),
        CNNClassifier((4,), width=4, norm="none", epochs=15, learning_rate=0.02),
        CNNClassifier(
            (4,),
            width=4,
            learning_rate=0.03,
            random_state=0,
            dp=DPSGD(noise_multiplier=0.05, steps=30, sampling_rate=0.5),
        ),
    ]
)
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return (rng.normal(size=(60, 50)) + rng.normal(size=(3, 50))[y]).astype(np.float32), y


def _slow_logits(x, model):
    """One sample through the network, in float64, one output at a time."""
    arrays = [array.astype(float) for array in model.parameters_.values()]
    signal, half = x.astype(float)[np.newaxis], model.width // 2
    per_layer = 4 if model.norm == "layer" else 2
    for layer in range(len(model.kernels)):
        kernels, bias = arrays[per_layer * layer : per_layer * layer + 2]
        padded = np.pad(signal, ((0, 0), (half, half)))
        starts = range(0, padded.shape[1] - model.width + 1, model.stride)
        signal = np.array(
            [
                [(kernel * padded[:, start : start + model.width]).sum() + b for start in starts]
                for kernel, b in zip(kernels, bias, strict=True)
            ]
        )
        if model.norm == "layer":
            gain, shift = arrays[per_layer * layer + 2 : per_layer * layer + 4]
            signal = (signal - signal.mean()) / np.sqrt(signal.var() + 1e-5) * gain[:, None] + shift[:, None]
        signal = np.maximum(signal, 0)
    length = signal.shape[1]
    positions = min(model.positions, length)
    bounds = [(i * length // positions, -(-(i + 1) * length // positions)) for i in range(positions)]
    pooled = np.array([[row[start:end].mean() for start, end in bounds] for row in signal])
    return arrays[-2] @ pooled.ravel() + arrays[-1]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"kernels": (3,), "width": 7, "stride": 3, "positions": 4},
        {"kernels": (3, 2), "width": 5, "stride": 2, "positions": 5, "norm": "none", "dropout": 0.3},
        {"kernels": (2, 2, 2), "width": 60, "stride": 50},
    ],
    ids=str,
)
def test_scores_are_those_of_a_slow_convolution(samples, parameters):
    X, y = samples
    model = CNNClassifier(**parameters, epochs=3, random_state=1).fit(X, y)
    expected = [_slow_logits(x, model) for x in X[:6]]
    np.testing.assert_allclose(model.decision_function(X[:6]), expected, atol=1e-4)
    assert np.ptp(expected, axis=0).min() > 0.01


def test_the_order_of_the_genes_matters(samples):
    X, y = samples
    model = CNNClassifier(epochs=3, random_state=1).fit(X, y)
    assert not np.allclose(model.decision_function(X), model.decision_function(X[:, ::-1]), atol=0.01)


def test_dropout_and_l2_change_training(samples):
    def weights(**parameters):
        fitted = CNNClassifier((4,), epochs=5, random_state=2, **parameters).fit(*samples)
        return np.concatenate([array.ravel() for array in fitted.parameters_.values() if array.ndim > 1])

    assert not np.array_equal(weights(), weights(dropout=0.5))
    assert np.linalg.norm(weights(weight_decay=1.0)) < np.linalg.norm(weights())


def test_twenty_thousand_genes_meet_few_parameters():
    X = np.random.default_rng(0).normal(size=(8, 20_000)).astype(np.float32)
    model = CNNClassifier(epochs=1, random_state=0).fit(X, np.arange(8) % 2)
    assert sum(array.size for array in model.parameters_.values()) < 12_000
