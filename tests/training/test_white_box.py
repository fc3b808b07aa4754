import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch.nn.functional import cross_entropy, layer_norm

from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe
from genoaudit.training.white_box import comes_near_an_optimum, gradient_signals, has_gradients


@pytest.fixture
def world():
    """60 samples of 45 patients, 80 genes, 3 classes; half of the patients are members."""
    rng = np.random.default_rng(0)
    patients = np.concatenate([np.arange(45), rng.permutation(45)[:15]])
    y = rng.integers(0, 3, size=60)
    X = (rng.normal(size=(60, 80)) + rng.normal(size=(3, 80))[y]).astype(np.float32)
    return X, y, rng.permutation(45)[patients] < 22, patients


def _autograd(model, X, y):
    """Every sample's gradient by every parameter, written out; [samples, parameters]."""
    double = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (*model.coefs_, *model.intercepts_)]
    norms = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for pair in model.norms_ for p in pair]
    depth, rows = len(model.coefs_), []
    for sample, label in zip(torch.tensor(X, dtype=torch.float64), torch.tensor(y), strict=True):
        x = sample
        for layer in range(depth):
            x = x @ double[layer] + double[depth + layer]
            if layer + 1 < depth:
                if norms:
                    x = layer_norm(x, x.shape, norms[2 * layer], norms[2 * layer + 1])
                x = x.relu()
        gradients = torch.autograd.grad(cross_entropy(x, label), [*double, *norms])
        rows.append(torch.cat([g.flatten() for g in gradients]).numpy())
    weights = torch.cat([w.detach().flatten() for w in double[:depth]]).numpy()
    return np.array(rows), np.concatenate([weights, np.zeros(len(rows[0]) - weights.size)])


@pytest.mark.parametrize("parameters", [{"hidden": [9]}, {"hidden": []}, {"hidden": [9, 5], "layer_norm": True}])
def test_gradients_equal_those_written_out_parameter_by_parameter(world, parameters):
    X, y, members, patients = world
    model = MLPClassifier(**parameters, weight_decay=0.05, epochs=3, random_state=0).fit(X[members], y[members])
    norm, influence = gradient_signals(model, X, y, members, patients)
    G, weights = _autograd(model, X, y)
    assert norm == pytest.approx(np.linalg.norm(G, axis=1), rel=1e-4)
    for patient in range(45):
        own = patients == patient
        rest = G[members & ~own].sum(axis=0) + members.sum() * 0.05 * weights
        if not members[own].any():
            rest = rest - sum(G[members & (y == label)].mean(axis=0) for label in y[own])
        g = G[own].sum(axis=0)
        cosine = -(rest @ g) / np.linalg.norm(rest) / np.linalg.norm(g)
        assert influence[own] == pytest.approx(cosine, abs=1e-3)


@pytest.mark.parametrize("classes", [2, 3])
def test_at_an_optimum_members_leave_over_exactly_their_own_gradient(world, classes):
    X, y, members, patients = world
    y = y % classes
    recipe = build_recipe("logistic", {"C": 0.5, "tol": 1e-10, "max_iter": 10_000}, scale="log2")
    recipe.fit(X[members], y[members])
    _, influence = gradient_signals(recipe, X, y, members, patients)
    assert influence[members] == pytest.approx(1, abs=0.01)
    assert influence[~members].max() < 0.95


def test_an_untrained_network_gives_nobody_away():
    rng = np.random.default_rng(1)
    found = []
    for seed in range(60):
        X, y = rng.normal(size=(80, 30)).astype(np.float32), np.repeat([0, 1], 40)
        X[y == 1] += 1.0
        members = np.tile([True, False], 40)
        model = MLPClassifier((6,), learning_rate=1e-12, epochs=1, random_state=seed).fit(X[members], y[members])
        influence = gradient_signals(model, X, y, members, np.arange(80))[1]
        found.append((influence[members][:, None] > influence[~members]).mean())
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / np.sqrt(60))


def test_trees_have_no_gradients():
    X, y = np.eye(4), [0, 0, 1, 1]
    assert not has_gradients(make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(X, y))
    assert has_gradients(make_pipeline(StandardScaler(), MLPClassifier(epochs=1)).fit(X, y))


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({}, True),
        ({"C": 0.1, "solver": "newton-cg"}, True),
        ({"l1_ratio": 0.5, "solver": "saga", "max_iter": 5000}, False),
        ({"class_weight": "balanced"}, False),
        ({"solver": "liblinear"}, False),
    ],
)
def test_only_an_optimum_of_summed_losses_with_l2_alone_leaves_over_what_a_patient_added(changes, near):
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    assert comes_near_an_optimum(LogisticRegression(**changes).fit(X, y)) is near
