"""Privacy loss distributions of DP-SGD, composed by dp_accounting: epsilon, advantage and the largest TPR at an FPR.

Koskela, Jaelkoe, Honkela. Computing tight differential privacy guarantees using FFT. AISTATS 2020.
Doroshenko, Ghazi, Kamath, Kumar, Manurangsi. Connect the dots: tighter discrete approximations of privacy loss
distributions. PoPETs 2022 (losses are rounded so that no attack gets weaker).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from genoaudit.contracts import FloatArray
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.rdp import step_counts, step_rdp

if TYPE_CHECKING:
    from dp_accounting.pld.pld_pmf import PLDPmf
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

_SHARE = 0.03  # of the root of the mean divergence per step: about 1/50 of the standard deviation of its loss
_FINEST = 1e-7  # below, differences of deltas are rounding noise
_CELLS = 1e5  # of the grid of one step, so that neither time nor memory runs away where one step can lose much
_NEAR_ONE = (1 + 1e-10,)  # order of an RDP that is the Kullback-Leibler divergence


def discretisation(mechanisms: Sequence[Mechanism]) -> float:
    """Interval to which losses are rounded, for an epsilon too large by a relative 1e-4 at most.

    Rounding adds a sixth of the squared interval to the variance of each step's loss, so the interval is a share of the
    loss's standard deviation, whatever the number of steps: small for a small epsilon. The variance is about twice the
    divergence of a step.
    """
    counts = step_counts(mechanisms)
    divergence = sum(steps * float(step_rdp(noise, rate, _NEAR_ONE)[0]) for (noise, rate), steps in counts.items())
    largest = max(math.log1p(rate * math.expm1(min(0.5 / noise**2 + 9 / noise, 700.0))) for noise, rate in counts)
    return max(_SHARE * math.sqrt(divergence / counts.total()), largest / _CELLS, _FINEST)


def loss_distribution(mechanisms: Sequence[Mechanism]) -> PrivacyLossDistribution:
    """Privacy loss distribution of all mechanisms together, for adding and for removing one patient.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients, with noise multipliers above 0.
    """
    from dp_accounting.pld import privacy_loss_distribution as pld

    interval = discretisation(mechanisms)
    total = pld.identity(value_discretization_interval=interval)
    for (noise, rate), steps in step_counts(mechanisms).items():
        if rate == 1:  # many Gaussian mechanisms are one
            step = pld.from_gaussian_mechanism(noise / math.sqrt(steps), value_discretization_interval=interval)
        else:
            step = pld.from_gaussian_mechanism(
                noise, sampling_prob=rate, value_discretization_interval=interval
            ).self_compose(steps)
        total = total.compose(step)
    return total


def pld_epsilon(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Epsilon at delta; infinite where the mass given up for speed (about 1e-15) exceeds delta."""
    total = loss_distribution(mechanisms)
    return max(_epsilon(pmf, delta) for pmf in (total._pmf_remove, total._pmf_add))


def _epsilon(pmf: PLDPmf, delta: float) -> float:
    if pmf.get_delta_for_epsilon(0.0) <= delta:
        return 0.0
    if pmf._infinity_mass >= delta:
        return math.inf
    enough = float(_losses(pmf)[0][-1])
    return float(optimize.brentq(lambda epsilon: pmf.get_delta_for_epsilon(epsilon) - delta, 0.0, enough, rtol=1e-10))


def pld_advantage(mechanisms: Sequence[Mechanism]) -> float:
    """Largest TPR - FPR of any membership attack."""
    return float(loss_distribution(mechanisms).get_delta_for_epsilon(0.0))


def pld_tpr(mechanisms: Sequence[Mechanism], fpr: float) -> float:
    """Largest TPR of any membership attack at this FPR: both summed over the losses above a threshold."""
    # From the distribution for removal alone: its upper tail gives the TPR and, damped by exp(-loss), the FPR. riskcal
    # (1.5.1) takes the FPR from the one for addition, whose rounding adds up: noise 0.5, rate 0.002 and 10,000 steps
    # give a TPR of 0.041 at an FPR of 0.001, where 0.048 can be reached.
    pmf = loss_distribution(mechanisms)._pmf_remove
    losses, chance = _losses(pmf)
    falling = np.maximum(chance, 0.0)[::-1]
    tpr = pmf._infinity_mass + np.append(0.0, np.cumsum(falling))
    rates = np.append(0.0, np.cumsum(falling * np.exp(np.minimum(-losses[::-1], 700.0))))
    return float(np.clip(np.interp(fpr, rates, tpr), fpr, 1.0))


def _losses(pmf: PLDPmf) -> tuple[FloatArray, FloatArray]:
    dense = pmf.to_dense_pmf()
    losses = (dense._lower_loss + np.arange(dense.size)) * dense._discretization
    return losses, np.asarray(dense._probs, dtype=np.float64)
