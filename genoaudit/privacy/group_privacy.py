"""What a mechanism whose unit is the sample still guarantees to a patient with several samples.

Two answers. *Group privacy* follows from epsilon alone: (epsilon, delta)-DP for one sample is (k epsilon, d)-DP for k,
with d = delta (exp(k epsilon) - 1) / (exp(epsilon) - 1) (Vadhan. The complexity of differential privacy. 2017, section
2). It soon promises nothing. The *mechanism itself* is much better: in a step each of the k samples is drawn by its
own coin, so the patient moves the sum by Binomial(k, q) clipping norms at most, and his presence is no easier to tell
than N(0, s^2) from that mixture of Gaussians (Choquette-Choo, Ganesh, Steinke, Thakurta. Privacy amplification for
matrix mechanisms. ICLR 2024; Schuchardt, Stoian, Kosmala, Guennemann. Unified mechanism-specific amplification by
subsampling and group privacy amplification. NeurIPS 2024).

Relation: add/remove of all samples of one patient. To *replace* him is to remove him and to add another, and two curves
one after the other are no easier to beat than their composition says: what recognises him at some FPR has at most the
TPR that the second curve allows at the FPR that the first one leads to (Dong, Roth, Su. Gaussian differential privacy.
Journal of the Royal Statistical Society B 84:3-37, 2022, on group privacy). That is exact for the Gaussian mechanism
and a little too much where patients are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.curve import RiskCurve, epsilon_at
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
    most = epsilon_at(total, _ROUNDING)
    epsilon = np.linspace(0.0, most, _GRID) if math.isfinite(most) else np.array([0.0])
    with np.errstate(over="ignore", invalid="ignore"):  # no number beyond about 700, and so not small enough
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


def replaced_patient(total: PrivacyLossDistribution) -> RiskCurve:
    """Curve for replacing a patient by another, from the loss distribution for adding or removing one.

    Parameters
    ----------
    total
        Of `patient_losses`.

    Examples
    --------
    >>> plan = Mechanism(clip=1.0, noise_multiplier=10.0, sampling_rate=1.0, steps=25, patients=300)
    >>> round(float(replaced_patient(patient_losses([plan], 2)).tpr_at(0.01)), 3)  # mu = 1 for adding, 2 for replacing
    0.372
    """
    removed = RiskCurve.of_losses(total, "add/remove", reverse=True)
    added = RiskCurve.of_losses(total, "add/remove")
    fpr = np.union1d(removed.fpr, np.interp(added.fpr, removed.tpr, removed.fpr))
    tpr = added.tpr_at(np.clip(removed.tpr_at(fpr), 0.0, 1.0))
    return RiskCurve(fpr, np.maximum(tpr, fpr), "replace-one")


def check_size(size: int) -> None:
    """Raise ConfigError unless `size` samples of a patient can be accounted for."""
    if not 1 <= size <= LARGEST_GROUP:
        raise ConfigError(f"--samples-per-patient must lie between 1 and {LARGEST_GROUP}, found {size}.")
