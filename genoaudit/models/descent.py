"""Training of a multilayer perceptron without DP: gradient descent, proximal steps, early stopping.

Without L1, group lasso and early stopping, another engine repeats it draw for draw (`genoaudit.models.draws`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, layer_norm

from genoaudit.contracts import IntArray
from genoaudit.errors import TrainingError
from genoaudit.models.draws import FloatMatrix, RandomStreams, batch_order, dropout_mask, mixup_draw

if TYPE_CHECKING:
    from genoaudit.models.mlp import MLPClassifier


@dataclass(frozen=True, eq=False)
class Tensors:
    """A classifier's parameters as tensors, which share the memory of its arrays."""

    weights: list[Tensor]
    biases: list[Tensor]
    norms: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, model: MLPClassifier) -> Self:
        """Share `coefs_`, `intercepts_` and `norms_`."""
        weights, biases = (
            [torch.from_numpy(p).requires_grad_() for p in ps] for ps in (model.coefs_, model.intercepts_)
        )
        pairs = ((torch.from_numpy(gain), torch.from_numpy(shift)) for gain, shift in model.norms_)
        return cls(weights, biases, [(gain.requires_grad_(), shift.requires_grad_()) for gain, shift in pairs])

    @property
    def others(self) -> list[Tensor]:
        """All parameters on which L2 does not act."""
        return [*self.biases, *(p for pair in self.norms for p in pair)]

    def forward(self, X: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """Return logits [samples, classes]; `masks` are the factors of the hidden layers, none without dropout."""
        activation = X
        for layer, (weight, bias) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            activation = torch.addmm(bias, activation, weight)
            if self.norms:
                gain, shift = self.norms[layer]
                activation = layer_norm(activation, gain.shape, gain, shift)
            activation = activation.relu()
            if masks:
                activation = activation * masks[layer]
        return torch.addmm(self.biases[-1], activation, self.weights[-1])


@dataclass(frozen=True, eq=False)
class _Objective:
    """The loss of some rows."""

    model: MLPClassifier
    tensors: Tensors
    X: FloatMatrix
    labels: NDArray[np.int64] | FloatMatrix
    criterion: Callable[[Tensor, Tensor], Tensor]

    def in_training(self, rows: IntArray, streams: RandomStreams) -> Tensor:
        """Mean loss with dropout and mixup."""
        # Gathered by numpy: torch warns about the read-only arrays that parallel workers share.
        batch, labels = torch.from_numpy(self.X[rows]), torch.from_numpy(self.labels[rows])
        masks = draw_masks(self.model, len(rows), streams.masks)
        if self.model.mixup > 0:
            share, partner = mixup_draw(len(rows), alpha=self.model.mixup, rng=streams.mixes)
            logits = self.tensors.forward(share * batch + (1 - share) * batch[partner], masks)
            return share * self.criterion(logits, labels) + (1 - share) * self.criterion(logits, labels[partner])
        return self.criterion(self.tensors.forward(batch, masks), labels)

    @torch.no_grad()
    def held_out(self, rows: IntArray) -> float:
        """Mean loss of rows that were not trained on."""
        logits = self.tensors.forward(torch.from_numpy(self.X[rows]))
        return self.criterion(logits, torch.from_numpy(self.labels[rows])).item()


@dataclass(frozen=True, eq=False)
class _Best:
    """The parameters after the epoch with the smallest held-out loss."""

    epoch: int
    loss: float
    parameters: list[Tensor]


def descend(
    model: MLPClassifier,
    X: FloatMatrix,
    labels: NDArray[np.int64] | FloatMatrix,
    *,
    rates: Sequence[float],
    class_weights: tuple[float, ...] | None,
    streams: RandomStreams,
    held_out: IntArray,
) -> tuple[list[float], int | None]:
    """Train `coefs_`, `intercepts_` and `norms_` of `model` in place.

    Parameters
    ----------
    model
        Says how to train.
    X
        Samples [samples, genes].
    labels
        Class codes [samples], or soft labels [samples, classes].
    rates
        Learning rate of each epoch.
    class_weights
        What a sample's loss weighs, by class.
    streams
        Random numbers.
    held_out
        Rows that are not trained on but decide when to stop; empty: all epochs are taken.

    Returns
    -------
    Mean training loss of each epoch, and the epoch, from 1, whose parameters were kept; None without held-out rows.

    Raises
    ------
    TrainingError
        If the training loss or a weight is no longer finite.
    """
    tensors = Tensors.of(model)
    optimizer = make_optimizer(model, tensors.weights, tensors.others)
    weight = None if class_weights is None else torch.tensor(class_weights)
    criterion = partial(cross_entropy, weight=weight, label_smoothing=float(model.label_smoothing))
    objective = _Objective(model, tensors, X, labels, criterion)
    trained_on = np.setdiff1d(np.arange(len(X)), held_out, assume_unique=True)
    best, losses = _Best(0, math.inf, []), []
    with torch.enable_grad():
        for epoch, rate in enumerate(rates, start=1):
            set_rate(optimizer, rate)
            order = trained_on[batch_order(len(trained_on), streams.order)]
            losses.append(_pass(objective, optimizer, order, rate=rate, streams=streams))
            _reject_divergence(model, "training", losses[-1], epoch)
            if not len(held_out):
                continue
            loss = objective.held_out(held_out)
            _reject_divergence(model, "held-out", loss, epoch)
            if loss < best.loss:
                best = _Best(epoch, loss, [p.detach().clone() for p in (*tensors.weights, *tensors.others)])
            elif epoch - best.epoch >= model.patience:
                break
    if not len(held_out):
        return losses, None
    with torch.no_grad():
        for parameter, kept in zip((*tensors.weights, *tensors.others), best.parameters, strict=True):
            parameter.copy_(kept)
    return losses, best.epoch


def _pass(
    objective: _Objective, optimizer: torch.optim.Optimizer, order: IntArray, *, rate: float, streams: RandomStreams
) -> float:
    """Train on every batch of one epoch; return the mean loss."""
    model, total = objective.model, 0.0
    # How far momentum carries a gradient in the end: with it, resting points are those of the penalised loss.
    reach = rate / (1 - model.momentum)
    for start in range(0, len(order), model.batch_size):
        rows = order[start : start + model.batch_size]
        loss = objective.in_training(rows, streams)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        shrink_genes(objective.tensors.weights[0], l1=reach * model.l1, group=reach * model.group_lasso)
        total += loss.item() * len(rows)
    return total / len(order)


def make_optimizer(model: MLPClassifier, weights: Sequence[Tensor], others: Sequence[Tensor]) -> torch.optim.Optimizer:
    """Make the optimiser that `model` asks for; L2 acts on `weights` alone."""
    groups = [{"params": weights, "weight_decay": model.weight_decay}, {"params": others, "weight_decay": 0.0}]
    # Fused: one pass over the parameters instead of one for each term; a tenth of the time of a large first layer.
    if model.optimizer == "adam":
        return torch.optim.Adam(groups, lr=model.learning_rate, fused=True)
    return torch.optim.SGD(groups, lr=model.learning_rate, momentum=model.momentum, nesterov=model.nesterov, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def shrink_genes(weight: Tensor, *, l1: float, group: float) -> None:
    """Take the proximal steps of L1 and of group lasso over genes, in place; both leave exact zeros.

    Their sum has the composition of the two as its proximal step (Simon et al., JCGS 2013).

    Parameters
    ----------
    weight
        Weights of the first layer [genes, units].
    l1
        By how much every weight moves towards 0, and no further.
    group
        By how much the norm of each gene's row falls, down to 0.

    Examples
    --------
    >>> weight = torch.tensor([[3.0, -4.0], [0.5, 0.25]])
    >>> shrink_genes(weight, l1=0.0, group=1.0)
    >>> weight.tolist()
    [[2.4000000953674316, -3.200000047683716], [0.0, 0.0]]
    """
    if l1:
        weight.copy_(torch.nn.functional.softshrink(weight, l1))
    if group:
        norms = torch.linalg.vector_norm(weight, dim=1, keepdim=True)
        weight.mul_(1 - group / norms.clamp_min(group))


def draw_masks(model: MLPClassifier, samples: int, rng: np.random.Generator) -> list[Tensor]:
    """Draw the dropout masks of one batch, first layer first; none without dropout."""
    if not model.dropout:
        return []
    return [torch.from_numpy(dropout_mask(samples, width, dropout=model.dropout, rng=rng)) for width in model.hidden]


def _reject_divergence(model: MLPClassifier, which: str, loss: float, epoch: int) -> None:
    if math.isfinite(loss) and all(np.isfinite(weight).all() for weight in model.coefs_):
        return
    found = f"the {which} loss is {loss}" if not math.isfinite(loss) else "the weights are not finite"
    raise TrainingError(
        f"{type(model).__name__}: {found} in epoch {epoch} of {model.epochs}. Lower learning_rate "
        f"(now {model.learning_rate:g}) or the gain of the scaler, and check that the declared scale is the scale of "
        "the values."
    )
