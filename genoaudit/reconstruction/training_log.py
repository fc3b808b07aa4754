"""DP-SGD whose every step is watched: what the strongest adversary of the theory sees, and no more.

A plain loop on plain arrays; training proper is `genoaudit.models.private`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import BoolArray
from genoaudit.errors import ConfigError
from genoaudit.models.draws import poisson_patients
from genoaudit.models.fitting import patient_codes
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.gradients import clipped_shares, noised
from genoaudit.reconstruction.network import Gradient, Network, backpropagate


@dataclass(frozen=True, eq=False)
class TrainingLog:
    """What was released at each step.

    Parameters
    ----------
    networks
        The network before each step, and at last the one that is released; steps + 1 of them.
    sums
        Noisy sum of the clipped gradients at each step, before it is divided.
    drawn
        Who took part in which step, bool [steps, patients]. Never released; the adversary of the bound knows it of all
        patients but the one under attack.
    """

    networks: tuple[Network, ...]
    sums: tuple[Gradient, ...]
    drawn: BoolArray


def logged_training(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    mechanism: Mechanism,
    learning_rate: float,
    generator: np.random.Generator,
    patients: ArrayLike | None = None,
) -> TrainingLog:
    """Train by DP-SGD and keep the log.

    Parameters
    ----------
    network
        Where training starts; known to the adversary.
    X, y
        Samples [samples, genes] and their class codes [samples].
    mechanism
        Sampling, clipping and noise.
    learning_rate
        Step size; plain gradient descent.
    generator
        Source of coins and noise.
    patients
        Patient of each sample, integer codes [samples]; None: every sample is a patient of its own.

    Raises
    ------
    ConfigError
        If the mechanism counts another number of patients.
    """
    samples = np.asarray(X, dtype=np.float64)
    codes = np.asarray(y, dtype=np.intp)
    owners = patient_codes(patients, len(samples))
    count = int(owners.max()) + 1
    if count != mechanism.patients:
        raise ConfigError(f"the mechanism counts {mechanism.patients} patients, the samples belong to {count}.")
    networks, sums, drawn = [network], [], []
    for _ in range(mechanism.steps):
        now = poisson_patients(count, rate=mechanism.sampling_rate, rng=generator)
        total = clipped_sum(networks[-1], samples, codes, patients=owners, drawn=now, clip=mechanism.clip)
        total = noised(total, deviation=mechanism.noise_multiplier * mechanism.clip, generator=generator)
        networks.append(_step(networks[-1], total, learning_rate / mechanism.expected_patients))
        sums.append(total)
        drawn.append(now)
    return TrainingLog(tuple(networks), tuple(sums), np.array(drawn))


def clipped_sum(
    network: Network, X: ArrayLike, y: ArrayLike, *, patients: ArrayLike, drawn: BoolArray, clip: float
) -> Gradient:
    """Return the sum of the clipped gradients of the patients drawn, without noise.

    Parameters
    ----------
    network, X, y
        As in `logged_training`.
    patients
        Patient of each sample, codes into `drawn`; [samples].
    drawn
        Who takes part, [patients].
    clip
        Largest norm of a patient's gradient.
    """
    owners = np.asarray(patients, dtype=np.intp)
    rows = np.asarray(drawn)[owners]
    codes = np.unique(owners[rows], return_inverse=True)[1]
    passes = backpropagate(network, np.asarray(X)[rows], np.asarray(y)[rows])
    return passes.gradient(clipped_shares(passes, codes, clip=clip)[codes])


def _step(network: Network, total: Gradient, rate: float) -> Network:
    return Network(
        tuple(w - rate * g for w, g in zip(network.weights, total.weights, strict=True)),
        tuple(b - rate * g for b, g in zip(network.biases, total.biases, strict=True)),
    )
