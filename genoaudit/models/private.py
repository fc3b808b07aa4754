"""DP-SGD for any torch module, with the patient as the unit.

Opacus forms the gradient of every sample. All the rest is spelled out here, because the guarantee depends on it: each
patient is drawn by his own coin at the rate that is accounted for, all his samples are clipped together, and a step
without patients takes its noise like any other (Abadi et al., CCS 2016; group clipping by owner as in user-level DP).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genoaudit.contracts import IntArray
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models.entropy import PrivateDraws
from genoaudit.privacy.mechanism import Mechanism

_PIECE = 2**28
"""Bytes that the gradients of one piece's samples may take."""

_MIXING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def train_privately(
    module: nn.Module,
    patients: IntArray,
    *,
    loss: Callable[[Any, IntArray], Tensor],
    optimizer: torch.optim.Optimizer,
    mechanism: Mechanism,
    draws: PrivateDraws,
    parameters: Sequence[nn.Parameter] | None = None,
    on_step: Callable[[int, IntArray], None] | None = None,
) -> None:
    """Train a module in place by DP-SGD.

    Parameters
    ----------
    module
        What is trained; every layer with parameters is one that Opacus supports, and none mixes samples.
    patients
        Number of each sample's patient, from 0 without gaps (`genoaudit.models.fitting.patient_codes`); [samples].
    loss
        ``loss(network, rows)``: losses [rows] of some samples, computed by calling ``network`` as one would call
        `module`. A sample's loss depends on that sample alone. `rows` ascend and belong to whole patients.
    optimizer
        Gets the noised mean gradient in ``.grad`` and steps; momentum, L2 and Adam only process what is noised already.
    mechanism
        Clipping, noise and sampling. The sum over the drawn patients is divided by `mechanism.expected_patients`.
    draws
        Coins and noise.
    parameters
        All that is trained, in the order in which noise is drawn: for the first one, a weight [outputs, inputs], input
        by input, for the others as they lie in memory. Default: as in the module.
    on_step
        Called before each step with its number and the rows drawn, ascending: sets learning rates, draws masks.

    Raises
    ------
    ConfigError
        If a layer mixes samples or is not supported.
    TrainingError
        If a patient's gradient is not finite, so that it cannot be clipped.
    """
    network = _per_sample(module)
    trained = [p for p in module.parameters() if p.requires_grad] if parameters is None else list(parameters)
    size = 4 * sum(p.numel() for p in trained)
    count = int(patients.max()) + 1
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            # Torch points out that no input needs a gradient. None does: the gradients wanted are the parameters'.
            warnings.filterwarnings("ignore", message="Full backward hook is firing")
            for step in range(mechanism.steps):
                drawn = draws.coins(count, mechanism.sampling_rate)
                rows = np.flatnonzero(drawn[patients])
                if on_step is not None:
                    on_step(step, rows)
                sums = [torch.zeros_like(p) for p in trained]
                for piece in _pieces(rows, patients, most=max(1, _PIECE // size)):
                    loss(network, piece).sum().backward()  # type: ignore[no-untyped-call]
                    _add_clipped(sums, trained, patients[piece], clip=mechanism.clip)
                _add_noise(sums, draws, mechanism)
                for parameter, total in zip(trained, sums, strict=True):
                    parameter.grad = total
                optimizer.step()
                optimizer.zero_grad()
    finally:
        network.to_standard_module()
        for parameter in trained:
            for name in ("grad_sample", "_forward_counter"):
                if hasattr(parameter, name):
                    delattr(parameter, name)


def _per_sample(module: nn.Module) -> Any:
    """Let Opacus hook the module, after refusing what has no gradient of a single sample."""
    from opacus import GradSampleModule
    from opacus.validators import ModuleValidator

    for name, layer in module.named_modules():
        where = f"layer {name!r} ({type(layer).__name__})"
        if isinstance(layer, _MIXING):
            raise ConfigError(
                f"DP-SGD needs samples that do not see each other; {where} normalises each by the others in its batch. "
                "Use LayerNorm."
            )
        if isinstance(layer, nn.GroupNorm) and layer.num_groups == layer.num_channels:
            raise ConfigError(
                f"{where} normalises every channel by itself, which leaves nothing of a single value per channel. Use "
                "LayerNorm, or fewer groups."
            )
    module.train()
    problems = [*ModuleValidator.validate(module, strict=False), *GradSampleModule.validate(module, strict=False)]
    if problems:
        raise ConfigError(f"DP-SGD cannot train {type(module).__name__}: {problems[0]} ({len(problems)} found).")
    return GradSampleModule(module, loss_reduction="sum")


def _pieces(rows: IntArray, patients: IntArray, *, most: int) -> Iterator[IntArray]:
    """Cut the drawn rows into groups of whole patients with at most so many rows, if a patient allows."""
    by_patient = rows[np.argsort(patients[rows], kind="stable")]
    piece: list[IntArray] = []
    for own in np.split(by_patient, np.flatnonzero(np.diff(patients[by_patient])) + 1):
        if piece and sum(map(len, piece)) + len(own) > most:
            yield np.sort(np.concatenate(piece))
            piece = []
        piece.append(own)
    if len(rows):
        yield np.sort(np.concatenate(piece))


def _add_clipped(sums: list[Tensor], parameters: Sequence[nn.Parameter], owners: IntArray, *, clip: float) -> None:
    """Add the gradient of each patient, clipped over all parameters and all his samples."""
    distinct, owner = np.unique(owners, return_inverse=True)
    gradients = []
    for parameter in parameters:
        of_samples: Tensor = parameter.grad_sample  # type: ignore[attr-defined]
        if len(distinct) == len(owners):
            gradients.append(of_samples)
        else:
            together = of_samples.new_zeros(len(distinct), *of_samples.shape[1:])
            gradients.append(together.index_add_(0, torch.from_numpy(owner).to(of_samples.device), of_samples))
        parameter.grad_sample, parameter.grad = None, None  # type: ignore[attr-defined]
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    if not torch.isfinite(norms).all():
        raise TrainingError(
            "a patient's gradient is not finite, so it cannot be clipped. Lower learning_rate or the gain of the "
            "scaler, and check that the declared scale is the scale of the values."
        )
    share = (clip / norms).clamp_(max=1)
    for total, gradient in zip(sums, gradients, strict=True):
        total.add_(torch.tensordot(share, gradient, dims=1))


def _add_noise(sums: list[Tensor], draws: PrivateDraws, mechanism: Mechanism) -> None:
    """Add the noise of one step to the sums and divide by the number of patients expected."""
    units = len(sums[0])
    inputs, later = sums[0].numel() // units, [total.numel() for total in sums[1:]]
    first, others = draws.normal(inputs, units, sum(later))
    noise = [first.T, *np.split(others, np.cumsum(later)[:-1])] if later else [first.T]
    for total, drawn in zip(sums, noise, strict=True):
        fresh = torch.from_numpy(np.ascontiguousarray(drawn, dtype=np.float64)).to(total.device).view(total.shape)
        noised = total.double().add_(fresh, alpha=mechanism.noise_multiplier * mechanism.clip)
        total.copy_(noised.div_(mechanism.expected_patients))
