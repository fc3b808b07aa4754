from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_loop import train_plain
from worlds import BASE, DECAYED, MLP, MOMENTUM, first_weights, later_weights, make_draws, make_world

from genoaudit.training.gram import fit_members, gene_blocks, member_gram
from genoaudit.training.stacked.chunk import Pool
from genoaudit.training.stacked.program import Network
from genoaudit.training.stacked.training import train_stacked

CASES = {
    "sgd": (MLP, BASE, False),
    "l2": (MLP, replace(BASE, weight_decay=5e-2), False),
    "momentum": (MLP, MOMENTUM, False),
    "momentum and l2": (MLP, DECAYED, False),
    "momentum and l2 that make the step rotate": (MLP, replace(DECAYED, weight_decay=0.2), False),
    "nesterov": (MLP, replace(MOMENTUM, nesterov=True), False),
    "nesterov and l2": (MLP, replace(DECAYED, nesterov=True), False),
    "nesterov and strong l2": (MLP, replace(DECAYED, nesterov=True, weight_decay=0.2), False),
    "schedule": (MLP, replace(DECAYED, learning_rate=tuple(0.03 * np.cos(np.arange(8) / 6))), False),
    "warm restarts": (MLP, replace(DECAYED, weight_decay=0.2, learning_rate=(0.02, 0.001) * 4), False),
    "dropout": (replace(MLP, dropout=0.3), DECAYED, False),
    "label smoothing": (MLP, replace(DECAYED, label_smoothing=0.1), False),
    "class weights": (MLP, replace(DECAYED, class_weights=(0.5, 1.0, 2.0, 1.5)), False),
    "class weights, smoothed": (
        MLP,
        replace(DECAYED, class_weights=(0.5, 1.0, 2.0, 1.5), label_smoothing=0.1),
        False,
    ),
    "mixup": (MLP, DECAYED, True),
    "layer norm": (replace(MLP, layer_norm=True), DECAYED, False),
    "three hidden layers": (replace(MLP, hidden=(24, 20, 16)), DECAYED, False),
    "everything": (
        Network(classes=4, hidden=(24, 16), layer_norm=True, dropout=0.2),
        replace(DECAYED, nesterov=True, label_smoothing=0.05, class_weights=(0.5, 1.0, 2.0, 1.5)),
        True,
    ),
    "softmax regression": (replace(MLP, hidden=()), DECAYED, False),
}


def compare(world, network, descent, *, mixup=False, dtype=torch.float64, gram=None, chunk=16):
    """Largest difference of logits from the plain loop; asserts that the plain networks live."""
    draws = make_draws(world, network, mixup=mixup)
    gram = torch.as_tensor(world.gram if gram is None else gram).to(dtype)
    worst, seen = 0.0, 0
    stacked = train_stacked(
        Pool(gram, world.y), world.members, network=network, descent=descent, draws=draws, chunk=chunk
    )
    for models, logits in stacked:
        for model, own in zip(models, logits, strict=True):
            W0 = first_weights(network, world.X.shape[1], model)
            rows = np.flatnonzero(world.members[model])
            plain, accuracy, alive = train_plain(
                world.X, world.y, rows, model, W0, later_weights(network, model), network, descent, draws, dtype
            )
            assert accuracy > 0.5
            assert np.abs(plain).max() > 1
            assert alive > 0.05
            worst = max(worst, float(np.abs(own.numpy() - plain).max()))
            seen += 1
    assert seen == len(world.members)
    return worst


@pytest.mark.parametrize("case", CASES)
def test_equals_the_plain_loop_in_float64(case):
    network, descent, mixup = CASES[case]
    assert compare(make_world(), network, descent, mixup=mixup) < 1e-8


@pytest.mark.parametrize("case", CASES)
def test_equals_the_plain_loop_in_float32(case):
    network, descent, mixup = CASES[case]
    assert compare(make_world(), network, descent, mixup=mixup, dtype=torch.float32) < 1e-4


def with_duplicates(world):
    X = world.X.copy()
    X[1], X[2] = X[5], X[5]
    return replace(world, X=X)


def with_a_constant_gene(world):
    X = world.X.copy()
    X[:, 7] = 0.4
    return replace(world, X=X)


SHAPES = {
    "n = p": make_world(genes=60),
    "n > p": make_world(genes=25),
    "duplicate rows": with_duplicates(make_world()),
    "a constant gene": with_a_constant_gene(make_world()),
    "one short batch": make_world(rows=14, classes=2),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_plain_loop_on_every_shape_of_pool(shape):
    descent = replace(DECAYED, steps=25 if shape == "one short batch" else 12)
    assert compare(SHAPES[shape], MLP, descent) < 1e-8


@pytest.mark.parametrize("name", ["duplicate rows"])
def test_identical_rows_get_identical_logits(name):
    world = SHAPES[name]
    draws = make_draws(world, MLP)
    gram_matrix = torch.as_tensor(world.gram)
    for _, logits in train_stacked(
        Pool(gram_matrix, world.y), world.members, network=MLP, descent=DECAYED, draws=draws
    ):
        assert float((logits[:, 1] - logits[:, 2]).abs().max()) < 1e-10


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_scaling_fitted_on_members_equals_z_scores_in_gene_space(dtype, error):
    world = make_world()
    raw = with_a_constant_gene(replace(world, X=world.X * 3 + 8)).X
    blocks = gene_blocks(raw, genes=70)
    gain = 3.0
    scaled = []
    for member in world.members:
        mean, deviation = raw[member].mean(0), raw[member].std(0)
        scaled.append((raw - mean) / np.where(deviation < 1e-9, 1, deviation) * gain / np.sqrt(raw.shape[1]))
    grams = [
        torch.as_tensor(member_gram(blocks, scaling, gain=gain, dtype=np.float64)).to(dtype)
        for scaling in fit_members(blocks, world.members)
    ]
    worlds = [replace(world, X=own) for own in scaled]

    def start(model):
        return make_draws(worlds[model], MLP).start(model)

    descent = replace(DECAYED, steps=15)
    draws = replace(make_draws(world, MLP), start=start)
    pool = Pool(grams.__getitem__, world.y)
    for models, logits in train_stacked(pool, world.members, network=MLP, descent=descent, draws=draws):
        for model, own in zip(models, logits.numpy(), strict=True):
            rows = np.flatnonzero(world.members[model])
            plain, accuracy, _ = train_plain(
                scaled[model],
                world.y,
                rows,
                model,
                first_weights(MLP, 300, model),
                later_weights(MLP, model),
                MLP,
                descent,
                draws,
                dtype,
            )
            assert accuracy > 0.5
            assert np.abs(plain).max() > 1
            assert np.abs(own - plain).max() < error


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_is_the_same_to_the_bit_in_any_chunk(dtype):
    world = make_world(models=7)
    draws = make_draws(world, MLP)
    pool = Pool(torch.as_tensor(world.gram).to(dtype), world.y)
    found = {}
    for chunk in (1, 2, 3, 16):
        out = np.empty((7, 60, 4))
        for models, logits in train_stacked(
            pool, world.members, network=MLP, descent=DECAYED, draws=draws, chunk=chunk
        ):
            out[models] = logits
        found[chunk] = out
    assert all(np.array_equal(found[16], found[chunk]) for chunk in (1, 2, 3))
