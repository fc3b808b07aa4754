"""First-layer weights that let most profiles fall silent, so that some unit hears one patient alone.

Half of a unit's weights, chosen at random, are negative; the other half are the same numbers with the opposite sign and
a little smaller. On values at least 0 most units are slightly below zero for most samples, and each unit that only one
sample excites gives that sample away.

Boenisch, Dziedzic, Schuster, Shahin Shamsabadi, Shumailov, Papernot. When the curious abandon honesty: federated
learning is not private. IEEE EuroS&P 2023.
"""

from __future__ import annotations

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.network import Network
from genoaudit.reconstruction.record import ReconstructionAttack


def trap_network(
    genes: int,
    *,
    units: int,
    classes: int,
    generator: np.random.Generator,
    scale: float = -0.999,
    deviation: float = 0.5,
    bias: float = 0.0,
) -> Network:
    """Return the network that a malicious server sends out; `genoaudit.reconstruction.analytic.unit_profiles` reads it.

    Parameters
    ----------
    genes, units, classes
        Number of inputs, of units of the first layer and of classes. Ziller et al. (2024) use two units per patient.
    generator
        Source of the weights.
    scale
        Positive weights over negative ones, in [-1, 0): the nearer to -1, the more samples a unit lets through. Ziller
        et al. take -0.999 for images; with fewer inputs a unit falls silent farther from -1 only, about -0.97 for a few
        thousand genes between 0 and 1.
    deviation
        Spread of the half-normal weights.
    bias
        Of every unit. Values that are standardised need one below 0, since they excite half of all units otherwise.

    Raises
    ------
    ConfigError
        If a number is impossible.
    """
    if genes < 2 or units < 1 or classes < 2:
        raise ConfigError(f"traps need 2 genes, a unit and 2 classes at least, found {genes}, {units}, {classes}.")
    if not (-1 <= scale < 0 and deviation > 0):
        raise ConfigError(f"scale must lie in [-1, 0) and deviation above 0, found {scale} and {deviation}.")
    half = genes // 2
    negative = -np.abs(deviation * generator.standard_normal((half, units)))
    paired = np.concatenate([negative, scale * negative, np.zeros((genes - 2 * half, units))])
    weights = generator.permuted(paired, axis=0)
    spread = deviation * units * np.sqrt(genes)
    return Network(
        (weights, generator.standard_normal((units, classes)) / spread),
        (np.full(units, float(bias)), np.zeros(classes)),
    )


TRAP_WEIGHTS = ReconstructionAttack(
    name="trap_weights",
    title="Trap weights",
    sees="gradients",
    threat_model="Chooses the parameters that are sent out, with first-layer weights that few samples excite, and sees "
    "the sum of a batch's gradients.",
    cost="one update of the batch; one division per gene and unit",
    reference="Boenisch, Dziedzic, Schuster, Shahin Shamsabadi, Shumailov, Papernot. When the curious abandon honesty: "
    "federated learning is not private. IEEE EuroS&P 2023. arXiv:2112.02918",
    caveat="Made for values at least 0; profiles alike in most genes excite the same units and come out mixed. Which "
    "candidates are single samples is not said: success counts the nearest candidate of each patient.",
)
