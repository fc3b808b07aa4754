"""A chunk of models in training: their members, their batches, and one optimiser step on all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.training.stacked.head import Head
from genoaudit.training.stacked.program import Descent, Draws, Network
from genoaudit.training.stacked.representer import Representer, Sgd
from genoaudit.training.stacked.scratch import Scratch

Gram: TypeAlias = Tensor | Callable[[int], Tensor]
"""K of all rows, [rows, rows]; or, where the scaling is fitted on members, a function of the model."""


@dataclass(frozen=True, eq=False)
class Pool:
    """All that training needs to know of the rows that will be scored.

    Parameters
    ----------
    gram
        Products of rows, symmetric; their type and device are those of the whole computation.
    y
        Class code of every row.
    """

    gram: Gram
    y: IntArray


@dataclass(frozen=True, eq=False)
class Members:
    """A chunk of models, with the member rows of each padded to one width.

    Padding repeats row 0; its coordinates stay zero.
    """

    models: tuple[int, ...]
    rows: Tensor
    counts: tuple[int, ...]

    @property
    def width(self) -> int:
        """Member rows after padding."""
        return int(self.rows.shape[1])


def chunks_of_one_width(wanted: IntArray, widths: IntArray, chunk: int) -> Iterator[tuple[int, IntArray]]:
    """Cut models into chunks whose padded member rows have one width."""
    for width in np.unique(widths[wanted]):
        alike = wanted[widths[wanted] == width]
        for begin in range(0, len(alike), chunk):
            yield int(width), alike[begin : begin + chunk]


def pad_members(members: BoolArray, models: tuple[int, ...], width: int) -> Members:
    """Gather the member rows of a chunk of models."""
    rows = np.zeros((len(models), width), dtype=np.int64)
    counts = []
    for index, model in enumerate(models):
        own = np.flatnonzero(members[model])
        rows[index, : own.size] = own
        counts.append(int(own.size))
    return Members(models, torch.as_tensor(rows), tuple(counts))


def label_weights(y: IntArray, descent: Descent, classes: int) -> FloatArray:
    """Class weight of every row's label."""
    weights = np.ones(classes) if descent.class_weights is None else np.asarray(descent.class_weights, dtype=np.float64)
    return np.asarray(weights[y])


def soft_targets(y: IntArray, descent: Descent, classes: int, like: Tensor) -> Tensor:
    """Smoothed labels of every row, times the class weights, [rows, classes]."""
    soft = np.full((y.size, classes), descent.label_smoothing / classes)
    soft[np.arange(y.size), y] += 1 - descent.label_smoothing
    if descent.class_weights is not None:
        soft *= np.asarray(descent.class_weights)
    return torch.as_tensor(soft, device=like.device).to(like)


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of every model, padded to one size with samples that weigh nothing.

    Parameters
    ----------
    counts
        Samples of each model before padding.
    flat
        ``model * width + position`` of every sample, [S * B].
    targets
        Targets times the weight of the sample in the loss, [S, C, B]; their sum over classes, [S, 1, B].
    """

    counts: tuple[int, ...]
    flat: Tensor
    targets: Tensor
    total: Tensor

    @property
    def size(self) -> int:
        """Samples of each model after padding."""
        return int(self.targets.shape[2])


class Chunk:
    """The state of a chunk of models in training."""

    def __init__(self, pool: Pool, part: Members, network: Network, draws: Draws, scratch: Scratch) -> None:
        self.draws, self._scratch = draws, scratch
        self._grams = [pool.gram if isinstance(pool.gram, Tensor) else pool.gram(model) for model in part.models]
        self.like = self._grams[0]
        self.part = part = replace(part, rows=part.rows.to(self.like.device))
        models, width, units = len(part.models), part.width, network.widths[0]
        self._within = self.take("within", models * width, width)
        self._z0 = self.take("z0", models, len(self.like), units)
        self._z0_members = self.take("z0 of members", models * width, units)
        weights = []
        for index, (model, rows) in enumerate(zip(part.models, part.rows, strict=True)):
            own = slice(index * width, (index + 1) * width)
            torch.index_select(self._member_rows(index), 1, rows, out=self._within[own])
            start = draws.start(model)
            self._z0[index] = torch.as_tensor(start.first)
            weights.append(start.weights)
            torch.index_select(self._z0[index], 0, rows, out=self._z0_members[own])
        self.head = Head(network, weights, self.like, scratch)
        self.first = Representer(*(self.take(name, models, width, units).zero_() for name in ("A", "V")))
        self.offsets = (torch.arange(models, device=self.like.device) * width).unsqueeze(1)

    def take(self, name: str, *shape: int) -> Tensor:
        """Return an uninitialised array; see `Scratch`."""
        return self._scratch.take(name, *shape, like=self.like)

    def _member_rows(self, index: int) -> Tensor:
        """Rows of K that belong to a model's members, [width, rows]."""
        out = self.take("member rows", self.part.width, len(self.like))
        return torch.index_select(self._grams[index], 0, self.part.rows[index], out=out)

    def first_weights(self, index: int, start: Tensor, members: Tensor) -> Tensor:
        """Weights of one model's first layer in gene space, [genes, units].

        `start` holds the weights that the model started from, `members` the scaled expression of its members, [member
        rows, genes].
        """
        own = self.first.array[index, : len(members)]
        return torch.addmm(start, members.mT, own, beta=self.first.start, alpha=self.first.scale)

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """Logits of every row of the pool, [S, rows, classes]. The last thing to ask: it overwrites the start."""
        for index, (z, own) in enumerate(zip(self._z0, self.first.array, strict=True)):
            z.addmm_(self._member_rows(index).mT, own, beta=self.first.start, alpha=self.first.scale)
        return self.head.forward(self._z0, []).mT.contiguous()

    def gather(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch's rows of K among members [S, B, width] and its first pre-activations [S, B, units]."""
        models, width, units = self.first.array.shape
        rows = self.take("rows", batch.flat.numel(), width)
        z = self.take("z", batch.flat.numel(), units)
        torch.index_select(self._within, 0, batch.flat, out=rows)
        torch.index_select(self._z0_members, 0, batch.flat, out=z)
        rows, z = rows.view(models, -1, width), z.view(models, -1, units)
        return rows, z.baddbmm_(rows, self.first.array, beta=self.first.start, alpha=self.first.scale)

    def masks(self, taken: int, batch: Batch) -> list[Tensor]:
        """Return the dropout masks of a step, scaled, one per hidden layer."""
        network = self.head.network
        if network.dropout == 0:
            return []
        masks = []
        for layer, units in enumerate(network.hidden):
            mask = np.zeros((len(batch.counts), batch.size, units), dtype=bool)
            for index, (model, count) in enumerate(zip(self.part.models, batch.counts, strict=True)):
                mask[index, :count] = self.draws.keep(model, taken, layer, count)
            masks.append(torch.as_tensor(mask, device=self.like.device).to(self.like).div_(1 - network.dropout))
        return masks

    def mixing(self, taken: int, batch: Batch) -> Tensor | None:
        """Return mixup's matrix, [S, B, B]: what each mixed sample takes of each sample."""
        if self.draws.mix is None:
            return None
        matrix = self.like.new_zeros(len(batch.counts), batch.size, batch.size)
        for mixed, model, count in zip(matrix, self.part.models, batch.counts, strict=True):
            share, partner = self.draws.mix(model, taken, count)
            own = torch.arange(count, device=matrix.device)
            mixed[own, own] = share
            mixed.index_put_(
                (own, torch.as_tensor(partner, device=matrix.device)), matrix.new_tensor(1 - share), accumulate=True
            )
        return matrix

    def step(self, batch: Batch, sgd: Sgd, *, mixing: Tensor | None, masks: list[Tensor]) -> None:
        """Take one optimiser step on every model."""
        z = self.gather(batch)[1]
        targets, total = batch.targets, batch.total
        if mixing is not None:  # the first layer is linear in the genes, so mixing its outputs mixes the genes
            z, targets, total = mixing.bmm(z), targets.bmm(mixing.mT), total.bmm(mixing.mT)
        chances = torch.softmax(self.head.forward(z, masks), dim=1)
        gradients = self.head.backward(torch.addcmul(targets, chances, total, value=-1).neg_())
        self.head.step(gradients, sgd)
        delta = gradients.deltas[0]
        if mixing is not None:
            delta = mixing.mT.bmm(delta)
        self.scatter(delta, batch, sgd)

    def scatter(self, delta: Tensor, batch: Batch, sgd: Sgd) -> None:
        """Step the first layer; `delta` is overwritten."""
        delta = delta.reshape(-1, delta.shape[-1])
        self.first.step(delta, batch.flat.unsqueeze(1).expand_as(delta), sgd)
