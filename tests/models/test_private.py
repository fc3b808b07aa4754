"""DP-SGD against a slow oracle: one patient at a time, plain autograd in float64, no Opacus."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, layer_norm

from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models import private
from genoaudit.models.draws import (
    dropout_mask,
    initial_parameters,
    poisson_patients,
    private_noise,
    random_streams,
)
from genoaudit.models.entropy import SeededDraws
from genoaudit.models.mlp import MLPClassifier, learning_rates
from genoaudit.models.private import train_privately
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism


@pytest.fixture(scope="module")
def cohort():
    """20 patients with 1 to 10 samples of 60 genes in 3 overlapping classes, in no order."""
    rng = np.random.default_rng(0)
    patients = rng.permutation(np.repeat(np.arange(20), np.resize(np.arange(1, 11), 20)))
    y = rng.integers(0, 3, size=20)[patients]
    X = (rng.normal(size=(len(y), 60)) + rng.normal(size=(3, 60))[y]) * 10 / np.sqrt(60)
    return X.astype(np.float32), y, patients


def _forward(parameters, depth, X, masks, *, layers_normed):
    weights, biases = parameters[:depth], parameters[depth : 2 * depth]
    gains, shifts = parameters[2 * depth : 3 * depth - 1], parameters[3 * depth - 1 :]
    for layer in range(depth - 1):
        X = X @ weights[layer].T + biases[layer]
        if layers_normed:
            X = layer_norm(X, gains[layer].shape, gains[layer], shifts[layer])
        X = X.clamp(min=0) * (masks[layer] if masks else 1)
    return X @ weights[-1].T + biases[-1]


def _oracle(model, X, y, patients):
    """Train in float64 on the draws of `model`; return logits and how many patients were clipped, and empty steps."""
    dp, streams, classes = model.dp, random_streams(model.random_state), y.max() + 1
    weights, biases = initial_parameters((X.shape[1], *model.hidden, classes), streams.init)
    units = model.hidden if model.layer_norm else ()
    arrays = [*(w.T for w in weights), *biases, *(np.ones(u) for u in units), *(np.zeros(u) for u in units)]
    parameters = [torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True) for a in arrays]
    moments = [[torch.zeros_like(p), torch.zeros_like(p)] for p in parameters]
    X, y, depth = torch.tensor(X, dtype=torch.float64), torch.tensor(y), len(weights)
    N, clipped, empty = len(np.unique(patients)), 0, 0
    later = [p.numel() for p in parameters[1:]]
    for step, rate in enumerate(learning_rates(model.learning_rate, model.schedule, dp.steps), start=1):
        drawn = poisson_patients(N, rate=dp.sampling_rate, rng=streams.coins)
        rows = [row for row in range(len(y)) if drawn[patients[row]]]
        masks = []
        if model.dropout:
            sizes = [(len(rows), u) for u in model.hidden]
            masks = [torch.tensor(dropout_mask(*s, dropout=model.dropout, rng=streams.masks)).double() for s in sizes]
        total = [torch.zeros_like(p) for p in parameters]
        for patient in np.flatnonzero(drawn):
            of_rows = [place for place, row in enumerate(rows) if patients[row] == patient]
            own = [rows[place] for place in of_rows]
            logits = _forward(parameters, depth, X[own], [m[of_rows] for m in masks], layers_normed=model.layer_norm)
            loss = cross_entropy(logits, y[own], reduction="sum", label_smoothing=model.label_smoothing)
            gradient = torch.autograd.grad(loss, parameters)
            norm = float(torch.cat([g.flatten() for g in gradient]).norm())
            clipped += norm > dp.clip
            for t, g in zip(total, gradient, strict=True):
                t.add_(g, alpha=min(1.0, dp.clip / norm))
        empty += not drawn.any()
        first, others = private_noise(X.shape[1], len(parameters[0]), sum(later), streams.noise)
        pieces = [first.T, *np.split(others, np.cumsum(later)[:-1])]
        for i, (p, t, noise) in enumerate(zip(parameters, total, pieces, strict=True)):
            fresh = torch.tensor(noise.reshape(p.shape), dtype=torch.float64) * dp.noise_multiplier * dp.clip
            g = (t + fresh) / (dp.sampling_rate * N) + (model.weight_decay * p.detach() if i < depth else 0)
            one, two = moments[i]
            if model.optimizer == "adam":
                one.mul_(0.9).add_(0.1 * g)
                two.mul_(0.999).add_(0.001 * g**2)
                move = one / (1 - 0.9**step) / ((two / (1 - 0.999**step)).sqrt() + 1e-8)
            else:
                one.mul_(model.momentum).add_(g)
                move = g + model.momentum * one if model.nesterov else one
            p.data -= rate * move
    logits = _forward(parameters, depth, X, [], layers_normed=model.layer_norm).detach().numpy()
    return logits, clipped, empty


SETTINGS = {
    "defaults": {},
    "softmax regression": {"hidden": ()},
    "three layers": {"hidden": (24, 20), "learning_rate": 0.02},
    "layer norm and dropout": {"layer_norm": True, "dropout": 0.3, "hidden": (24, 16)},
    "nesterov, cosine, smoothing, L2": {
        "nesterov": True,
        "schedule": "cosine",
        "label_smoothing": 0.2,
        "weight_decay": 0.1,
    },
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
}


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("several", [True, False], ids=["1 to 10 samples", "one sample"])
@pytest.mark.parametrize("case", SETTINGS)
def test_training_equals_the_oracle_on_the_same_draws(cohort, case, several, noise):
    X, y, patients = cohort if several else (cohort[0][:40], cohort[1][:40], np.arange(40))
    dp = DPSGD(noise_multiplier=noise, clip=1.5, sampling_rate=0.1 if several else 0.05, steps=60)
    parameters = {"hidden": (24,), "learning_rate": 0.05, "random_state": 1, **SETTINGS[case]}
    model = MLPClassifier(**parameters, dp=dp).fit(X, y, patients=patients * 3 + 5)
    expected, clipped, empty = _oracle(model, X, y, patients)
    found = model._logits(X)
    # A dead network would agree with anything; each of 60 steps is empty with a chance of one in eight.
    assert np.abs(expected).max() > 1
    assert clipped > 10
    assert empty >= 1
    if noise == 0:
        assert (expected.argmax(axis=1) == y).mean() > 0.6
    np.testing.assert_allclose(found, expected, atol=3e-4 * np.abs(expected).max())


@pytest.mark.parametrize("most", [1, 7, 12])
def test_cutting_a_batch_into_pieces_changes_nothing(cohort, monkeypatch, most):
    X, y, patients = cohort

    def logits():
        dp = DPSGD(noise_multiplier=0.5, sampling_rate=0.5, steps=5)
        model = MLPClassifier((8,), dropout=0.2, dp=dp, random_state=2)
        return model.fit(X, y, patients=patients).decision_function(X)

    whole = logits()
    monkeypatch.setattr(private, "_PIECE", most * 4 * (60 * 8 + 8 + 8 * 3 + 3))
    np.testing.assert_allclose(logits(), whole, atol=1e-5)


@pytest.mark.parametrize("most", [1, 3, 10, 1000])
def test_pieces_are_whole_patients_and_as_large_as_allowed(cohort, most):
    patients = cohort[2]
    rows = np.flatnonzero(patients % 3 > 0)
    pieces = list(private._pieces(rows, patients, most=most))
    assert sorted(np.concatenate(pieces).tolist()) == rows.tolist()
    owners = [set(patients[piece].tolist()) for piece in pieces]
    assert sum(map(len, owners)) == len(set.union(*owners))
    assert all(len(piece) <= most or len(own) == 1 for piece, own in zip(pieces, owners, strict=True))
    assert all(len(one) + len(two) > most for one, two in pairwise(pieces))
    assert list(private._pieces(rows[:0], patients, most=most)) == []


def _one_step(X, y, patients, *, everybody, clip):
    dp = DPSGD(noise_multiplier=0.0, clip=clip, sampling_rate=1.0, steps=1, patients=everybody)
    model = MLPClassifier((16,), layer_norm=True, weight_decay=0.0, learning_rate=1.0, dp=dp, random_state=3)
    model.fit(X, y, patients=patients)
    norms = [array for pair in model.norms_ for array in pair]
    return np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_, *norms)]).astype(np.float64)


@pytest.mark.parametrize("clip", [0.1, 1.0, 5.0])
def test_a_patient_moves_the_model_no_more_than_the_clip_however_many_samples(cohort, clip):
    X, y, patients = cohort
    sizes = np.bincount(patients)

    def moved(patient, clip):
        others = patients != patient
        without = _one_step(X[others], y[others], patients[others], everybody=20, clip=clip)
        return 20 * np.linalg.norm(_one_step(X, y, patients, everybody=20, clip=clip) - without)

    one, ten = int(np.flatnonzero(sizes == 1)[0]), int(np.flatnonzero(sizes == 10)[0])
    assert moved(ten, 1e6) > 5
    for patient in (one, ten):
        assert moved(patient, clip) == pytest.approx(min(clip, moved(patient, 1e6)), rel=1e-3)


def _noise_alone(random_state, *, q=1e-6):
    """Take two steps in which nobody is drawn; return what they add to every parameter, in units of its deviation."""
    X = np.array([[1.0, 0, 2], [0, 1, 0], [1, 1, 1]], dtype=np.float32)
    dp = DPSGD(noise_multiplier=1.5, clip=2.0, sampling_rate=q, steps=2, patients=3)
    start = MLPClassifier((2,), layer_norm=True, weight_decay=0.0, momentum=0.0, learning_rate=q, dp=dp)
    begun = start.set_params(random_state=random_state, warm_start=True).fit(X, [0, 1, 0])
    before = [a.copy() for a in (*begun.coefs_, *begun.intercepts_, *(a for pair in begun.norms_ for a in pair))]
    begun.fit(X, [0, 1, 0])
    after = [*begun.coefs_, *begun.intercepts_, *(a for pair in begun.norms_ for a in pair)]
    deviation = q * np.sqrt(2) * 1.5 * 2.0 / (q * 3)
    moved = (a.astype(np.float64) - b for a, b in zip(after, before, strict=True))
    return np.concatenate([m.ravel() for m in moved]) / deviation


@pytest.mark.parametrize("seeded", [True, False], ids=["seed", "operating system"])
def test_noise_has_the_declared_deviation_in_every_parameter(seeded):
    """Sums of squares over 200 runs are chi-squared; a right implementation fails once in 10,000 times."""
    from scipy.stats import chi2

    runs = np.array([_noise_alone(seed if seeded else None) for seed in range(200)])
    tail = 1e-4 / 2 / (runs.shape[1] + 1)
    low, high = chi2.ppf([tail, 1 - tail], 200)
    each = (runs**2).sum(axis=0)
    assert ((each > low) & (each < high)).all()
    # Parameters and runs are independent: the sum over all parameters has the variance of as many numbers.
    total = (runs.sum(axis=1) ** 2).sum() / runs.shape[1]
    assert low < total < high


class _Convolution(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.convolution, self.norm, self.head = nn.Conv1d(1, 4, 5, stride=3), norm, nn.Linear(4 * 19, 3)

    def forward(self, X):
        return self.head(torch.tanh(self.norm(self.convolution(X.unsqueeze(1)))).flatten(1))


def _train(module, X, y, patients, mechanism, seed=4):
    def loss(network, rows):
        return cross_entropy(network(torch.from_numpy(X[rows])), torch.from_numpy(y[rows]), reduction="none")

    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    draws = SeededDraws(random_streams(seed))
    train_privately(module, patients, loss=loss, optimizer=optimizer, mechanism=mechanism, draws=draws)


def test_any_module_is_trained_and_left_as_it_was_found(cohort):
    X, y, patients = cohort
    before = torch.get_rng_state()
    with torch.random.fork_rng():
        module, copy = _Convolution(nn.GroupNorm(2, 4)), _Convolution(nn.GroupNorm(2, 4))
    assert torch.equal(torch.get_rng_state(), before)
    copy.load_state_dict(module.state_dict())
    known = set(vars(module))
    mechanism = Mechanism(clip=0.5, noise_multiplier=0.0, sampling_rate=1.0, steps=1, patients=20)
    _train(module, X, y, patients, mechanism)
    assert set(vars(module)) == known
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in module.modules())
    assert not any(hasattr(p, "grad_sample") for p in module.parameters())
    total = [torch.zeros_like(p) for p in copy.parameters()]
    for patient in range(20):
        own = torch.from_numpy(np.flatnonzero(patients == patient))
        loss = cross_entropy(copy(torch.from_numpy(X)[own]), torch.from_numpy(y)[own], reduction="sum")
        gradient = torch.autograd.grad(loss, list(copy.parameters()))
        norm = torch.cat([g.flatten() for g in gradient]).norm()
        for t, g in zip(total, gradient, strict=True):
            t.add_(g * (0.5 / norm).clamp(max=1))
    for mine, start, t in zip(module.parameters(), copy.parameters(), total, strict=True):
        torch.testing.assert_close(mine, start - 0.5 * t / 20, atol=1e-6, rtol=1e-4)
    _train(module, X, y, patients, mechanism)  # nothing is in the way of another run


@pytest.mark.parametrize(
    ("norm", "message"),
    [
        (nn.BatchNorm1d(4), "each by the others in its batch. Use LayerNorm"),
        (nn.BatchNorm1d(4, affine=False), "each by the others in its batch. Use LayerNorm"),
        (nn.GroupNorm(4, 4), "nothing of a single value per channel. Use LayerNorm"),
        (nn.InstanceNorm1d(4, track_running_stats=True, affine=True), "cannot train _Convolution"),
    ],
    ids=["batch norm", "batch norm without parameters", "one-channel groups", "running statistics"],
)
def test_layers_that_mix_samples_or_flatten_them_are_refused(cohort, norm, message):
    mechanism = Mechanism(clip=1.0, noise_multiplier=0.0, sampling_rate=0.5, steps=1, patients=20)
    with pytest.raises(ConfigError, match=message):
        _train(_Convolution(norm), *cohort, mechanism)


def test_a_gradient_that_cannot_be_clipped_is_an_error(cohort):
    X, y, patients = cohort
    X = np.where(patients[:, np.newaxis] == 3, np.float32(3e38), X)
    dp = DPSGD(noise_multiplier=1.0, sampling_rate=1.0, steps=2)
    with pytest.raises(TrainingError, match="patient's gradient is not finite"):
        MLPClassifier((4,), dp=dp, random_state=0).fit(X, y, patients=patients)


def test_a_patient_whose_gradient_is_zero_adds_nothing(cohort):
    X, _, patients = cohort
    module = nn.Linear(60, 3)
    mechanism = Mechanism(clip=1.0, noise_multiplier=0.0, sampling_rate=1.0, steps=1, patients=20)
    before = module.weight.detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    train_privately(
        module,
        patients,
        loss=lambda network, rows: 0 * network(torch.from_numpy(X[rows])).sum(dim=1),
        optimizer=optimizer,
        mechanism=mechanism,
        draws=SeededDraws(random_streams(0)),
    )
    assert torch.equal(module.weight, before)


def test_training_leaves_global_state_alone_and_ignores_it(cohort):
    X, y, patients = cohort
    dp = DPSGD(noise_multiplier=1.0, sampling_rate=0.3, steps=3)
    model = MLPClassifier((8,), dropout=0.2, layer_norm=True, dp=dp, random_state=7)
    expected = model.fit(X, y, patients=patients).decision_function(X)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        found = model.fit(X, y, patients=patients).decision_function(X)
        assert not torch.is_grad_enabled()
    np.testing.assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
