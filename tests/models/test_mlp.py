import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.errors import TrainingError
from genoaudit.models.mlp import (
    MLPClassifier,
    batch_order,
    dropout_mask,
    initial_parameters,
    random_streams,
)


@parametrize_with_checks([MLPClassifier(), MLPClassifier((16, 8), dropout=0.2, optimizer="adam"), MLPClassifier(())])
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def samples():
    """110 samples of 300 genes in 4 overlapping classes, rows of squared length about 100."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=110)
    X = rng.normal(size=(110, 300)) + rng.normal(scale=0.7, size=(4, 300))[y]
    return (X * 10 / np.sqrt(300)).astype(np.float32), y


def _oracle_logits(X, y, model):
    """Train in float64 with gradients written out by hand, given the draws of `model`; return logits of `X`."""
    streams = random_streams(model.random_state)
    classes = y.max() + 1
    weights, biases = initial_parameters((X.shape[1], *model.hidden, classes), streams.init)
    X, parameters = X.astype(float), [p.astype(float) for layer in zip(weights, biases, strict=True) for p in layer]
    first, second, step = [0.0] * len(parameters), [0.0] * len(parameters), 0
    for _ in range(model.epochs):
        order = batch_order(len(X), streams.order)
        for rows in np.split(order, range(model.batch_size, len(X), model.batch_size)):
            step += 1
            inputs, gates = [X[rows]], []
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                gate = (inputs[-1] @ W + b > 0).astype(float)
                if model.dropout:
                    gate *= dropout_mask(*gate.shape, dropout=model.dropout, rng=streams.masks)
                inputs.append((inputs[-1] @ W + b) * gate)
                gates.append(gate)
            z = inputs[-1] @ parameters[-2] + parameters[-1]
            proba = np.exp(z - z.max(axis=1, keepdims=True))
            proba /= proba.sum(axis=1, keepdims=True)
            target = np.eye(classes)[y[rows]] * (1 - model.label_smoothing) + model.label_smoothing / classes
            delta, gradients = (proba - target) / len(rows), []
            for layer in reversed(range(len(inputs))):
                gradients[:0] = [
                    inputs[layer].T @ delta + model.weight_decay * parameters[2 * layer],
                    delta.sum(axis=0),
                ]
                if layer:
                    delta = delta @ parameters[2 * layer].T * gates[layer - 1]
            for i, g in enumerate(gradients):
                if model.optimizer == "adam":
                    first[i] = 0.9 * first[i] + 0.1 * g
                    second[i] = 0.999 * second[i] + 0.001 * g**2
                    move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                else:
                    first[i] = model.momentum * first[i] + g
                    move = g + model.momentum * first[i] if model.nesterov else first[i]
                parameters[i] -= model.learning_rate * move
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        X = np.maximum(X @ W + b, 0)
    return X @ parameters[-2] + parameters[-1]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"nesterov": True},
        {"momentum": 0.0, "learning_rate": 0.1},
        {"weight_decay": 0.1},
        {"dropout": 0.4},
        {"label_smoothing": 0.2},
        {"hidden": (32, 16), "dropout": 0.25},
        {"hidden": ()},
        {"hidden": (), "dropout": 0.5},
        {"optimizer": "adam", "learning_rate": 1e-3},
        {"batch_size": 1000, "learning_rate": 0.05},
    ],
    ids=str,
)
def test_training_equals_hand_written_gradient_descent_on_the_same_draws(samples, parameters):
    X, y = samples
    model = MLPClassifier(**{"hidden": (32,), "batch_size": 32, "random_state": 5, **parameters}).fit(X, y)
    logits = model.decision_function(X)
    np.testing.assert_allclose(logits, _oracle_logits(X, y, model), atol=1e-4)
    # A dead or untrained network would agree with anything.
    assert np.abs(logits).max() > 1
    assert model.score(X, y) > 0.6
    assert all(np.abs(bias).max() > 0 for bias in model.intercepts_)


def test_initial_weights_are_gaussian_with_variance_two_over_fan_in():
    weights, biases = initial_parameters((2_000, 100, 7), np.random.default_rng(1))
    for weight, fan_in in zip(weights, (2_000, 100), strict=True):
        assert weight.dtype == np.float32
        standardised = weight.ravel().astype(np.float64) / np.sqrt(2 / fan_in)
        tolerance = 4 / np.sqrt(weight.size)
        assert abs(standardised.mean()) < tolerance
        assert abs((standardised**2).mean() - 1) < np.sqrt(2) * tolerance
        assert abs((standardised**4).mean() - 3) < np.sqrt(96) * tolerance
    assert [bias.shape for bias in biases] == [(100,), (7,)]
    assert not any(bias.any() for bias in biases)


def test_dropout_mask_keeps_the_expectation():
    mask = dropout_mask(400, 500, dropout=0.3, rng=np.random.default_rng(2))
    assert mask.dtype == np.float32
    np.testing.assert_allclose(np.unique(mask), [0, 1 / 0.7], rtol=1e-6)
    np.testing.assert_allclose((mask == 0).mean(), 0.3, atol=0.005)


def test_batch_order_visits_every_sample_once():
    rng = np.random.default_rng(3)
    orders = [batch_order(50, rng) for _ in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_streams_do_not_move_each_other():
    untouched, read = random_streams(4), random_streams(4)
    read.init.standard_normal(1000)
    read.masks.random(1000)
    np.testing.assert_array_equal(untouched.order.permutation(100), read.order.permutation(100))
    fresh = random_streams(4)
    draws = {stream.integers(2**63) for stream in (fresh.init, fresh.order, fresh.masks)}
    assert len(draws) == 3


def test_same_random_state_gives_the_same_bits_and_another_does_not(samples):
    def parameters(random_state):
        model = MLPClassifier(dropout=0.3, epochs=3, random_state=random_state).fit(*samples)
        return np.concatenate([array.ravel() for array in (*model.coefs_, *model.intercepts_)])

    np.testing.assert_array_equal(parameters(6), parameters(6))
    assert not np.array_equal(parameters(6), parameters(7))


def test_training_leaves_global_state_alone_and_ignores_it(samples):
    expected = MLPClassifier(dropout=0.3, epochs=2, random_state=8).fit(*samples).decision_function(samples[0])
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    with torch.no_grad():
        model = MLPClassifier(dropout=0.3, epochs=2, random_state=8).fit(*samples)
        assert not torch.is_grad_enabled()
    np.testing.assert_array_equal(model.decision_function(samples[0]), expected)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert (torch.get_default_dtype(), torch.get_num_threads()) == (torch.float32, threads)


def test_scoring_is_the_plain_forward_pass_without_dropout(samples):
    X, y = samples
    model = MLPClassifier((32, 16), dropout=0.5, random_state=9).fit(X, y)
    activation = X.astype(np.float64)
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        activation = np.clip(activation @ W + b, 0, None)
    expected = activation @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), expected.argmax(axis=1))
    proba = model.predict_proba(X)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)


def test_score_of_a_sample_does_not_depend_on_the_others(samples):
    X = np.tile(samples[0], (5, 1)) * np.linspace(0.5, 2, 550, dtype=np.float32)[:, np.newaxis]
    model = MLPClassifier(epochs=2, random_state=10).fit(*samples)
    together = model.decision_function(X)
    for rows in ([3], [500, 2], np.random.default_rng(0).permutation(len(X))[:301]):
        np.testing.assert_array_equal(model.decision_function(X[rows]), together[rows])


def test_two_classes_have_one_dimensional_decisions(samples):
    X, y = samples
    model = MLPClassifier(epochs=3, random_state=11).fit(X, y > 1)
    decision, log_proba = model.decision_function(X), model.predict_log_proba(X)
    np.testing.assert_allclose(decision, log_proba[:, 1] - log_proba[:, 0], atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), decision > 0)


def test_log_probability_stays_finite_where_the_probability_underflows(samples):
    X, y = samples
    model = MLPClassifier(epochs=3, random_state=12).fit(X, y)
    model.coefs_[-1] = model.coefs_[-1] * np.float32(1e4)
    assert (model.predict_proba(X) == 0).any()
    assert np.isfinite(model.predict_log_proba(X)).all()


def test_fitted_state_holds_arrays_and_numbers_only(samples):
    model = MLPClassifier(epochs=2, random_state=13).fit(*samples)
    assert {type(array) for array in (*model.coefs_, *model.intercepts_)} == {np.ndarray}
    assert {type(loss) for loss in model.loss_curve_} == {float}
    assert not any(isinstance(value, torch.Tensor | torch.optim.Optimizer) for value in vars(model).values())


def test_loss_curve_is_the_mean_loss_before_each_step(samples):
    X, y = samples
    model = MLPClassifier(epochs=1, batch_size=len(X), random_state=14).fit(X, y)
    W, b = initial_parameters((300, 128, 4), random_streams(14).init)
    logits = np.maximum(X @ W[0] + b[0], 0) @ W[1] + b[1]
    expected = (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean()
    np.testing.assert_allclose(model.loss_curve_, [expected], rtol=1e-5)
    longer = MLPClassifier(random_state=14).fit(X, y)
    assert len(longer.loss_curve_) == 20
    assert longer.loss_curve_[-1] < longer.loss_curve_[0] / 2


@pytest.mark.parametrize(
    ("epochs", "found"),
    [(5, "the training loss is (nan|inf) in epoch 2 of 5"), (1, "weights are not finite in epoch 1")],
)
def test_divergence_is_an_error_with_advice(samples, epochs, found):
    X, y = samples
    model = MLPClassifier(learning_rate=1e30, weight_decay=1e-30, epochs=epochs, batch_size=len(X), random_state=15)
    with pytest.raises(TrainingError, match=found + r".*Lower learning_rate \(now 1e\+30\)"):
        model.fit(X * (1e10 if epochs == 1 else 1.0), y)


def test_one_class_cannot_be_trained(samples):
    with pytest.raises(ValueError, match="at least 2 classes, got 1 class"):
        MLPClassifier().fit(samples[0], np.zeros(110))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("hidden", "abc"),
        ("hidden", 128),
        ("hidden", (128, 0)),
        ("hidden", (12.5,)),
        ("hidden", [True]),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("weight_decay", -1e-3),
        ("label_smoothing", 1.0),
        ("optimizer", "rmsprop"),
        ("learning_rate", -1),
        ("learning_rate", float("nan")),
        ("momentum", 1.0),
        ("nesterov", "yes"),
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch_size", 0),
        ("random_state", "seed"),
    ],
)
def test_impossible_parameters_are_named(samples, parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of MLPClassifier"):
        MLPClassifier(**{parameter: value}).fit(*samples)


def test_nesterov_needs_momentum(samples):
    with pytest.raises(ValueError, match="needs 'momentum' greater than 0"):
        MLPClassifier(nesterov=True, momentum=0.0).fit(*samples)
