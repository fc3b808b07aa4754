"""From a recipe to the tensor program: what is trained, how, and with which random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.models.draws import RandomStreams, batch_order, dropout_mask, initial_parameters, mixup_draw
from genoaudit.models.mlp import learning_rates, weights_of_classes
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.training.stacked.program import Descent, Draws, Network, Start


def network_of(classifier: Any, classes: int) -> Network:
    """Return the network that an `MLPClassifier` trains."""
    return Network(
        classes=classes,
        hidden=tuple(int(w) for w in classifier.hidden),
        layer_norm=bool(classifier.layer_norm),
        dropout=classifier.dropout,
    )


def descent_of(classifier: Any, classes: int, mechanism: Mechanism | None = None) -> Descent:
    """Return how an `MLPClassifier` trains it; under DP, in the steps of its `mechanism`."""
    steps = classifier.epochs if mechanism is None else mechanism.steps
    return Descent(
        steps=steps,
        batch_size=classifier.batch_size if mechanism is None else mechanism.expected_patients,
        learning_rate=learning_rates(classifier.learning_rate, classifier.schedule, steps),
        momentum=float(classifier.momentum),
        nesterov=bool(classifier.nesterov),
        weight_decay=float(classifier.weight_decay),
        label_smoothing=float(classifier.label_smoothing),
        class_weights=weights_of_classes(classifier.class_weights, range(classes)),
    )


def start_in_genes(network: Network, genes: int, streams: Sequence[RandomStreams]) -> Callable[[int], Start]:
    """Draw every layer's weights as `MLPClassifier` does."""

    def start(model: int) -> Start:
        (first, *later), _ = initial_parameters((genes, *network.widths), streams[model].init)
        return Start(first, tuple(weight.T for weight in later))

    return start


def draws_of(
    classifier: Any, members: BoolArray, streams: Sequence[RandomStreams], start: Callable[[int], Start]
) -> Draws:
    """Feed the engine from the very streams that `MLPClassifier` reads, in the same order."""
    counts = members.sum(axis=1)

    def order(model: int, epoch: int) -> IntArray:
        return batch_order(int(counts[model]), streams[model].order)

    def keep(model: int, step: int, layer: int, rows: int) -> BoolArray:
        mask = dropout_mask(rows, classifier.hidden[layer], dropout=classifier.dropout, rng=streams[model].masks)
        return np.asarray(mask > 0)

    def mix(model: int, step: int, rows: int) -> tuple[float, IntArray]:
        return mixup_draw(rows, alpha=classifier.mixup, rng=streams[model].mixes)

    return Draws(start=start, order=order, keep=keep, mix=mix if classifier.mixup > 0 else None)
