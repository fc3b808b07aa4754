import numpy as np
import pytest
import torch
from torch import nn

from genoaudit.errors import TrainingError
from genoaudit.models.cnn import CNNClassifier
from genoaudit.models.deepcc import DeepCCClassifier
from genoaudit.models.deeptype import DeepTypeClassifier
from genoaudit.models.modules import RandomFactors, glorot_uniform, he_normal, initial_arrays, shuffled_batches
from genoaudit.privacy.dpsgd import DPSGD

CLASSIFIERS = [
    CNNClassifier((4,), width=6, epochs=15, dropout=0.2, learning_rate=0.01, random_state=3),
    DeepTypeClassifier((128, 64), supervised_steps=100, joint_steps=40, refresh=15, learning_rate=0.01, random_state=3),
    DeepCCClassifier((32, 10), adam_epochs=15, sgd_epochs=2, batch_size=32, adam_rate=0.01, random_state=3),
]
PRIVATE = [
    CNNClassifier((4,), width=6, dropout=0.2, learning_rate=0.01, random_state=3),
    DeepTypeClassifier((16,), group_lasso=0.0, kmeans=0.0, learning_rate=0.01, random_state=3),
    DeepCCClassifier((16, 8), norm="layer", adam_rate=0.01, random_state=3),
]


def _named(models):
    return pytest.mark.parametrize("model", models, ids=lambda model: type(model).__name__)


@pytest.fixture(scope="module")
def samples():
    """160 samples of 120 genes in 3 planted classes, neighbouring genes alike."""
    rng = np.random.default_rng(0)
    y = np.arange(160) % 3
    X = rng.normal(size=(160, 120)) + 1.5 * rng.normal(size=(3, 12)).repeat(10, axis=1)[y]
    return X.astype(np.float32), y


def _copy(model, **changed):
    return type(model)(**{**model.get_params(), **changed})


@_named(CLASSIFIERS)
def test_a_planted_problem_is_learnt(model, samples):
    X, y = samples
    fitted = _copy(model).fit(X[:110], y[:110])
    assert fitted.score(X[110:], y[110:]) > 0.9
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0] or isinstance(model, DeepTypeClassifier)
    assert (fitted.mechanisms_, fitted.delta_, fitted.releasable_) == ((), None, False)


@_named(CLASSIFIERS)
def test_the_same_random_state_gives_the_same_bits_and_another_does_not(model, samples):
    first, again, other = (
        np.concatenate([array.ravel() for array in _copy(model, random_state=seed).fit(*samples).parameters_.values()])
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@_named(CLASSIFIERS)
def test_global_state_is_left_alone_and_does_not_matter(model, samples):
    expected = _copy(model).fit(*samples).decision_function(samples[0])
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        fitted = _copy(model).fit(*samples, patients=np.arange(160) // 2)
        assert not torch.is_grad_enabled()
    np.testing.assert_array_equal(fitted.decision_function(samples[0]), expected)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@_named(CLASSIFIERS)
def test_a_score_does_not_depend_on_the_other_samples(model, samples):
    fitted = _copy(model).fit(*samples)
    X = np.tile(samples[0], (4, 1)) * np.linspace(0.5, 2, 640, dtype=np.float32)[:, np.newaxis]
    together = fitted.decision_function(X)
    for rows in ([3], [500, 2], np.random.default_rng(0).permutation(len(X))[:301]):
        np.testing.assert_array_equal(fitted.decision_function(X[rows]), together[rows])


@_named(CLASSIFIERS)
def test_fitted_state_holds_arrays_and_numbers_only(model, samples):
    fitted = _copy(model).fit(*samples)
    assert {type(array) for array in fitted.parameters_.values()} == {np.ndarray}
    assert {type(loss) for loss in fitted.loss_curve_} == {float}
    assert not any(isinstance(value, torch.Tensor | nn.Module) for value in vars(fitted).values())


@pytest.mark.parametrize(
    ("model", "key"),
    [(CLASSIFIERS[0], "learning_rate"), (CLASSIFIERS[1], "learning_rate"), (CLASSIFIERS[2], "adam_rate")],
    ids=["cnn", "deeptype", "deepcc"],
)
def test_divergence_is_an_error_with_advice(model, key, samples):
    with pytest.raises(TrainingError, match=r"(loss is (nan|inf)|weights are not finite).*Lower the learning rate"):
        _copy(model, **{key: 1e38}).fit(samples[0] * 1e30, samples[1])


@_named(PRIVATE)
def test_private_training_records_its_mechanism_and_keeps_no_losses(model, samples):
    dp = DPSGD(noise_multiplier=0.5, sampling_rate=0.3, steps=15, clip=1.0)
    fitted = _copy(model, dp=dp).fit(*samples, patients=np.arange(160) // 2)
    (mechanism,) = fitted.mechanisms_
    assert (mechanism.patients, mechanism.steps, mechanism.noise_multiplier) == (80, 15, 0.5)
    assert fitted.delta_ == pytest.approx(1 / 800)
    assert fitted.loss_curve_ == []
    assert not fitted.releasable_
    assert _copy(model, dp=dp, random_state=None).fit(*samples).releasable_
    again = _copy(model, dp=dp).fit(*samples, patients=np.arange(160) // 2)
    np.testing.assert_array_equal(fitted.decision_function(samples[0]), again.decision_function(samples[0]))


@_named(PRIVATE)
def test_with_next_to_no_noise_private_training_learns(model, samples):
    X, y = samples
    dp = DPSGD(noise_multiplier=0.01, sampling_rate=0.5, steps=80, clip=1.0)
    assert _copy(model, dp=dp).fit(X[:110], y[:110]).score(X[110:], y[110:]) > 0.8


@_named(PRIVATE)
def test_one_private_step_moves_by_the_clipped_sum_over_patients(model, samples):
    """A patient with many samples moves the model no more than one with a single sample."""
    X, y = samples
    dp = DPSGD(noise_multiplier=0.0, sampling_rate=1.0, steps=1, clip=1e-3, patients=10)

    class Plain(type(model)):
        def _optimizer(self, network):
            return torch.optim.SGD(network.parameters(), lr=1.0)

    changed = {"dropout": 0.0} if "dropout" in model.get_params() else {}
    for rows in (1, 10):
        start = Plain(**{**model.get_params(), **changed, "dp": DPSGD(noise_multiplier=0, steps=1, clip=1e-30)})
        moved = Plain(**{**model.get_params(), **changed, "dp": dp})
        X_own, y_own, owner = X[: rows + 1], y[: rows + 1], np.r_[np.zeros(rows, int), 1]
        start.fit(X_own, y_own, patients=owner)
        moved.fit(X_own, y_own, patients=owner)
        step = [moved.parameters_[name] - start.parameters_[name] for name in moved.parameters_]
        length = np.sqrt(sum((part.astype(float) ** 2).sum() for part in step))
        assert 0 < length <= 2 * 1e-3 / 10 * 1.01


def test_initial_weights_have_their_published_variance():
    rng = np.random.default_rng(1)
    he, glorot = he_normal((200, 10, 20), rng), glorot_uniform((300, 500), rng)
    assert he.var() == pytest.approx(2 / 200, rel=0.03)
    assert glorot.var() == pytest.approx(2 / 800, rel=0.03)
    assert np.abs(glorot).max() <= np.sqrt(6 / 800)
    assert he.dtype == glorot.dtype == np.float32


def test_initial_arrays_draw_matrices_and_leave_the_rest_neutral():
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    arrays = initial_arrays(network, he_normal, np.random.default_rng(0))
    assert list(arrays) == list(network.state_dict())
    neutral = {"0.bias": 0, "1.weight": 1, "1.bias": 0, "1.running_mean": 0, "1.running_var": 1}
    assert all((arrays[name] == value).all() for name, value in neutral.items())
    assert arrays["0.weight"].std() > 0
    assert arrays["1.num_batches_tracked"].dtype == np.int64


def test_batches_visit_every_sample_once_and_none_is_too_small():
    for samples, smallest in ((9, 1), (9, 2), (8, 2), (3, 2), (4, 1)):
        batches = shuffled_batches(samples, 4, np.random.default_rng(0), smallest=smallest)
        assert sorted(np.concatenate(batches)) == list(range(samples))
        assert min(map(len, batches)) >= smallest


def test_random_factors_act_in_training_alone():
    layer = RandomFactors(lambda shape: np.full(shape, 3.0, dtype=np.float32))
    assert layer.train()(torch.ones(2, 2)).tolist() == [[3.0, 3.0]] * 2
    assert layer.eval()(torch.ones(2, 2)).tolist() == [[1.0, 1.0]] * 2


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (CNNClassifier((0,)), "kernels"),
        (CNNClassifier(()), "kernels"),
        (CNNClassifier(stride=0), "stride"),
        (CNNClassifier(norm="batch"), "norm"),
        (CNNClassifier(dp=8.0), "dp"),
        (DeepTypeClassifier(()), "hidden"),
        (DeepTypeClassifier((True,)), "hidden"),
        (DeepTypeClassifier(kmeans=-1), "kmeans"),
        (DeepCCClassifier((2.5,)), "hidden"),
        (DeepCCClassifier(dropout=1.0), "dropout"),
    ],
    ids=str,
)
def test_impossible_parameters_are_named(model, name, samples):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {type(model).__name__}"):
        model.fit(*samples)
