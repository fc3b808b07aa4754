import numpy as np
import pytest
import torch

from genoaudit.errors import ConfigError
from genoaudit.models.mlp import MLPClassifier
from genoaudit.reconstruction.network import Gradient, Network, backpropagate


def by_autograd(network, X, y):
    """The gradient of the summed loss as torch gives it."""
    weights = [torch.tensor(w, requires_grad=True) for w in network.weights]
    biases = [torch.tensor(b, requires_grad=True) for b in network.biases]
    activation = torch.tensor(np.asarray(X, dtype=np.float64))
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        activation = (activation if layer == 0 else activation.relu()) @ w + b
    torch.nn.functional.cross_entropy(activation, torch.tensor(y), reduction="sum").backward()
    return Gradient(tuple(w.grad.numpy() for w in weights), tuple(b.grad.numpy() for b in biases))


def flat(gradient):
    return np.concatenate([part.ravel() for part in (*gradient.weights, *gradient.biases)])


@pytest.mark.parametrize("widths", [(150, 3), (150, 20, 3), (150, 20, 10, 3)])
def test_the_gradient_is_that_of_autograd(profiles, rng, widths):
    X, y = profiles
    network = Network.fresh(widths, rng)
    ours = backpropagate(network, X, y).gradient(np.ones(len(X)))
    np.testing.assert_allclose(flat(ours), flat(by_autograd(network, X, y)), rtol=1e-9, atol=1e-11)


def test_norms_of_patients_and_inner_products_need_no_gradients_of_patients(profiles, network, rng):
    X, y = profiles
    patients = np.repeat(np.arange(8), 3)
    passes = backpropagate(network, X, y)
    direction = backpropagate(network, rng.normal(size=(1, 150)), [1]).gradient(np.ones(1))
    single = np.array([flat(by_autograd(network, X[[i]], y[[i]])) for i in range(24)])
    slow_norms = [np.linalg.norm(single[patients == p].sum(axis=0)) for p in range(8)]
    np.testing.assert_allclose(passes.patient_norms(patients), slow_norms, rtol=1e-9)
    np.testing.assert_allclose(passes.along(direction), single @ flat(direction), rtol=1e-8, atol=1e-10)
    assert direction.norm == pytest.approx(np.linalg.norm(flat(direction)))


def test_a_fitted_perceptron_becomes_the_network_it_is(profiles):
    X, y = profiles
    model = MLPClassifier((8,), epochs=2, random_state=0).fit(X, y)
    logits = Network.fitted(model).logits(np.asarray(X, dtype=np.float32))
    np.testing.assert_allclose(logits, model.decision_function(X), rtol=1e-4, atol=1e-5)


def test_layer_norm_is_refused(profiles):
    model = MLPClassifier((8,), layer_norm=True, epochs=1, random_state=0).fit(*profiles)
    with pytest.raises(ConfigError, match="layer norm"):
        Network.fitted(model)


def test_what_does_not_fit_is_refused(network, profiles):
    X, y = profiles
    with pytest.raises(ConfigError, match="that fit"):
        Network((np.ones((3, 2)), np.ones((3, 2))), (np.ones(2), np.ones(2)))
    with pytest.raises(ConfigError, match="150 genes"):
        backpropagate(network, X[:, :9], y)
    with pytest.raises(ConfigError, match="from 0 to 2"):
        backpropagate(network, X, y + 1)


def test_the_difference_of_gradients_is_taken_part_by_part(network, profiles):
    gradient = backpropagate(network, *profiles).gradient(np.ones(24))
    assert gradient.minus(gradient).norm == 0
