import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.errors import ConfigError
from genoaudit.models.deepcc import DeepCCClassifier, gaussian_factors
from genoaudit.models.draws import batch_order, random_streams
from genoaudit.models.modules import glorot_uniform
from genoaudit.privacy.dpsgd import DPSGD

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


@parametrize_with_checks(
    [
        DeepCCClassifier((8, 4), adam_epochs=15, sgd_epochs=1, adam_rate=0.02, batch_size=7),
        DeepCCClassifier((8,), norm="layer", adam_epochs=20, adam_rate=0.01),
        DeepCCClassifier((8,), norm="none", adam_epochs=15, adam_rate=0.01, dropout=0),
    ]
)
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    y = np.arange(65) % 3
    return (rng.normal(size=(65, 40)) + rng.normal(size=(3, 40))[y]).astype(np.float32), y


def _selu(z):
    return SCALE * np.where(z > 0, z, ALPHA * np.expm1(np.minimum(z, 0)))


def test_one_step_of_the_layer_norm_arm_equals_plain_autograd(samples):
    X, y = samples
    model = DeepCCClassifier(
        (12, 7), norm="layer", adam_epochs=0, sgd_epochs=1, sgd_rate=0.5, batch_size=1000, random_state=4
    ).fit(X, y)
    streams = random_streams(4)
    shapes = [(12, 40), (7, 12), (3, 7)]
    W = [torch.tensor(glorot_uniform(s, streams.init), dtype=torch.float64, requires_grad=True) for s in shapes]
    b = [torch.zeros(s[0], dtype=torch.float64, requires_grad=True) for s in shapes]
    g = [torch.ones(s[0], dtype=torch.float64, requires_grad=True) for s in shapes[:2]]
    h = [torch.zeros(s[0], dtype=torch.float64, requires_grad=True) for s in shapes[:2]]
    order = batch_order(65, streams.order)
    a = torch.tensor(X[order], dtype=torch.float64)
    for layer in range(2):
        z = a @ W[layer].T + b[layer]
        z = SCALE * torch.where(z > 0, z, ALPHA * (torch.exp(z.clamp(max=0)) - 1))
        centred = z - z.mean(dim=1, keepdim=True)
        z = centred / torch.sqrt((centred**2).mean(dim=1, keepdim=True) + 1e-5) * g[layer] + h[layer]
        drawn = streams.masks.standard_normal(tuple(z.shape), dtype=np.float32)
        a = z * (1 + np.sqrt(0.4 / 0.6) * torch.tensor(drawn))
    logits = a @ W[2].T + b[2]
    loss = (torch.logsumexp(logits, dim=1) - logits[torch.arange(65), torch.tensor(y[order])]).mean()
    loss.backward()
    expected = [p for layer in range(2) for p in (W[layer], b[layer], g[layer], h[layer])] + [W[2], b[2]]
    np.testing.assert_allclose(model.loss_curve_, [loss.item()], rtol=1e-5)
    for found, start in zip(model.parameters_.values(), expected, strict=True):
        np.testing.assert_allclose(found, (start - 0.5 * start.grad).detach().numpy(), atol=1e-5)
        assert start.grad.abs().max() > 1e-3


def test_batch_norm_scores_by_running_moments(samples):
    X, y = samples
    model = DeepCCClassifier((12, 7), adam_epochs=4, sgd_epochs=1, batch_size=16, random_state=5).fit(X, y)
    a, arrays = X.astype(float), {name: array.astype(float) for name, array in model.parameters_.items()}
    for place in (0, 4):
        weight, bias = (arrays[f"{place}.{kind}"] for kind in ("weight", "bias"))
        gain, shift, mean, var = (
            arrays[f"{place + 2}.{kind}"] for kind in ("weight", "bias", "running_mean", "running_var")
        )
        a = (_selu(a @ weight.T + bias) - mean) / np.sqrt(var + 1e-5) * gain + shift
    expected = a @ arrays["8.weight"].T + arrays["8.bias"]
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-4)
    assert model.parameters_["2.num_batches_tracked"] == 5 * 4  # 65 samples in batches of 16: the odd one joins


def test_a_single_leftover_sample_joins_the_batch_before(samples):
    X, y = samples
    DeepCCClassifier((6,), adam_epochs=2, batch_size=64, random_state=0).fit(X, y)
    with pytest.raises(ConfigError, match="batch_size of at least 2, found 1"):
        DeepCCClassifier((6,), batch_size=1).fit(X, y)


def test_gaussian_dropout_has_mean_one_and_the_variance_of_dropout():
    factors = gaussian_factors((400, 500), dropout=0.4, rng=np.random.default_rng(0))
    assert factors.dtype == np.float32
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.var() == pytest.approx(0.4 / 0.6, rel=0.02)


def test_both_phases_train(samples):
    def weights(**epochs):
        fitted = DeepCCClassifier((6,), **epochs, random_state=1).fit(*samples)
        assert len(fitted.loss_curve_) == sum(epochs.values())
        return fitted.parameters_["0.weight"]

    adam, both = weights(adam_epochs=2, sgd_epochs=0), weights(adam_epochs=2, sgd_epochs=1)
    assert 0 < np.abs(both - adam).max() < 1e-3
    with pytest.raises(ConfigError, match="adam_epochs and sgd_epochs are both 0"):
        weights(adam_epochs=0, sgd_epochs=0)


def test_batch_norm_is_refused_under_dp_with_the_alternative(samples):
    with pytest.raises(ConfigError, match=r"norm='batch' does not go with dp.*Use norm='layer' or norm='none'"):
        DeepCCClassifier(dp=DPSGD(epsilon=8)).fit(*samples)
