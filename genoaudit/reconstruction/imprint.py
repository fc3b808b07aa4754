"""A first layer made to sort a batch into bins, so that single profiles can be read off its gradient.

Every unit measures the same public projection of a profile, each against its own threshold, and passes on the same
weight. Adjacent units then differ in the samples between their thresholds alone: a bin with one sample is that sample.

Fowl, Geiping, Czaja, Goldblum, Goldstein. Robbing the Fed: directly obtaining private data in federated learning with
modified models. ICLR 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.analytic import ratios
from genoaudit.reconstruction.network import Gradient, Network
from genoaudit.reconstruction.record import ReconstructionAttack

_BELOW_ALL = -10.0
"""First threshold in standard deviations: below every profile."""


def imprint_network(
    direction: ArrayLike,
    *,
    bins: int,
    classes: int,
    mean: float,
    deviation: float,
    generator: np.random.Generator,
    gain: float = 1e3,
) -> Network:
    """Return the network that a malicious server sends out.

    Parameters
    ----------
    direction
        Weight of each gene in the measurement, [genes]: the mean over genes, say, or a public principal component.
    bins
        Number of units of the first layer; the bins hold equal shares of a normal population.
    classes
        Number of classes.
    mean, deviation
        Mean and standard deviation of the measurement, from public profiles; `deviation` above 0.
    generator
        Source of the output weights.
    gain
        Factor by which the first layer is scaled down and the next one up. No output changes, but the larger it is, the
        more of a clipped gradient is the first layer's.

    Raises
    ------
    ConfigError
        If a number is impossible.
    """
    measure = np.asarray(direction, dtype=np.float64)
    if bins < 2 or classes < 2:
        raise ConfigError(f"an imprint needs at least 2 bins and 2 classes, found {bins} and {classes}.")
    if measure.ndim != 1 or not measure.any():
        raise ConfigError(f"direction must be [genes] and not zero throughout, found shape {measure.shape}.")
    if not (deviation > 0 and gain > 0):
        raise ConfigError(f"deviation and gain must be above 0, found {deviation} and {gain}.")
    quantiles = np.append(_BELOW_ALL, special.ndtri(np.arange(1, bins) / bins))
    thresholds = mean + deviation * quantiles
    # The same output weights for every unit: the error that reaches a sample's active units is the same in all.
    output = generator.standard_normal(classes) / (bins * deviation)
    return Network(
        (np.tile(measure[:, np.newaxis] / gain, bins), np.tile(output * gain, (bins, 1))),
        (-thresholds / gain, np.zeros(classes)),
    )


def imprinted_profiles(gradient: Gradient) -> FloatArray:
    """Return the profile of every bin that is not empty.

    Parameters
    ----------
    gradient
        Of the batch, as an `imprint_network` gave it; any clip, noise and divisor.

    Returns
    -------
    [candidates, genes], by bin from the lowest. A bin with several samples gives a mixture of them; under noise empty
    bins are not told from others and give noise.
    """
    weights, biases = gradient.weights[0].T, gradient.biases[0]
    nothing = np.zeros((1, weights.shape[1]))
    return ratios(-np.diff(weights, axis=0, append=nothing), -np.diff(biases, append=0.0))


IMPRINT = ReconstructionAttack(
    name="imprint",
    title="Imprint block",
    sees="gradients",
    threat_model="Chooses the parameters that are sent out, so that the first layer sorts patients by a public "
    "projection, and sees the sum of a batch's gradients.",
    cost="one update of the batch; one difference per gene and bin",
    reference="Fowl, Geiping, Czaja, Goldblum, Goldstein. Robbing the Fed: directly obtaining private data in "
    "federated learning with modified models. ICLR 2022. arXiv:2110.13057",
    caveat="Patients who share a bin come out mixed: of n patients in k bins a share of about (1 - 1/k)^(n-1) is "
    "alone. Equal rows of weights are conspicuous to a client who looks at the parameters.",
)
