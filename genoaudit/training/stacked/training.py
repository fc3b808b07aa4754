"""Many models in one tensor program: exact training whose cost does not depend on the number of genes.

A first layer trained by gradient descent only ever adds multiples of its members' rows to its initial weights, so the
products of rows, K = X X^T, are all it needs of the genes. Pre-activations are ``c z0 + K[:, members] A + b``; the
rest of the network is trained as usual. Nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.training.stacked.chunk import (
    Batch,
    Chunk,
    Pool,
    chunks_of_one_width,
    label_weights,
    pad_members,
    soft_targets,
)
from genoaudit.training.stacked.program import Descent, Draws, Network
from genoaudit.training.stacked.representer import Sgd
from genoaudit.training.stacked.scratch import Scratch

CHUNK = 12
"""Models trained at once. Their K and A together should stay in the last-level cache."""


_ALIGNMENT = 16


def train_stacked(
    pool: Pool,
    members: BoolArray,
    *,
    network: Network,
    descent: Descent,
    draws: Draws,
    models: Sequence[int] | None = None,
    chunk: int = CHUNK,
    look: Callable[[Chunk], None] | None = None,
) -> Iterator[tuple[IntArray, Tensor]]:
    """Train models and yield their logits on every row of the pool, a chunk at a time.

    Parameters
    ----------
    pool
        The rows.
    members
        ``members[model, row]``; all models of the design, whichever are trained.
    network, descent, draws
        The recipe and its random numbers.
    models
        Which models to train; None: all.
    chunk
        Models trained at once. It changes nothing in their numbers.
    look
        Called with every chunk when it is trained, to read its parameters.

    Yields
    ------
    The models of a chunk and their logits, [models, rows, classes].
    """
    wanted = np.arange(len(members)) if models is None else np.asarray(models)
    scratch = Scratch()
    for width, chosen in chunks_of_one_width(wanted, padded_widths(members, descent), chunk):
        training = Chunk(pool, pad_members(members, tuple(chosen.tolist()), width), network, draws, scratch)
        descend(training, pool.y, descent)
        if look is not None:
            look(training)
        # Logits are cloned out of inference mode, in which training runs because its operations are cheaper there.
        yield chosen, training.logits().clone()


def padded_widths(members: BoolArray, descent: Descent) -> IntArray:
    """Return how many member rows each model has after padding; [models]."""
    return np.array([_width(int(count), int(descent.batch_size)) for count in members.sum(1)], dtype=np.intp)


def _width(count: int, batch_size: int) -> int:
    """Member rows after padding: a short batch has a multiple of 16 rows, or is full.

    It depends on a model's own members alone. Sums of another length are rounded otherwise, so the same model would
    differ in its last bits with the company it is trained in.
    """
    full = (count - 1) // batch_size * batch_size
    return full + min(batch_size, -(-(count - full) // _ALIGNMENT) * _ALIGNMENT)


@torch.inference_mode()
def descend(training: Chunk, y: IntArray, descent: Descent) -> None:
    """Train for all epochs, each a pass through a permutation of each model's own members."""
    part, taken = training.part, 0
    targets = soft_targets(y, descent, training.head.network.classes, training.like)
    weights = label_weights(y, descent, training.head.network.classes)
    for epoch in range(descent.steps):
        sgd = Sgd(descent.rate(epoch), descent.momentum, descent.weight_decay, descent.nesterov)
        order = np.zeros((len(part.models), part.width), dtype=np.int64)
        for index, (model, count) in enumerate(zip(part.models, part.counts, strict=True)):
            order[index, :count] = training.draws.order(model, epoch)
        for batch in _batches(training, order, targets, weights, int(descent.batch_size)):
            training.step(batch, sgd, mixing=training.mixing(taken, batch), masks=training.masks(taken, batch))
            taken += 1


def _batches(training: Chunk, order: IntArray, targets: Tensor, weights: FloatArray, size: int) -> Iterator[Batch]:
    """Cut an epoch into batches, in which every sample weighs one over the label weights of its batch."""
    part, device = training.part, targets.device
    real = np.arange(part.width) < np.array(part.counts)[:, None]
    starts = np.arange(0, part.width, size)
    own = weights[np.take_along_axis(part.rows.numpy(force=True), order, axis=1)] * real
    share = real / np.repeat(np.add.reduceat(own, starts, axis=1), size, axis=1)[:, : part.width]
    flat = torch.as_tensor(order, device=device) + training.offsets
    chosen = targets[part.rows.view(-1)[flat]].mul_(torch.as_tensor(share, device=device).to(targets).unsqueeze(-1))
    chosen = chosen.mT.contiguous()
    totals = torch.split(chosen.sum(1, keepdim=True), size, 2)
    counts = np.add.reduceat(real, starts, axis=1, dtype=np.intp).T.tolist()
    pieces = (counts, torch.split(flat, size, 1), torch.split(chosen, size, 2), totals)
    for count, rows, soft, total in zip(*pieces, strict=True):
        yield Batch(tuple(count), rows.reshape(-1), soft, total)
