"""Small pools and the draws of their models, for tests that compare engines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from genoaudit.randomness import generator
from genoaudit.training.stacked.program import Descent, Draws, Network, Start

torch.set_num_threads(1)


@dataclass(frozen=True)
class World:
    X: np.ndarray
    y: np.ndarray
    members: np.ndarray

    @property
    def gram(self):
        return self.X @ self.X.T


def make_world(rows=60, genes=300, classes=4, models=5, *, seed=0, uneven=True):
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    X = rng.normal(size=(rows, genes)) + 0.35 * rng.normal(size=(classes, genes))[y]
    X *= 4 / np.sqrt(genes)
    members = np.zeros((models, rows), dtype=bool)
    for model in range(models):
        count = rows // 2 + (model % 3 if uneven else 0)
        members[model, rng.permutation(rows)[:count]] = True
    return World(X, y, members)


def first_weights(network: Network, genes: int, model: int):
    rng = generator(7, "W0", model)
    return rng.normal(size=(network.widths[0], genes)) * np.sqrt(2 / 16)


def later_weights(network: Network, model: int):
    rng = generator(7, "later", model)
    shapes = zip(network.widths[1:], network.widths[:-1], strict=True)
    return tuple(rng.normal(size=(out, below)) * np.sqrt(2 / below) for out, below in shapes)


def make_draws(world: World, network: Network, *, mixup=False) -> Draws:
    def start(model):
        W0 = first_weights(network, world.X.shape[1], model)
        return Start(world.X @ W0.T, later_weights(network, model))

    def order(model, epoch):
        return generator(1, "order", model, epoch).permutation(int(world.members[model].sum()))

    def keep(model, step, layer, rows):
        return generator(1, "keep", model, step, layer).random((rows, network.hidden[layer])) >= network.dropout

    def mix(model, step, rows):
        rng = generator(1, "mix", model, step)
        return float(rng.beta(0.4, 0.4)), rng.permutation(rows)

    return Draws(start=start, order=order, keep=keep, mix=mix if mixup else None)


BASE = Descent(steps=8, batch_size=8, learning_rate=0.05)
MLP = Network(classes=4, hidden=(24,))
MOMENTUM = replace(BASE, momentum=0.9, learning_rate=0.02)
DECAYED = replace(MOMENTUM, weight_decay=1e-2)
