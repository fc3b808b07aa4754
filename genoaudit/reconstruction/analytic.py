"""Profiles read off the gradient of the first linear layer.

A unit's weights have the gradient ``sum_s error_s * x_s`` and its bias ``sum_s error_s``: for a single sample their
ratio is the profile itself, whatever the rest of the network is. Units differ only in how loud they say the same.

Phong, Aono, Hayashi, Wang, Moriai. Privacy-preserving deep learning via additively homomorphic encryption. IEEE TIFS
13:1333-1345, 2018. Geiping, Bauermeister, Dröge, Moeller. Inverting gradients. NeurIPS 2020.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.network import Gradient
from genoaudit.reconstruction.record import ReconstructionAttack

_SILENT = 1e-12
"""A bias gradient below this share of the largest is rounding."""

_ALIKE = 1e-10
"""Profiles whose distance is below this share of their length are one. Mixtures of two samples of one class come as
near as 1e-6 by chance, and rounding moves a profile by 1e-16."""


def invert_first_layer(
    gradient: Gradient, *, by: Literal["bias", "rank_one"] = "bias", errors: ArrayLike | None = None
) -> FloatArray:
    """Return the one profile that explains the first layer's gradient.

    Exact for a patient with one sample where there is no noise. Several samples give their mean weighted by the error
    of each. A clip or a divisor cancels.

    Parameters
    ----------
    gradient
        What was released; any clip, noise and divisor.
    by
        ``"bias"``: the units' ratios, each weighted by the square of its bias gradient. Under noise that is the inverse
        of a ratio's variance, so that no linear combination is better. ``"rank_one"``: the matrix of weights and biases
        of all units nearest to rank one, which is the maximum likelihood of a single sample; it does better where the
        biases drown in noise.
    errors
        The biases' gradient where the adversary knows it without noise, [units]: a network of his own design and a
        known label. None: the released one. Only ``"bias"`` reads it.

    Returns
    -------
    Profile as the network got it, [genes].

    Raises
    ------
    ConfigError
        If no unit of the first layer was active, so that there is nothing to read, or a parameter is impossible.

    Examples
    --------
    >>> profile, errors = np.array([3.0, -1.0, 2.0]), np.array([0.5, 0.0, -2.0])
    >>> invert_first_layer(Gradient((np.outer(profile, errors),), (errors,)))
    array([ 3., -1.,  2.])
    """
    weights, biases = gradient.weights[0], gradient.biases[0]
    if by == "rank_one":
        if errors is not None:
            raise ConfigError("by='rank_one' estimates the errors itself. Leave them out, or choose by='bias'.")
        left = np.linalg.svd(np.vstack([weights, biases]), full_matrices=False)[0][:, 0]
        profile, scale = left[:-1], left[-1]
    elif by == "bias":
        known = biases if errors is None else np.asarray(errors, dtype=np.float64)
        if known.shape != biases.shape:
            raise ConfigError(f"errors must hold one number for each of {biases.size} units, found {known.shape}.")
        # Scaled, since errors on samples that are fitted well are so small that their squares underflow.
        loudest = float(np.abs(known).max()) or 1.0
        known = known / loudest
        profile, scale = (weights / loudest) @ known, float(known @ known)
    else:
        raise ConfigError(f"by must be 'bias' or 'rank_one', found {by!r}.")
    if scale == 0:
        raise ConfigError("the first layer's biases have no gradient: no unit was active, and nothing can be read.")
    return np.asarray(profile / scale)


def unit_profiles(gradient: Gradient) -> FloatArray:
    """Return the ratio of every unit that has one: candidates of a batch, most of them mixtures of several samples.

    Parameters
    ----------
    gradient
        What was released for the batch.

    Returns
    -------
    [candidates, genes], by unit; possibly none.
    """
    return ratios(gradient.weights[0].T, gradient.biases[0])


def agreeing_profiles(gradient: Gradient) -> FloatArray:
    """Return the profiles that at least two units name alike: samples that these units heard alone.

    The ratio of a unit that several samples excite is a mixture of its own, which no other unit repeats; nor does any
    under noise. So single samples of a patient with several show without further knowledge.

    Parameters
    ----------
    gradient
        Of one patient or batch; any clip and divisor.

    Returns
    -------
    [samples, genes], possibly none.

    Examples
    --------
    >>> samples, errors = np.array([[3.0, -1.0], [2.0, 5.0]]), np.array([[0.5, 2.0, 0.0, 0.0], [0.0, 1.0, 1.0, -3.0]])
    >>> agreeing_profiles(Gradient((samples.T @ errors,), (errors.sum(axis=0),)))
    array([[2., 5.]])
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial.distance import cdist

    found = unit_profiles(gradient)
    alike = cdist(found, found) <= _ALIKE * np.linalg.norm(found, axis=1)
    groups = connected_components(alike, directed=False)[1] if len(found) else np.empty(0, dtype=np.intp)
    shared = np.flatnonzero(np.bincount(groups) > 1)
    return np.array([found[groups == group].mean(axis=0) for group in shared]).reshape(len(shared), found.shape[1])


def ratios(weights: FloatArray, biases: FloatArray) -> FloatArray:
    """Divide each row of weight gradients [units, genes] by its bias gradient [units], leaving out silent units."""
    heard = np.abs(biases) > _SILENT * np.abs(biases).max(initial=0.0)
    return np.asarray(weights[heard] / biases[heard, np.newaxis])


ANALYTIC = ReconstructionAttack(
    name="analytic",
    title="Inversion of the first layer",
    sees="gradients",
    threat_model="Sees one update of a single patient with the first linear layer in it, weights and biases, as an "
    "honest but curious server or a log does. Knows nothing else, not even the model.",
    cost="one division per gene",
    reference="Phong, Aono, Hayashi, Wang, Moriai. Privacy-preserving deep learning via additively homomorphic "
    "encryption. IEEE Transactions on Information Forensics and Security 13:1333-1345, 2018. "
    "doi:10.1109/TIFS.2017.2787987",
    caveat="Samples of one patient or batch that excite the same units come out mixed. Blind where the first layer's "
    "gradient is withheld. Finds the profile as the network gets it: scaled, in the genes it uses.",
)
