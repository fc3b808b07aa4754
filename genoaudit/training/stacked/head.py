"""Everything after the first pre-activations, for many models at once, forwards and backwards by hand.

Shapes: S models, B samples of a batch, C classes. Logits are [S, C, B]: with few classes and many samples that order
runs several times faster through a batched product than [S, B, C].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genoaudit.training.stacked.program import Network
from genoaudit.training.stacked.representer import Sgd
from genoaudit.training.stacked.scratch import Scratch

_LAYER_NORM_EPSILON = 1e-5


def parameter_shapes(network: Network) -> list[tuple[int, ...]]:
    """Shapes of the parameters after the first layer's weights.

    The weights of every linear layer but the first, the bias of every linear layer, the gain of every layer norm and
    the shift of every layer norm, in that order and from the genes upwards.
    """
    weights = list(zip(network.widths[1:], network.widths[:-1], strict=True))
    norms = [(units,) for units in network.hidden] if network.layer_norm else []
    return [*weights, *((units,) for units in network.widths), *norms, *norms]


def _views(flat: Tensor, shapes: list[tuple[int, ...]]) -> list[Tensor]:
    pieces = torch.split(flat, [math.prod(shape) for shape in shapes], dim=1)
    return [torch.unflatten(piece, 1, shape) for piece, shape in zip(pieces, shapes, strict=True)]


@dataclass
class _Passed:
    """What the backward pass needs of one hidden layer."""

    output: Tensor
    normalised: Tensor
    inverse_deviation: Tensor | None = None


@dataclass
class Gradients:
    """Gradients by what enters each parameter, one row per sample.

    Parameters
    ----------
    deltas
        By the output of every linear layer, [S, B, outputs]; the first is what the first layer needs.
    norms
        By the output of every layer norm, [S, B, units]; empty without layer norm.
    """

    deltas: list[Tensor]
    norms: list[Tensor]


class Head:
    """Parameters after the first layer's weights, with their velocities.

    They lie in one array, so that an optimiser step is a few operations; `parameters` are views of it, [S, ...], in
    the order of `parameter_shapes`. `starts` holds the initial weights of the later layers of each model; biases
    start at 0.
    """

    def __init__(self, network: Network, starts: list[tuple[Any, ...]], like: Tensor, scratch: Scratch) -> None:
        self.network, self._scratch = network, scratch
        shapes = parameter_shapes(network)
        self._flat = like.new_zeros(len(starts), sum(math.prod(shape) for shape in shapes))
        self._velocity = torch.zeros_like(self._flat)
        self._gradient = torch.zeros_like(self._flat)
        self.parameters, self._gradients = _views(self._flat, shapes), _views(self._gradient, shapes)
        depth = len(network.hidden)
        self.weights, self.biases = self.parameters[:depth], self.parameters[depth : 2 * depth + 1]
        self.gains, self.shifts = self.parameters[2 * depth + 1 : 3 * depth + 1], self.parameters[3 * depth + 1 :]
        for layer, weight in enumerate(self.weights):
            for own, start in zip(weight, starts, strict=True):
                own.copy_(torch.as_tensor(start[layer]))
        for gain in self.gains:
            gain.fill_(1)
        decayed = sum(math.prod(shape) for shape in shapes[:depth])
        self._decayed = self._gradient[:, :decayed], self._flat[:, :decayed]
        self._passed: list[_Passed] = []

    @property
    def size(self) -> int:
        """Number of parameters of one model."""
        return int(self._flat.shape[1])

    def forward(self, z: Tensor, masks: list[Tensor]) -> Tensor:
        """Return logits [S, C, B] from first pre-activations `z` [S, B, units] without bias, overwritten.

        `masks` are the dropout masks of the hidden layers, scaled by 1 / (1 - p); empty: no dropout.
        """
        self._passed = []
        if not self.network.hidden:
            return z.mT + self.biases[0].unsqueeze(-1)
        z.add_(self.biases[0].unsqueeze(1))
        for layer in range(len(self.network.hidden)):
            passed = self._normalise(z, layer) if self.network.layer_norm else _Passed(z, z)
            passed.output.relu_()
            if masks:
                passed.output.mul_(masks[layer])
            self._passed.append(passed)
            if layer + 1 < len(self.network.hidden):
                bias, z = self.biases[layer + 1].unsqueeze(1), self._take("layer", layer + 1, z)
                torch.baddbmm(bias, passed.output, self.weights[layer].mT, out=z)
        return torch.baddbmm(self.biases[-1].unsqueeze(-1), self.weights[-1], self._passed[-1].output.mT)

    def _take(self, name: str, layer: int, like: Tensor) -> Tensor:
        units = self.network.hidden[layer]
        return self._scratch.take(f"{name} {layer}", like.shape[0], like.shape[1], units, like=like)

    def _normalise(self, z: Tensor, layer: int) -> _Passed:
        variance, mean = torch.var_mean(z, dim=-1, correction=0, keepdim=True)
        inverse_deviation = (variance + _LAYER_NORM_EPSILON).rsqrt_()
        normalised = (z - mean).mul_(inverse_deviation)
        output = torch.addcmul(self.shifts[layer].unsqueeze(1), normalised, self.gains[layer].unsqueeze(1))
        return _Passed(output, normalised, inverse_deviation)

    def backward(self, by_logits: Tensor) -> Gradients:
        """Return the gradients of the last `forward`, given those by its logits [S, C, B]."""
        norms: list[Tensor] = []
        deltas = [by_logits.mT]
        scale = 1 / (1 - self.network.dropout)
        for layer in reversed(range(len(self.network.hidden))):
            passed = self._passed[layer]
            back = self._take("gradient of layer", layer, passed.output)
            torch.bmm(deltas[0], self.weights[layer], out=back)
            torch.ops.aten.threshold_backward.grad_input(back, passed.output, 0, grad_input=back)
            if scale != 1:
                back.mul_(scale)
            if passed.inverse_deviation is not None:
                norms.insert(0, back)
                back = back * self.gains[layer].unsqueeze(1)
                along = (back * passed.normalised).mean(-1, keepdim=True)
                back = (back - back.mean(-1, keepdim=True) - passed.normalised * along).mul_(passed.inverse_deviation)
            deltas.insert(0, back)
        return Gradients(deltas, norms)

    def squared_norms(self, gradients: Gradients, gram: Tensor, together: Tensor) -> Tensor:
        """Squared norm of every patient's gradient, at each of his samples; [S, B].

        Parameters
        ----------
        gradients
            As `backward` gave them.
        gram
            Products of the batch's rows of genes, [S, B, B].
        together
            1 where two samples belong to the same patient (and are both in the batch), else 0; [S, B, B].
        """
        total = torch.zeros_like(gram)
        inputs = [gram, *(torch.bmm(passed.output, passed.output.mT) for passed in self._passed)]
        for delta, between in zip(gradients.deltas, inputs, strict=True):
            total.add_(torch.bmm(delta, delta.mT).mul_(between + 1))
        for norm, passed in zip(gradients.norms, self._passed, strict=bool(gradients.norms)):
            by_gain = norm * passed.normalised
            total.add_(torch.bmm(by_gain, by_gain.mT)).add_(torch.bmm(norm, norm.mT))
        return torch.bmm(together, total.mul_(together).sum(-1, keepdim=True)).squeeze(-1)

    def step(self, gradients: Gradients, sgd: Sgd, noise: Tensor | None = None) -> None:
        """Step every parameter; L2 acts on weights only. `noise` [S, parameters] is added to the gradients."""
        depth = len(self.network.hidden)
        for out, delta, passed in zip(self._gradients, gradients.deltas[1:], self._passed, strict=False):
            out.copy_(torch.bmm(delta.mT, passed.output))
        for out, delta in zip(self._gradients[depth:], gradients.deltas, strict=False):
            torch.sum(delta, 1, out=out)
        for layer, (norm, passed) in enumerate(zip(gradients.norms, self._passed, strict=False)):
            torch.sum(norm * passed.normalised, 1, out=self._gradients[2 * depth + 1 + layer])
            torch.sum(norm, 1, out=self._gradients[3 * depth + 1 + layer])
        if noise is not None:
            self._gradient.add_(noise)
        if sgd.weight_decay:
            gradient, weights = self._decayed
            gradient.add_(weights, alpha=sgd.weight_decay)
        Sgd(sgd.rate, sgd.momentum, 0.0, sgd.nesterov).step(self._flat, self._velocity, self._gradient)
