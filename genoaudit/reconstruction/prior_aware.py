"""Which of m candidates took part: the attack that the reconstruction bound is about.

The adversary knows all patients but one and m candidates for that one, and sees every step of DP-SGD. He takes away
what the known patients contributed and asks along which candidate's clipped gradient the rest lies.

The bound gamma(1 / m) is met exactly where the candidates' rejection regions do not overlap: for two candidates with
opposite gradients and no subsampling. With more candidates or subsampling the attack comes near and stays below.

Hayes, Mahloujifar, Balle. Bounding training data reconstruction in DP-SGD. NeurIPS 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.errors import ConfigError
from genoaudit.models.fitting import patient_codes
from genoaudit.reconstruction.gradients import clipped_shares
from genoaudit.reconstruction.network import Gradient, Network, backpropagate
from genoaudit.reconstruction.record import ReconstructionAttack
from genoaudit.reconstruction.training_log import TrainingLog, clipped_sum


def candidate_scores(
    networks: Sequence[Network],
    sums: Sequence[Gradient],
    X: ArrayLike,
    y: ArrayLike,
    *,
    clip: float,
    patients: ArrayLike | None = None,
) -> FloatArray:
    """Score every candidate: ``sum_t <clipped gradient at step t, what is left of the noisy sum of step t>``.

    Parameters
    ----------
    networks
        The network before each step.
    sums
        Noisy sum of each step less what the known patients contributed (`unexplained_sums`).
    X, y
        The candidates' samples [samples, genes] and their class codes [samples].
    clip
        Clipping norm of the training.
    patients
        Candidate of each sample, integer codes [samples]; None: every sample is a candidate of its own.

    Returns
    -------
    [candidates], in ascending order of their codes; the highest is the guess.

    Raises
    ------
    ConfigError
        If there is not one network for each sum.
    """
    if len(networks) != len(sums) or not sums:
        raise ConfigError(f"expected one network for each noisy sum, found {len(networks)} and {len(sums)}.")
    samples = np.asarray(X, dtype=np.float64)
    owners = patient_codes(patients, len(samples))
    scores = np.zeros(int(owners.max(initial=-1)) + 1)
    for network, left in zip(networks, sums, strict=True):
        passes = backpropagate(network, samples, y)
        together = np.bincount(owners, weights=passes.along(left), minlength=scores.size)
        scores += clipped_shares(passes, owners, clip=clip) * together
    return scores


def unexplained_sums(
    log: TrainingLog, X: ArrayLike, y: ArrayLike, *, patients: ArrayLike, known: ArrayLike, clip: float
) -> list[Gradient]:
    """Take away from each noisy sum what the known patients contributed.

    Parameters
    ----------
    log
        What the adversary saw, including which of the known patients was drawn when.
    X, y, patients
        Samples [samples, genes], class codes and patient codes [samples], codes as in ``log.drawn``. Those of patients
        who are not known are not read.
    known
        Whether the adversary knows a patient, bool [patients].
    clip
        Clipping norm of the training.
    """
    told = np.asarray(known, dtype=np.bool_)
    owners = np.asarray(patients, dtype=np.intp)
    rows = told[owners]
    samples, codes = np.asarray(X, dtype=np.float64)[rows], np.asarray(y)[rows]
    return [
        total.minus(clipped_sum(network, samples, codes, patients=owners[rows], drawn=drawn, clip=clip))
        for network, total, drawn in zip(log.networks, log.sums, log.drawn, strict=False)  # one network more than steps
    ]


def simulate_identification(
    candidates: int,
    *,
    noise_multiplier: float,
    sampling_rate: float,
    steps: int,
    trials: int,
    generator: np.random.Generator,
    geometry: Literal["orthogonal", "simplex"] = "orthogonal",
) -> BoolArray:
    """Run the attack on the mechanism itself, with candidates whose gradients are as far apart as can be.

    Parameters
    ----------
    candidates
        Number of equally likely candidates, at least 2.
    noise_multiplier, sampling_rate, steps
        The mechanism, as in `genoaudit.privacy.reconstruction_bound`.
    trials
        Number of trainings.
    generator
        Source of the coins and the noise.
    geometry
        ``"orthogonal"`` gradients of norm ``clip``, or the corners of a regular ``"simplex"`` around zero, which lie
        farther apart; for two candidates they are opposite.

    Returns
    -------
    Whether the guess was right, [trials].

    Raises
    ------
    ConfigError
        If a number is impossible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hits = simulate_identification(
    ...     2, noise_multiplier=1.0, sampling_rate=1.0, steps=1, trials=10_000, generator=rng, geometry="simplex"
    ... )
    >>> abs(float(hits.mean()) - 0.8413) < 0.015  # the bound is Phi(1)
    True
    """
    if candidates < 2 or trials < 1 or steps < 1:
        raise ConfigError(f"expected 2 candidates, a trial and a step or more, found {candidates}, {trials}, {steps}.")
    if not (0 < noise_multiplier < math.inf and 0 < sampling_rate <= 1):
        raise ConfigError(
            "noise_multiplier must be above 0 and sampling_rate in (0, 1], found "
            f"{noise_multiplier} and {sampling_rate}."
        )
    # Scores add up the steps, so the sum over steps says all: times drawn, and one draw of their noise. The centre of a
    # simplex moves all scores alike; what remains of it is its greater distance.
    farther = math.sqrt(candidates / (candidates - 1)) if geometry == "simplex" else 1.0
    scores = noise_multiplier * math.sqrt(steps) * generator.standard_normal((trials, candidates))
    scores[:, 0] += farther * generator.binomial(steps, sampling_rate, size=trials)
    return np.asarray(scores.argmax(axis=1) == 0)


PRIOR_AWARE = ReconstructionAttack(
    name="prior_aware",
    title="Prior-aware identification",
    sees="gradients",
    threat_model="Sees the noisy sum of every training step, knows the data of all patients but one, who of them took "
    "part in which step, and a list of candidates for the last one.",
    cost="one pass backwards per candidate and step",
    reference="Hayes, Mahloujifar, Balle. Bounding training data reconstruction in DP-SGD. NeurIPS 2023. "
    "arXiv:2302.07225",
    caveat="Finds the right candidate, not an unknown profile. Weighs all steps alike, so with a small sampling rate "
    "it falls short of the bound; candidates whose gradients are alike are hard to tell apart whatever the noise.",
)
