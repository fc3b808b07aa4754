"""The gradient that a federated or a logged update shows: each patient's samples summed and clipped, noise on top."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.models.fitting import patient_codes
from genoaudit.reconstruction.network import Backpropagation, Gradient, Network, backpropagate


def clipped_shares(passes: Backpropagation, patients: ArrayLike, *, clip: float | None) -> FloatArray:
    """Return what clipping leaves of each patient's gradient, in (0, 1]; [patients].

    Parameters
    ----------
    passes
        Factors of the samples' gradients.
    patients
        Patient of each sample, codes from 0 without gaps; [samples].
    clip
        Largest norm of a patient's gradient; None: no clipping.

    Raises
    ------
    ConfigError
        If `clip` is not a finite number above 0.
    """
    codes = np.asarray(patients, dtype=np.intp)
    if clip is None:
        return np.ones(int(codes.max(initial=-1)) + 1)
    if not (math.isfinite(clip) and clip > 0):
        raise ConfigError(f"clip must be finite and above 0, found {clip}.")
    norms = passes.patient_norms(codes)
    return np.asarray(clip / np.maximum(norms, clip))


def noised(gradient: Gradient, *, deviation: float, generator: np.random.Generator) -> Gradient:
    """Return the gradient with independent Gaussian noise of standard deviation `deviation` on every coordinate."""
    if deviation == 0:
        return gradient
    return Gradient(
        tuple(part + deviation * generator.standard_normal(part.shape) for part in gradient.weights),
        tuple(part + deviation * generator.standard_normal(part.shape) for part in gradient.biases),
    )


def released_gradient(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    clip: float | None = None,
    noise_multiplier: float = 0.0,
    divisor: float = 1.0,
    generator: np.random.Generator,
) -> Gradient:
    """Return the update that one patient, or a batch of patients, gives away.

    The gradients of a patient's samples are summed and clipped together, over all layers; the noise is added to the sum
    over patients; the result is divided by a public number (`genoaudit.privacy.mechanism.Mechanism`).

    Parameters
    ----------
    network
        The network at this step.
    X, y
        Samples as the network gets them [samples, genes] and their class codes [samples].
    patients
        Patient of each sample, integer codes [samples]; None: all samples belong to one patient.
    clip
        Largest norm of a patient's gradient; None: no clipping.
    noise_multiplier
        Standard deviation of the noise in units of `clip`, at least 0.
    divisor
        Public number that the sum is divided by, such as the number of patients expected; above 0.
    generator
        Source of the noise.

    Raises
    ------
    ConfigError
        If the noise has no clip to be measured in, or a value is impossible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Network.fresh((50, 8, 3), rng)
    >>> update = released_gradient(network, rng.normal(size=(2, 50)), [0, 2], clip=0.5, generator=rng)
    >>> round(update.norm, 6)
    0.5
    """
    if not (math.isfinite(noise_multiplier) and noise_multiplier >= 0):
        raise ConfigError(f"noise_multiplier must be finite and at least 0, found {noise_multiplier}.")
    if noise_multiplier > 0 and clip is None:
        raise ConfigError("noise is measured in units of clip: with noise_multiplier above 0 a clip is needed.")
    if not (math.isfinite(divisor) and divisor > 0):
        raise ConfigError(f"divisor must be finite and above 0, found {divisor}.")
    passes = backpropagate(network, X, y)
    samples = len(passes.inputs[0])
    owners = np.zeros(samples, dtype=np.intp) if patients is None else patient_codes(patients, samples)
    total = passes.gradient(clipped_shares(passes, owners, clip=clip)[owners])
    total = noised(total, deviation=noise_multiplier * (clip or 0.0), generator=generator)
    return Gradient(tuple(part / divisor for part in total.weights), tuple(part / divisor for part in total.biases))
