"""Many models in gene space at once, for cohorts with more samples than genes.

There the first layer's weights are smaller than its coordinates in the samples, and what costs is not arithmetic but
the number of small operations, which all models of a chunk share. Initial weights are drawn gene by gene, so the models
are those of the recipe itself to float rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.training.stacked.chunk import Batch, Chunk, Members, chunks_of_one_width, pad_members
from genoaudit.training.stacked.head import Head
from genoaudit.training.stacked.private import descend_privately
from genoaudit.training.stacked.program import Descent, Draws, Network, Privacy
from genoaudit.training.stacked.representer import Sgd
from genoaudit.training.stacked.scratch import Scratch
from genoaudit.training.stacked.training import descend, padded_widths

Values: TypeAlias = Tensor | Callable[[int], Tensor]
"""Scaled expression of all rows, [rows, genes]; or, where the scaling is fitted on members, a function of the model."""


@dataclass(frozen=True, eq=False)
class GenePool:
    """The rows that will be scored, by their genes.

    Parameters
    ----------
    values
        Expression of every row; under DP, genes may be any orthonormal coordinates.
    y
        Class code of every row.
    patients
        Patient code of every row; for DP-SGD.
    beyond
        What is added to the first layer's outputs when rows are scored, [rows, first width]: the part of them that
        comes from directions in which there is no member.
    """

    values: Values
    y: IntArray
    patients: IntArray | None = None
    beyond: Tensor | None = None


class GeneChunk(Chunk):
    """The state of a chunk of models in training, the first layer written in genes."""

    def __init__(self, pool: GenePool, part: Members, network: Network, draws: Draws, scratch: Scratch) -> None:
        self.draws, self._scratch = draws, scratch
        shared = pool.values if isinstance(pool.values, Tensor) else None
        self._values = [shared if shared is not None else pool.values(model) for model in part.models]  # type: ignore[operator]
        self.like = self._values[0]
        self.part = part = replace(part, rows=part.rows.to(self.like.device))
        models, genes, units = len(part.models), self.like.shape[1], network.widths[0]
        # Where values are shared, batches are gathered from them: no copy of the members' rows is made.
        self._source, self._at = self.like, part.rows.view(-1)
        if shared is None:
            self._source = self.take("members", models * part.width, genes)
            self._at = torch.arange(models * part.width, device=self.like.device)
        self._beyond = pool.beyond
        self._weights = self.take("first weights", models, genes, units)
        self._velocity = self.take("first velocity", models, genes, units).zero_()
        later = []
        for index, (model, rows) in enumerate(zip(part.models, part.rows, strict=True)):
            if shared is None:
                own = slice(index * part.width, (index + 1) * part.width)
                torch.index_select(self._values[index], 0, rows, out=self._source[own])
            start = draws.start(model)
            self._weights[index] = torch.as_tensor(start.first)
            later.append(start.weights)
        self.head = Head(network, later, self.like, scratch)
        self.offsets = (torch.arange(models, device=self.like.device) * part.width).unsqueeze(1)
        self._batch = self._source[:0]

    def first_weights(self, index: int, start: Tensor, members: Tensor) -> Tensor:
        """Weights of one model's first layer, [genes, units]."""
        return self._weights[index]

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """Logits of every row of the pool, [S, rows, classes]."""
        z = torch.stack([values @ weights for values, weights in zip(self._values, self._weights, strict=True)])
        if self._beyond is not None:
            z.add_(self._beyond)
        return self.head.forward(z, []).mT.contiguous()

    def gather(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch's genes [S, B, genes] and its first pre-activations [S, B, units]."""
        models, genes, units = self._weights.shape
        rows = self.take("batch", batch.flat.numel(), genes)
        torch.index_select(self._source, 0, self._at[batch.flat], out=rows)
        self._batch = rows.view(models, -1, genes)
        z = self.take("z", batch.flat.numel(), units).view(models, -1, units)
        return self._batch, torch.bmm(self._batch, self._weights, out=z)

    def scatter(self, delta: Tensor, batch: Batch, sgd: Sgd) -> None:
        """Step the first layer on the batch gathered last."""
        gradient = self.take("first gradient", *self._weights.shape)
        sgd.step(self._weights, self._velocity, torch.bmm(self._batch.mT, delta, out=gradient))

    def scatter_noisily(self, delta: Tensor, noise: Tensor, deviation: float, sgd: Sgd) -> None:
        """Step the first layer on the batch gathered last and on standard normal `noise`, which is overwritten."""
        sgd.step(self._weights, self._velocity, noise.baddbmm_(self._batch.mT, delta, beta=deviation))


def train_in_genes(  # noqa: PLR0913  a recipe, its draws, and how to go about it
    pool: GenePool,
    members: BoolArray,
    *,
    network: Network,
    descent: Descent,
    draws: Draws,
    privacy: Privacy | None = None,
    models: Sequence[int] | None = None,
    chunk: int = 12,
    look: Callable[[Chunk], None] | None = None,
) -> Iterator[tuple[IntArray, Tensor]]:
    """Train models and yield their logits on every row of the pool; as `train_stacked`, but in gene space.

    ``draws.start(model).first`` holds the first layer's weights, [genes, units]. With `privacy` models are trained by
    DP-SGD, one at a time: their batches differ in size, and padded to one size a model would differ in its last bits
    with the company it is trained in.
    """
    wanted = np.arange(len(members)) if models is None else np.asarray(models)
    scratch = Scratch()
    widths = padded_widths(members, descent) if privacy is None else members.sum(1)
    for width, chosen in chunks_of_one_width(wanted, widths, chunk if privacy is None else 1):
        training = GeneChunk(pool, pad_members(members, tuple(chosen.tolist()), width), network, draws, scratch)
        if privacy is None:
            descend(training, pool.y, descent)
        else:
            descend_privately(training, pool, descent, privacy)
        if look is not None:
            look(training)
        yield chosen, training.logits().clone()
