"""The multilayer perceptron as a module of linear layers and layer norms, the form in which Opacus reads it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genoaudit.contracts import IntArray
from genoaudit.errors import TrainingError
from genoaudit.models.descent import draw_masks, make_optimizer, set_rate
from genoaudit.models.draws import FloatMatrix
from genoaudit.models.entropy import PrivateDraws
from genoaudit.models.fitting import FitError
from genoaudit.models.private import train_privately
from genoaudit.privacy.mechanism import Mechanism

if TYPE_CHECKING:
    from genoaudit.models.mlp import MLPClassifier


class Perceptron(nn.Module):
    """A copy of a classifier's parameters.

    Parameters
    ----------
    model
        Where they are copied from.
    """

    def __init__(self, model: MLPClassifier) -> None:
        super().__init__()
        widths = [len(model.coefs_[0]), *(len(bias) for bias in model.intercepts_)]
        self.linear = nn.ModuleList(_linear(*pair) for pair in pairwise(widths))
        self.norm = nn.ModuleList(nn.LayerNorm(len(gain)) for gain, _ in model.norms_)
        with torch.no_grad():
            for parameter, array in zip(self.parameters_in_order(), _arrays_in_order(model), strict=True):
                parameter.copy_(torch.from_numpy(array))

    def parameters_in_order(self) -> list[nn.Parameter]:
        """Return weights, biases, gains and shifts, each from the genes upwards: the order in which noise is drawn."""
        linear, norm = list(self.linear), list(self.norm)
        ordered = [[layer.weight for layer in linear], [layer.bias for layer in linear]]
        ordered += [[layer.weight for layer in norm], [layer.bias for layer in norm]]
        return [parameter for group in ordered for parameter in group]  # type: ignore[misc]

    def forward(self, X: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """Return logits [samples, classes]; `masks` are the factors of the hidden layers, none without dropout."""
        activation = X
        for layer, linear in enumerate(list(self.linear)[:-1]):
            activation = linear(activation)
            if len(self.norm):
                activation = self.norm[layer](activation)
            activation = activation.relu()
            if masks:
                activation = activation * masks[layer]
        logits: Tensor = self.linear[-1](activation)
        return logits


def refuse_without_meaning(model: MLPClassifier) -> None:
    """Raise `FitError` if `model` asks for what has no meaning for single patients or looks at them without noise."""
    instead = {
        "mixup": "a mixed sample belongs to two patients. Use label_smoothing.",
        "class_weights": "patients of one class would be clipped harder than the others. Leave it out.",
        "early_stopping": "the held-out patients would decide without noise. Set dp.steps.",
        "l1": "noise is added to every weight in every step. Use weight_decay.",
        "group_lasso": "noise is added to every gene in every step. Use weight_decay, or a public list of genes.",
    }
    for name, advice in instead.items():
        if getattr(model, name):
            raise FitError(f"{name} does not go with dp: {advice}")


def descend_privately(
    model: MLPClassifier,
    X: FloatMatrix,
    codes: NDArray[np.int64],
    patients: IntArray,
    *,
    rates: Sequence[float],
    mechanism: Mechanism,
    draws: PrivateDraws,
) -> None:
    """Train `coefs_`, `intercepts_` and `norms_` of `model` in place by DP-SGD.

    Parameters
    ----------
    model
        Says how to train.
    X, codes
        Samples [samples, genes] and their class codes [samples].
    patients
        Number of each sample's patient, from 0 without gaps; [samples].
    rates
        Learning rate of each step.
    mechanism, draws
        See `train_privately`. Dropout masks are drawn in each step for all drawn samples, in ascending order.

    Raises
    ------
    TrainingError
        If a gradient or a weight is no longer finite.
    """
    network = Perceptron(model)
    ordered = network.parameters_in_order()
    depth = len(network.linear)
    optimizer = make_optimizer(model, ordered[:depth], ordered[depth:])
    drawn, masks = np.empty(0, dtype=np.intp), list[Tensor]()

    def prepare(step: int, rows: IntArray) -> None:
        nonlocal drawn, masks
        drawn, masks = rows, draw_masks(model, len(rows), draws.masks)
        set_rate(optimizer, rates[step])

    def loss(network: nn.Module, rows: IntArray) -> Tensor:
        own = torch.from_numpy(np.searchsorted(drawn, rows))
        logits = network(torch.from_numpy(X[rows]), [mask[own] for mask in masks])
        labels = torch.from_numpy(codes[rows])
        return cross_entropy(logits, labels, reduction="none", label_smoothing=float(model.label_smoothing))

    train_privately(
        network,
        patients,
        loss=loss,
        optimizer=optimizer,
        mechanism=mechanism,
        draws=draws,
        parameters=ordered,
        on_step=prepare,
    )
    with torch.no_grad():
        for array, parameter in zip(_arrays_in_order(model), ordered, strict=True):
            array[...] = parameter.numpy()
    if not all(np.isfinite(weight).all() for weight in model.coefs_):
        raise TrainingError(
            f"{type(model).__name__}: the weights are not finite after {mechanism.steps} steps. Lower learning_rate "
            f"(now {model.learning_rate:g}), or raise the number of patients in a step: the noise may be larger than "
            "the gradient."
        )


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a layer without its usual start, which would be drawn from torch's global generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    return layer


def _arrays_in_order(model: MLPClassifier) -> list[NDArray[np.float32]]:
    weights = [weight.T for weight in model.coefs_]
    return [*weights, *model.intercepts_, *(gain for gain, _ in model.norms_), *(shift for _, shift in model.norms_)]
