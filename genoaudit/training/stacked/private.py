"""DP-SGD for many models at once, in coordinates, with the patient as the unit.

Patients are drawn by Poisson sampling; a patient's gradient is the sum over his samples. Its norm follows from
products of rows, so no gradient of a single sample is ever formed (ghost clipping; Li et al., ICLR 2022). Noise on
the first layer acts on the pool through X = L Q with orthonormal rows Q: standard normal numbers in those coordinates
have exactly the law of standard normal numbers on every gene, as far as any row of the pool can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from genoaudit.contracts import IntArray
from genoaudit.errors import ConfigError
from genoaudit.training.stacked.chunk import Batch, Chunk, Pool, soft_targets
from genoaudit.training.stacked.program import Descent, Privacy
from genoaudit.training.stacked.representer import Sgd


@torch.inference_mode()
def descend_privately(training: Chunk, pool: Pool, descent: Descent, privacy: Privacy) -> tuple[Tensor, Tensor]:
    """Take every step; a batch without patients still takes its noise.

    Returns
    -------
    A root of K and the coordinates in it of the noise that every first layer has gathered.

    Raises
    ------
    ConfigError
        If the recipe mixes samples or scales by members, or if the pool lacks patients or a root.
    """
    if pool.root is None or pool.patients is None or not isinstance(pool.gram, Tensor):
        msg = "DP-SGD needs one K for all models, a root of it and the patient of every row."
        raise ConfigError(msg)
    if training.draws.mix is not None:
        msg = "DP-SGD does not go with mixup: a mixed sample belongs to two patients. Leave one of them out."
        raise ConfigError(msg)
    models, _, units = training.first.array.shape
    noise = _NoiseState(training, pool.root, units)
    rows, root = training.part.rows.view(-1), pool.root
    patients = torch.as_tensor(pool.patients, device=root.device)[rows]
    targets = soft_targets(pool.y, descent, training.head.network.classes, root)[rows]
    for step in range(descent.steps):
        sgd = Sgd(descent.rate(step), descent.momentum, descent.weight_decay, nesterov=descent.nesterov)
        drawn = [training.draws.sample(model, step) for model in training.part.models]
        batch, real = _batch(training, drawn, targets)
        near, z = training.gather(batch)
        z.baddbmm_(root[rows[batch.flat]].view(models, -1, root.shape[1]), noise.coordinates)
        chances = torch.softmax(training.head.forward(z, training.masks(step, batch)), dim=1)
        gradients = training.head.backward((chances * batch.total).sub_(batch.targets))
        positions = batch.flat.view(models, 1, -1) - training.offsets.unsqueeze(-1)
        between = near.gather(2, positions.expand(-1, positions.shape[2], -1))
        owner = patients[batch.flat].view(models, -1)
        together = (owner.unsqueeze(1) == owner.unsqueeze(2)) & real.unsqueeze(1) & real.unsqueeze(2)
        squared = training.head.squared_norms(gradients, between, together.to(z))
        share = (privacy.clip * squared.clamp_(min=0).rsqrt()).clamp_(max=1).mul_(real).div_(descent.batch_size)
        for gradient in (*gradients.deltas, *gradients.norms):
            gradient.mul_(share.unsqueeze(-1))
        first, later = noise.draw(step, privacy.noise_multiplier * privacy.clip / descent.batch_size)
        training.head.step(gradients, sgd, later)
        sgd.step(noise.coordinates, noise.velocity, first)
        training.scatter(gradients.deltas[0], batch, sgd)
    return root, noise.coordinates


class _NoiseState:
    """The noise that the first layers have gathered, E, and its velocity; [S, coordinates, units]."""

    def __init__(self, training: Chunk, root: Tensor, units: int) -> None:
        shape = (len(training.part.models), root.shape[1], units)
        self.coordinates = training.take("noise", *shape).zero_()
        self.velocity = training.take("velocity of noise", *shape).zero_()
        self._first = training.take("fresh noise", *shape)
        self._later = training.take("fresh noise of the head", shape[0], training.head.size)
        self._training = training

    def draw(self, step: int, deviation: float) -> tuple[Tensor, Tensor]:
        """Fresh noise for the first layers and for all other parameters."""
        for index, model in enumerate(self._training.part.models):
            first, later = self._training.draws.noise(model, step)
            self._first[index] = torch.as_tensor(first)
            self._later[index] = torch.as_tensor(later)
        return self._first.mul_(deviation), self._later.mul_(deviation)


def _batch(training: Chunk, drawn: Sequence[IntArray], targets: Tensor) -> tuple[Batch, Tensor]:
    """Pad the samples drawn for each model to one size, at least 1."""
    size = max(1, *(len(own) for own in drawn))
    positions = np.zeros((len(drawn), size), dtype=np.int64)
    real = np.zeros(positions.shape, dtype=bool)
    for index, own in enumerate(drawn):
        positions[index, : len(own)] = own
        real[index, : len(own)] = True
    flat = (torch.as_tensor(positions, device=targets.device) + training.offsets).reshape(-1)
    kept = torch.as_tensor(real, device=targets.device)
    share = (targets[flat].view(*real.shape, -1) * kept.unsqueeze(-1)).mT.contiguous()
    return Batch(tuple(map(len, drawn)), flat, share, share.sum(1, keepdim=True)), kept
