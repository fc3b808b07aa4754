"""DP-SGD in coordinates, with the patient as the unit.

Patients are drawn by Poisson sampling; a patient's gradient is the sum over his samples. Its norm follows from
products of rows, so no gradient of a single sample is ever formed (ghost clipping; Li et al., ICLR 2022). The first
layer may be written in genes or in any orthonormal coordinates that the rows of the pool span: in both, noise is
standard normal in every coordinate, so as far as any row of the pool can tell the two have the same law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genoaudit.contracts import IntArray
from genoaudit.errors import ConfigError
from genoaudit.training.stacked.chunk import Batch, soft_targets
from genoaudit.training.stacked.program import Descent, Privacy
from genoaudit.training.stacked.representer import Sgd

if TYPE_CHECKING:
    from genoaudit.training.stacked.genes import GeneChunk, GenePool


@torch.inference_mode()
def descend_privately(training: GeneChunk, pool: GenePool, descent: Descent, privacy: Privacy) -> None:
    """Take every step of one model; a batch without patients still takes its noise.

    Raises
    ------
    ConfigError
        If the recipe mixes samples or scales by members, or if the pool lacks patients.
    """
    if pool.patients is None or not isinstance(pool.values, Tensor):
        msg = "DP-SGD needs one scaling for all models, fitted on nobody, and the patient of every row."
        raise ConfigError(msg)
    if training.draws.mix is not None:
        msg = "DP-SGD does not go with mixup: a mixed sample belongs to two patients. Leave one of them out."
        raise ConfigError(msg)
    (model,), like, head = training.part.models, training.like, training.head
    rows = training.part.rows.view(-1)
    patients = torch.as_tensor(pool.patients, device=like.device)[rows]
    targets = soft_targets(pool.y, descent, head.network.classes, like)[rows]
    deviation = _deviation(descent, privacy)
    for step in range(descent.steps):
        sgd = Sgd(descent.rate(step), descent.momentum, descent.weight_decay, descent.nesterov)
        batch = _batch(training.draws.sample(model, step), targets)
        genes, z = training.gather(batch)
        chances = torch.softmax(head.forward(z, training.masks(step, batch)), dim=1)
        gradients = head.backward((chances * batch.total).sub_(batch.targets))
        owner = patients[batch.flat]
        together = (owner.unsqueeze(0) == owner.unsqueeze(1)).unsqueeze(0).to(like)
        squared = head.squared_norms(gradients, torch.bmm(genes, genes.mT), together)
        share = (privacy.clip * squared.clamp_(min=0).rsqrt()).clamp_(max=1).div_(descent.batch_size)
        for gradient in (*gradients.deltas, *gradients.norms):
            gradient.mul_(share.unsqueeze(-1))
        first, later = (
            torch.as_tensor(noise, device=like.device).to(like) for noise in training.draws.noise(model, step)
        )
        head.step(gradients, sgd, later.mul_(deviation).unsqueeze(0))
        training.scatter_noisily(gradients.deltas[0], first.unsqueeze(0), deviation, sgd)


def _batch(drawn: IntArray, targets: Tensor) -> Batch:
    """Put the samples drawn for one model in a batch; if there are none, one that weighs nothing."""
    flat = torch.as_tensor(drawn if len(drawn) else [0], device=targets.device)
    weighed = (targets[flat] * float(len(drawn) > 0)).mT.unsqueeze(0)
    return Batch((len(drawn),), flat, weighed, weighed.sum(1, keepdim=True))


def _deviation(descent: Descent, privacy: Privacy) -> float:
    return privacy.noise_multiplier * privacy.clip / descent.batch_size


def unmoved_deviation(descent: Descent, privacy: Privacy, start: float) -> float:
    """Return the standard deviation that a weight has in the end if no gradient moves it, only noise and decay.

    Parameters
    ----------
    descent, privacy
        The training.
    start
        Standard deviation of the initial weight.
    """
    # The weight is a sum of independent parts, one for the start and one for the noise of each step.
    parts = torch.zeros(descent.steps + 1, dtype=torch.float64)
    parts[0] = start
    velocity = torch.zeros_like(parts)
    for step in range(descent.steps):
        fresh = torch.zeros_like(parts)
        fresh[step + 1] = _deviation(descent, privacy)
        Sgd(descent.rate(step), descent.momentum, descent.weight_decay, descent.nesterov).step(parts, velocity, fresh)
    return float(parts.norm())
