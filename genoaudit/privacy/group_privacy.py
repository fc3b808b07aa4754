"""What a mechanism whose unit is the sample still guarantees to a patient with several samples.

Two answers. *Group privacy* follows from epsilon alone: (epsilon, delta)-DP for one sample is (k epsilon, d)-DP for k,
with d = delta (exp(k epsilon) - 1) / (exp(epsilon) - 1) (Vadhan. The complexity of differential privacy. 2017, section
2). It soon promises nothing. The *mechanism itself* is much better: in a step each of the k samples is drawn by its
own coin, so the patient moves the sum by Binomial(k, q) clipping norms at most, and his presence is no easier to tell
than N(0, s^2) from that mixture of Gaussians (Choquette-Choo, Ganesh, Steinke, Thakurta. Privacy amplification for
matrix mechanisms. ICLR 2024; Schuchardt, Stoian, Kosmala, Guennemann. Unified mechanism-specific amplification by
subsampling and group privacy amplification. NeurIPS 2024).

Relation: add/remove of all samples of one patient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import discretisation, loss_distribution
from genoaudit.privacy.rdp import check, step_counts

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

LARGEST_GROUP = 64
_GRID = 2001  # epsilons of one sample that are tried
_ROUNDING = 1e-13  # deltas below are no better than zero


def group_epsilon(mechanisms: Sequence[Mechanism], delta: float, size: int) -> float:
    """Epsilon of `size` samples together by group privacy, from that of one sample at the best smaller delta.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the samples, with noise multipliers above 0.
    delta
        Of the group, in (0, 1).
    size
        Largest number of samples of a patient, from 1 to 64.

    Returns
    -------
    Infinite where no delta above rounding is small enough.

    Raises
    ------
    ConfigError
        If there is no mechanism, or `delta` or `size` is impossible.
    """
    check(mechanisms, delta)
    check_size(size)
    total = loss_distribution(mechanisms)
    most = float(total.get_epsilon_for_delta(_ROUNDING))
    epsilon = np.linspace(0.0, most, _GRID) if math.isfinite(most) else np.array([0.0])
    single = np.asarray(total.get_delta_for_epsilon(epsilon), dtype=np.float64)
    growth = np.array([sum(math.exp(min(times * one, 700.0)) for times in range(size)) for one in epsilon])
    enough = (single * growth <= delta) & ((single > _ROUNDING) | (epsilon == most))
    return size * float(epsilon[np.argmax(enough)]) if enough.any() else math.inf


def patient_losses(mechanisms: Sequence[Mechanism], size: int) -> PrivacyLossDistribution:
    """Privacy loss distribution for adding or removing a patient with up to `size` samples.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the samples, with noise multipliers above 0; clipped sample by sample.
    size
        Largest number of samples of a patient, from 1 to 64.

    Raises
    ------
    ConfigError
        If there is no mechanism or `size` is impossible.
    """
    from dp_accounting.pld import privacy_loss_distribution as pld

    check(mechanisms, delta=0.5)
    check_size(size)
    interval = size * discretisation(mechanisms)
    total = pld.identity(value_discretization_interval=interval)
    for (noise, rate), steps in step_counts(mechanisms).items():
        if rate == 1:
            smaller = noise / (size * math.sqrt(steps))
            step = pld.from_gaussian_mechanism(smaller, value_discretization_interval=interval)
        else:
            drawn = np.arange(size + 1)
            step = pld.from_mixture_gaussian_mechanism(
                noise,
                drawn.astype(np.float64).tolist(),
                stats.binom.pmf(drawn, size, rate).tolist(),
                value_discretization_interval=interval,
            ).self_compose(steps)
        total = total.compose(step)
    return total


def check_size(size: int) -> None:
    """Raise ConfigError unless `size` samples of a patient can be accounted for."""
    if not 1 <= size <= LARGEST_GROUP:
        raise ConfigError(f"--samples-per-patient must lie between 1 and {LARGEST_GROUP}, found {size}.")
