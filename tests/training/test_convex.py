from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from worlds import make_world

from genoaudit.training.convex import solve_logistic
from genoaudit.training.stacked.chunk import Pool


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("genes", [80, 25], ids=["p > n", "n > p"])
@pytest.mark.parametrize("classes", [2, 4])
def test_equals_scikit_learn(classes, genes, C):
    world = make_world(genes=genes, classes=classes)
    pool = Pool(torch.as_tensor(world.gram), world.y)
    for models, logits in solve_logistic(pool, world.members, C=C, classes=classes):
        for model, own in zip(models, logits.numpy(), strict=True):
            rows = world.members[model]
            theirs = LogisticRegression(C=C, tol=1e-10, max_iter=500, solver="newton-cholesky")
            plain = theirs.fit(world.X[rows], world.y[rows]).decision_function(world.X)
            if classes == 2:
                assert np.abs(own[:, 1] - own[:, 0] - plain).max() < 1e-5
            else:
                assert np.abs((own - own.mean(1, keepdims=True)) - (plain - plain.mean(1, keepdims=True))).max() < 1e-5


@pytest.mark.parametrize("classes", [2, 4])
def test_the_gradient_of_the_objective_vanishes_in_gene_space(classes):
    world, C = make_world(classes=classes), 3.0
    pool = Pool(torch.as_tensor(world.gram), world.y)
    for models, logits in solve_logistic(pool, world.members, C=C, classes=classes):
        for model, own in zip(models, logits, strict=True):
            rows = world.members[model]
            chances = torch.softmax(own, 1).numpy()[rows]
            residual = C * (chances - np.eye(classes)[world.y[rows]])
            W = -residual.T @ world.X[rows] / (2 if classes == 2 else 1)  # what the optimum must be
            assert np.abs(residual.sum(0)).max() < 1e-8
            centred = own.numpy() - world.X @ W.T
            assert np.abs(centred - centred.mean(0)).max() < 1e-8  # only the intercept is left


def test_a_model_is_the_same_to_the_bit_in_any_chunk():
    world = make_world(models=5)
    pool = Pool(torch.as_tensor(world.gram), world.y)

    def fit(chunk):
        return np.concatenate(
            [z.numpy() for _, z in solve_logistic(pool, world.members, C=1.0, classes=4, chunk=chunk)]
        )

    assert np.array_equal(fit(1), fit(5))
