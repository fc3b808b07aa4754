"""The profile that a model thinks most typical of a class, and whether it is nearer to members than to others.

Fredrikson, Jha, Ristenpart. Model inversion attacks that exploit confidence information and basic countermeasures. CCS
2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.record import ReconstructionAttack
from genoaudit.reconstruction.success import correlations


def class_profile(
    network: Network, code: int, *, penalty: float, mean: ArrayLike | None = None, steps: int = 500
) -> FloatArray:
    """Return the profile with the highest ``logit - penalty / 2 * |profile - mean|^2`` of a class.

    For softmax regression that is ``mean + weights / penalty``; for a network a local optimum, to which L-BFGS climbs
    from `mean`.

    Parameters
    ----------
    network
        The released model.
    code
        Class code.
    penalty
        Weight of the squared distance from `mean`, above 0.
    mean
        What profiles look like in general, as the network gets them, [genes]; None: zero, for standardised values.
    steps
        Most steps of the ascent.

    Returns
    -------
    [genes].

    Raises
    ------
    ConfigError
        If there is no such class, or a number is impossible.

    Examples
    --------
    >>> network = Network((np.array([[1.0, -1.0], [2.0, 0.0]]),), (np.zeros(2),))
    >>> class_profile(network, 0, penalty=0.5)
    array([2., 4.])
    """
    if not 0 <= code < network.classes:
        raise ConfigError(f"the class code must lie from 0 to {network.classes - 1}, found {code}.")
    if not penalty > 0 or steps < 1:
        raise ConfigError(f"penalty must be above 0 and steps at least 1, found {penalty} and {steps}.")
    start = np.zeros(network.genes) if mean is None else np.asarray(mean, dtype=np.float64)
    if start.shape != (network.genes,):
        raise ConfigError(f"mean must hold {network.genes} genes, found shape {start.shape}.")
    if len(network.weights) == 1:
        return np.asarray(start + network.weights[0][:, code] / penalty)

    def descent(profile: FloatArray) -> tuple[float, FloatArray]:
        logit, slope = _logit_and_slope(network, profile, code)
        away = profile - start
        return penalty / 2 * float(away @ away) - logit, penalty * away - slope

    found = optimize.minimize(descent, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x)


def _logit_and_slope(network: Network, profile: FloatArray, code: int) -> tuple[float, FloatArray]:
    active, activation = [], profile
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        activation = activation @ weight + bias
        active.append(activation >= 0)  # at zero too: fresh networks are at zero throughout where the ascent starts
        activation = activation * active[-1]
    slope = network.weights[-1][:, code]
    logit = float(activation @ slope + network.biases[-1][code])
    for weight, on in zip(network.weights[-2::-1], active[::-1], strict=True):
        slope = weight @ (slope * on)
    return logit, np.asarray(slope)


@dataclass(frozen=True)
class Nearness:
    """Whether a recovered profile is nearer to members than to others, by Pearson correlation.

    Parameters
    ----------
    nearest_is_member
        Whether the nearest of all is a member.
    members
        Share of members among all: how often the nearest would be one by chance.
    nearest_member, nearest_other
        Highest correlation with a member and with a non-member.
    auc
        Chance that a member is nearer than a non-member, ties half; 0.5 where the profile shows the class alone.
    """

    nearest_is_member: bool
    members: float
    nearest_member: float
    nearest_other: float
    auc: float


def nearness(profile: ArrayLike, members: ArrayLike, non_members: ArrayLike) -> Nearness:
    """Compare a recovered profile with members and non-members of its class, one profile for each patient.

    Parameters
    ----------
    profile
        [genes].
    members, non_members
        [patients, genes] each.

    Raises
    ------
    ConfigError
        If a side is empty or a profile is constant over the genes.
    """
    recovered = np.asarray(profile, dtype=np.float64)[np.newaxis]
    inside, outside = (correlations(recovered, side)[0] for side in (members, non_members))
    if not inside.size or not outside.size:
        raise ConfigError(f"both sides need a patient, found {inside.size} members and {outside.size} non-members.")
    rank_sum = float(stats.rankdata(np.append(inside, outside))[: inside.size].sum())
    wins = rank_sum - inside.size * (inside.size + 1) / 2
    return Nearness(
        nearest_is_member=bool(inside.max() > outside.max()),
        members=inside.size / (inside.size + outside.size),
        nearest_member=float(inside.max()),
        nearest_other=float(outside.max()),
        auc=wins / (inside.size * outside.size),
    )


INVERSION = ReconstructionAttack(
    name="inversion",
    title="Model inversion",
    sees="parameters",
    threat_model="Sees the released parameters and climbs to the profile that they call most typical of a class. "
    "Knows no patient.",
    cost="one pass backwards per step; none for softmax regression",
    reference="Fredrikson, Jha, Ristenpart. Model inversion attacks that exploit confidence information and basic "
    "countermeasures. CCS 2015. doi:10.1145/2810103.2813677",
    caveat="Finds what is common to a class, which is not a leak by itself: a likeness to patients counts only as far "
    "as members are nearer than non-members of the class. Of a class with one patient it is that patient.",
)
