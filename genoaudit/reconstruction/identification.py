"""Prior-aware identification of many members in one logged training: each is the unknown one in turn.

Where `genoaudit.reconstruction.prior_aware` weighs all steps alike, candidates are told apart here by the likelihood of
what was seen, which no attack beats on average: whether the unknown patient took part in a step is a coin of chance
``q``, so a candidate with clipped gradient g scores ``sum_t log(1 - q + q exp((<g, rest> - |g|^2 / 2) / variance))``.
One pass per step serves all members under attack, since everything follows from inner products of gradients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.gradients import clipped_shares
from genoaudit.reconstruction.network import Network, backpropagate
from genoaudit.reconstruction.training_log import TrainingLog, clipped_sum

_SMALLEST_NOISE = 1e-6
"""In units of the clip; far above rounding."""


def identified_members(
    log: TrainingLog, X: ArrayLike, y: ArrayLike, *, patients: ArrayLike, targets: ArrayLike, mechanism: Mechanism
) -> BoolArray:
    """Say which targets the prior-aware attack tells from the candidates who were not in the training.

    Parameters
    ----------
    log
        What the adversary saw.
    X, y
        Samples of members and of candidates who are none [samples, genes], and their class codes [samples].
    patients
        Patient of each sample, codes from 0 without gaps: members as in ``log.drawn``, then the others; [samples].
    targets
        Codes of the members who are the unknown one in turn; each has the others of `patients` as rivals.
    mechanism
        Of the training; noise 0 stands for noise too small to matter.

    Returns
    -------
    Whether the member scored higher than every rival, [targets].

    Raises
    ------
    ConfigError
        If there is no rival, or a target is no member.
    """
    samples, codes, owners = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.intp), np.asarray(patients)
    members, attacked = log.drawn.shape[1], np.asarray(targets, dtype=np.intp)
    rivals = np.arange(members, int(owners.max(initial=-1)) + 1)
    if not rivals.size or not attacked.size or not 0 <= attacked.min() <= attacked.max() < members:
        raise ConfigError(
            f"expected candidates beside the {members} members and targets among them, found {rivals.size} candidates."
        )
    inside = owners < members
    seat = np.full(int(owners.max()) + 1, -1)
    seat[np.append(attacked, rivals)] = np.arange(attacked.size + rivals.size)
    rows = seat[owners] >= 0
    places = seat[owners[rows]]
    scores = np.zeros((attacked.size, attacked.size + rivals.size))
    for network, total, drawn in zip(log.networks, log.sums, log.drawn, strict=False):  # one network more than steps
        known = clipped_sum(
            network, samples[inside], codes[inside], patients=owners[inside], drawn=drawn, clip=mechanism.clip
        )
        passes = backpropagate(network, samples[rows], codes[rows])
        shares = clipped_shares(passes, places, clip=mechanism.clip)
        noise = shares * np.bincount(places, weights=passes.along(total.minus(known)))
        gram = sum((a @ a.T + 1) * (e @ e.T) for a, e in zip(passes.inputs, passes.errors, strict=True))
        whose = np.equal.outer(np.arange(shares.size), places) * shares[:, np.newaxis]
        products = whose @ gram @ whose.T
        rest = noise + drawn[attacked, np.newaxis] * products[: attacked.size]
        scores += _gain(rest - products.diagonal() / 2, mechanism)
    return np.asarray(scores.diagonal() > scores[:, attacked.size :].max(axis=1))


def _gain(exponents: FloatArray, mechanism: Mechanism) -> FloatArray:
    """Return what one step adds to the log-likelihood ratio of a candidate."""
    deviation = max(mechanism.noise_multiplier, _SMALLEST_NOISE) * mechanism.clip
    with np.errstate(divide="ignore"):  # a sampling rate of one
        left_out = np.log1p(-mechanism.sampling_rate)
    return np.asarray(np.logaddexp(left_out, np.log(mechanism.sampling_rate) + exponents / deviation**2))


def in_few_dimensions(X: ArrayLike, network: Network) -> tuple[FloatArray, Network, FloatArray]:
    """Turn samples and the first layer into the coordinates that the samples span.

    With more genes than samples nothing is lost: a training sees nothing but inner products of its samples, and
    isotropic noise is the same in any orthonormal basis.

    Parameters
    ----------
    X
        [samples, genes].
    network
        A network on genes.

    Returns
    -------
    Samples [samples, coordinates], the network on coordinates, and the basis [genes, coordinates].

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, network = rng.normal(size=(5, 40)), Network.fresh((40, 3, 2), rng)
    >>> few, turned, _ = in_few_dimensions(X, network)
    >>> few.shape, bool(np.allclose(turned.logits(few), network.logits(X)))
    ((5, 5), True)
    """
    samples = np.asarray(X, dtype=np.float64)
    basis = np.linalg.qr(samples.T)[0]
    turned = Network((basis.T @ network.weights[0], *network.weights[1:]), network.biases)
    return samples @ basis, turned, basis


def on_genes(network: Network, *, basis: ArrayLike, start: Network) -> Network:
    """Return a network that was trained in few dimensions on all genes again; what no sample sees stays as at `start`.

    Parameters
    ----------
    network
        On coordinates.
    basis
        [genes, coordinates].
    start
        The network on genes where training began.
    """
    directions = np.asarray(basis, dtype=np.float64)
    moved = network.weights[0] - directions.T @ start.weights[0]
    return Network((start.weights[0] + directions @ moved, *network.weights[1:]), network.biases)
