import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models.draws import (
    batch_order,
    dropout_mask,
    held_out_patients,
    initial_parameters,
    random_streams,
)
from genoaudit.models.mlp import MLPClassifier
from genoaudit.privacy.dpsgd import DPSGD

PRIVATE = DPSGD(noise_multiplier=1.0, steps=20)


@parametrize_with_checks(
    [
        MLPClassifier(),
        MLPClassifier((16, 8), dropout=0.2, optimizer="adam"),
        MLPClassifier(()),
        MLPClassifier(l1=1e-4, group_lasso=1e-4, early_stopping=0.2),
        MLPClassifier(dp=PRIVATE),
    ]
)
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
        ("l1", -1.0),
        ("group_lasso", -1.0),
        ("early_stopping", 1.0),
        ("patience", 0),
        ("dp", 8.0),
        ("warm_start", "yes"),
        ("random_state", "seed"),
    ],
)
def test_impossible_parameters_are_named(samples, parameter, value):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of MLPClassifier"):
        MLPClassifier(**{parameter: value}).fit(*samples)


def test_nesterov_needs_momentum(samples):
    with pytest.raises(ValueError, match="needs 'momentum' greater than 0"):
        MLPClassifier(nesterov=True, momentum=0.0).fit(*samples)


def _parameters(model):
    return np.concatenate([array.ravel() for array in (*model.coefs_, *model.intercepts_)])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_proximal_steps_follow_every_step_of_the_first_layer(samples, momentum):
    """A batch of everything and one step an epoch: the same descent written out, with both shrinkages by hand."""
    X, y = samples
    settings = {"hidden": (6,), "batch_size": 110, "epochs": 5, "momentum": momentum, "random_state": 1}
    rates = {"learning_rate": 0.1, "schedule": "cosine", "weight_decay": 0.01}
    penalties = {"l1": 0.1 * (1 - momentum), "group_lasso": (1 - momentum)}
    model = MLPClassifier(**settings, **rates, **penalties).fit(X, y)
    weights, biases = initial_parameters((300, 6, 4), random_streams(1).init)
    order = [batch_order(110, streams.order) for streams in [random_streams(1)] for _ in range(5)]
    parameters = [torch.tensor(p).double().requires_grad_() for p in (*weights, *biases)]
    velocity = [torch.zeros_like(p) for p in parameters]
    for epoch, rows in enumerate(order):
        rate = 0.1 * (1 + np.cos(np.pi * epoch / 5)) / 2
        W, V, b, c = parameters
        logits = (torch.tensor(X[rows]).double() @ W + b).relu() @ V + c
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y[rows])) + 0.005 * ((W**2).sum() + (V**2).sum())
        gradient = torch.autograd.grad(loss, parameters)
        for p, v, g in zip(parameters, velocity, gradient, strict=True):
            v.mul_(momentum).add_(g)
            p.data -= rate * v
        reach = rate / (1 - momentum)
        for gene in W.data:
            gene[:] = torch.sign(gene) * torch.clamp(gene.abs() - reach * penalties["l1"], min=0)
            norm = float(gene.norm())
            gene[:] = gene * max(0.0, 1 - reach * penalties["group_lasso"] / max(norm, 1e-300))
    np.testing.assert_allclose(model.coefs_[0], W.detach(), atol=1e-5)
    zero = (model.coefs_[0] == 0).all(axis=1)
    np.testing.assert_array_equal(zero, (W == 0).all(dim=1))
    assert 0 < zero.sum() < 300


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("penalty", ["l1", "group_lasso"])
def test_training_to_the_end_meets_the_optimality_conditions_of_the_penalised_loss(penalty, momentum):
    """Softmax regression is convex, so its subgradients say whether a point is the optimum, whoever found it."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, size=150)
    X = rng.normal(size=(150, 40)).astype(np.float32)
    X[:, :3] += np.eye(3)[y]
    settings = {"weight_decay": 0.0, "batch_size": 150, "momentum": momentum, "learning_rate": 0.4 * (1 - momentum)}
    model = MLPClassifier((), **settings, **{penalty: 0.05}, epochs=1500, random_state=0).fit(X, y)
    W = model.coefs_[0]
    gradient = X.T @ (model.predict_proba(X) - np.eye(3)[y]) / 150
    if penalty == "l1":
        assert np.abs(gradient[W == 0]).max() <= 0.05 + 1e-4
        np.testing.assert_allclose(gradient[W != 0], -0.05 * np.sign(W[W != 0]), atol=1e-4)
    else:
        norms = np.linalg.norm(W, axis=1, keepdims=True)
        zero = norms[:, 0] == 0
        assert np.linalg.norm(gradient[zero], axis=1).max() <= 0.05 + 1e-4
        np.testing.assert_allclose(gradient[~zero], -0.05 * W[~zero] / norms[~zero], atol=1e-4)
    used = np.flatnonzero((W != 0).any(axis=1))
    assert {0, 1, 2} <= set(used)
    assert len(used) < 30
    assert (MLPClassifier((), **settings, random_state=0).fit(X, y).coefs_[0] != 0).all()


def test_early_stopping_keeps_the_epoch_with_the_smallest_held_out_loss(samples):
    X, y = samples
    settings = {"hidden": (32,), "learning_rate": 0.05, "dropout": 0.2, "label_smoothing": 0.1, "random_state": 2}
    patients = np.arange(110) // 2
    y = y[patients * 2]  # one class per patient
    model = MLPClassifier(**settings, epochs=60, early_stopping=0.3, patience=4).fit(X, y, patients=patients)
    first = np.unique(patients, return_index=True)[1]
    out = np.isin(patients, held_out_patients(y[first], share=0.3, rng=random_streams(2).watch))
    assert len(model.loss_curve_) < 60

    def held_out_loss(epochs):
        """Train on the others alone for so many epochs: the same model, since the order is drawn for them alone."""
        shorter = MLPClassifier(**settings, epochs=epochs).fit(X[~out], y[~out])
        log_proba = shorter.predict_log_proba(X[out])
        target = np.eye(4)[y[out]] * 0.9 + 0.1 / 4
        return -(target * log_proba).sum(axis=1).mean(), shorter

    losses = [held_out_loss(epoch)[0] for epoch in range(1, len(model.loss_curve_) + 1)]
    best = int(np.argmin(losses)) + 1
    assert model.best_epoch_ == best == len(losses) - 4
    np.testing.assert_array_equal(_parameters(model), _parameters(held_out_loss(best)[1]))


def test_without_early_stopping_every_epoch_is_taken(samples):
    model = MLPClassifier(epochs=7, random_state=0).fit(*samples)
    assert model.best_epoch_ is None
    assert len(model.loss_curve_) == 7
    with pytest.raises(ConfigError, match="a class with at least 2 patients"):
        MLPClassifier(early_stopping=0.5).fit(samples[0][:2], [0, 1])


def test_hard_targets_are_the_labels_and_soft_ones_are_learnt(samples):
    X, y = samples
    settings = {"label_smoothing": 0.1, "random_state": 4, "epochs": 40}
    hard = MLPClassifier(**settings).fit(X, y, targets=np.eye(4)[y])
    np.testing.assert_allclose(_parameters(hard), _parameters(MLPClassifier(**settings).fit(X, y)), atol=1e-4)
    wanted = np.random.default_rng(0).dirichlet(np.ones(4), size=110)
    soft = MLPClassifier(epochs=400, learning_rate=0.05, weight_decay=0.0, random_state=4).fit(X, y, targets=wanted)
    np.testing.assert_allclose(soft.predict_proba(X), wanted, atol=0.02)


def test_a_warm_start_goes_on_from_the_parameters_on_fresh_numbers(samples):
    X, y = samples
    model = MLPClassifier(epochs=3, momentum=0.0, warm_start=True, random_state=5).fit(X, y)
    first, kept = model.coefs_[0], model.coefs_[0].copy()
    before = model.loss_curve_[-1]
    model.fit(X, y)
    np.testing.assert_array_equal(first, kept)  # arrays handed out earlier do not change
    assert model.loss_curve_[0] < before
    assert model.runs_ == 2
    model.set_params(learning_rate=1e-30).fit(X, y)
    assert model.runs_ == 3
    assert model.set_params(warm_start=False).fit(X, y).runs_ == 1


def test_private_runs_compose_and_never_repeat_a_draw(samples):
    X, y = samples
    dp = DPSGD(noise_multiplier=2.0, sampling_rate=1e-6, steps=1, patients=110)  # nobody is drawn: noise alone
    settings = {"momentum": 0.0, "weight_decay": 0.0, "learning_rate": 1e-6, "warm_start": True, "random_state": 6}
    model = MLPClassifier((8,), dp=dp, **settings).fit(X, y)
    one = _parameters(model)
    two = _parameters(model.fit(X, y))
    three = _parameters(model.fit(X, y))
    assert model.mechanisms_ == (dp.mechanism(110),) * 3
    assert model.delta_ == pytest.approx(1 / 1100)
    assert abs(np.corrcoef(two - one, three - two)[0, 1]) < 0.1


def test_a_run_with_dp_does_not_go_on_from_one_without(samples):
    X, y = samples
    for before, after in ((None, PRIVATE), (PRIVATE, None)):
        model = MLPClassifier(epochs=1, dp=before, warm_start=True, random_state=0).fit(X, y)
        with pytest.raises(ConfigError, match="cannot go on with dp after a run without, or the reverse"):
            model.set_params(dp=after).fit(X, y)
    for change in ({"hidden": (3,)}, {"layer_norm": True}):
        model = MLPClassifier(epochs=1, warm_start=True, random_state=0).fit(X, y)
        with pytest.raises(ConfigError, match="another 'hidden' or 'layer_norm'"):
            model.set_params(**change).fit(X, y)
    with pytest.raises(ConfigError, match="classes that the first run had no samples of"):
        MLPClassifier(epochs=1, warm_start=True, random_state=0).fit(X, y).fit(X, y + 1)


@pytest.mark.parametrize(
    "parameters",
    [{"mixup": 0.2}, {"class_weights": [1, 1, 1, 2]}, {"early_stopping": 0.1}, {"l1": 0.1}, {"group_lasso": 0.1}],
    ids=str,
)
def test_what_has_no_meaning_for_a_patient_does_not_go_with_dp(samples, parameters):
    with pytest.raises(ConfigError, match=f"^{next(iter(parameters))} does not go with dp: .*\\."):
        MLPClassifier(dp=PRIVATE, **parameters).fit(*samples)


def test_soft_labels_do_not_go_with_dp_nor_proximal_steps_with_adam(samples):
    with pytest.raises(ConfigError, match="targets do not go with dp"):
        MLPClassifier(dp=PRIVATE).fit(*samples, targets=np.eye(4)[samples[1]])
    with pytest.raises(ConfigError, match="l1 and group_lasso need optimizer='sgd'"):
        MLPClassifier(optimizer="adam", l1=0.1).fit(*samples)


def test_a_private_model_learns_where_there_is_enough_to_learn():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=1000)
    X = (rng.normal(size=(1000, 20)) + 2 * y[:, np.newaxis]).astype(np.float32)
    dp = DPSGD(noise_multiplier=1.0, sampling_rate=0.1, steps=60)
    model = MLPClassifier((8,), dp=dp, learning_rate=0.05, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    np.testing.assert_array_equal(_parameters(model), _parameters(MLPClassifier(**model.get_params()).fit(X, y)))
