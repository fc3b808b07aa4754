"""Gaussian differential privacy: what mu means in every other currency, and the mu that scores support.

A mechanism is mu-GDP if telling its two outputs apart is no easier than telling N(0, 1) from N(mu, 1).

Dong, Roth, Su. Gaussian differential privacy. Journal of the Royal Statistical Society B 84:3-37, 2022.
Balle, Wang. Improving the Gaussian mechanism for differential privacy. ICML 2018 (the exact epsilon-delta curve).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.limits import count_at_thresholds, simultaneous_limits
from genoaudit.privacy.lower_bounds import check_delta, per_look

GDP_WORDING = "lower bound if the mechanism is GDP"
"""How every number that rests on the Gaussian hypothesis is named."""


@dataclass(frozen=True)
class GdpFit:
    """The smallest mu that the scores allow, read as an epsilon.

    Parameters
    ----------
    mu
        Lower confidence limit of mu; never below 0.
    epsilon, delta
        The same as an epsilon at delta.
    significance
        Chance that a GDP mechanism has a smaller mu.
    trials
        Models counted.
    wording
        What the number may be called.
    """

    mu: float
    epsilon: float
    delta: float
    significance: float
    trials: int
    wording: str = GDP_WORDING


def _check_mu(mu: float) -> None:
    if not (math.isfinite(mu) and mu >= 0):
        raise ConfigError(f"mu must be finite and at least 0, found {mu}.")


def delta_from_mu(mu: float, epsilon: float) -> float:
    """Smallest delta at which a mu-GDP mechanism is (epsilon, delta)-DP: Balle and Wang's exact formula.

    Parameters
    ----------
    mu, epsilon
        Both at least 0.

    Raises
    ------
    ConfigError
        If `mu` or `epsilon` is negative or not finite.

    Examples
    --------
    >>> round(delta_from_mu(1.0, 1.0), 6)
    0.126937
    """
    _check_mu(mu)
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise ConfigError(f"epsilon must be finite and at least 0, found {epsilon}.")
    if mu == 0:
        return 0.0
    # On the log scale: exp(epsilon) overflows long before the product does.
    first = float(special.log_ndtr(mu / 2 - epsilon / mu))
    second = epsilon + float(special.log_ndtr(-mu / 2 - epsilon / mu))
    return max(-math.exp(first) * math.expm1(second - first), 0.0)


def epsilon_from_mu(mu: float, delta: float) -> float:
    """Smallest epsilon at which a mu-GDP mechanism is (epsilon, delta)-DP.

    Parameters
    ----------
    mu
        At least 0.
    delta
        In (0, 1); at 0 no epsilon would do.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(epsilon_from_mu(1.0, 1e-5), 4)
    4.3772
    """
    check_delta(delta, positive=True)
    if delta_from_mu(mu, 0.0) <= delta:
        return 0.0
    # The privacy loss is N(mu^2 / 2, mu^2); its Gaussian tail bound gives an epsilon that is surely enough.
    enough = mu**2 / 2 + mu * math.sqrt(2 * math.log(1 / delta))
    return float(optimize.brentq(lambda epsilon: delta_from_mu(mu, epsilon) - delta, 0.0, enough, xtol=1e-12))


def mu_from_epsilon(epsilon: float, delta: float) -> float:
    """Largest mu whose mechanism is (epsilon, delta)-DP: the inverse of `epsilon_from_mu`.

    Raises
    ------
    ConfigError
        If `epsilon` is negative or `delta` outside (0, 1).

    Examples
    --------
    >>> round(mu_from_epsilon(4.377178, 1e-5), 4)
    1.0
    """
    check_delta(delta, positive=True)
    too_much = 1.0
    while delta_from_mu(too_much, epsilon) <= delta:
        too_much *= 2
    return float(optimize.brentq(lambda mu: delta_from_mu(mu, epsilon) - delta, 0.0, too_much, xtol=1e-12))


def gdp_advantage(mu: float) -> float:
    """Largest TPR - FPR of any attack on a mu-GDP mechanism.

    Examples
    --------
    >>> round(gdp_advantage(1.0), 4)
    0.3829
    """
    _check_mu(mu)
    return float(special.erf(mu / math.sqrt(8)))


def gdp_tpr(mu: float, fpr: float | FloatArray) -> FloatArray:
    """Largest TPR of any attack on a mu-GDP mechanism at the given FPR, in [0, 1]; any shape.

    Examples
    --------
    >>> round(float(gdp_tpr(1.0, 0.01)), 4)
    0.0924
    """
    _check_mu(mu)
    return np.asarray(special.ndtr(special.ndtri(fpr) + mu))


def gdp_auc(mu: float) -> float:
    """Largest AUC of any attack on a mu-GDP mechanism.

    Examples
    --------
    >>> round(gdp_auc(1.0), 4)
    0.7602
    """
    _check_mu(mu)
    return float(special.ndtr(mu / math.sqrt(2)))


def gdp_fit(
    statistic_in: FloatArray,
    statistic_out: FloatArray,
    *,
    delta: float,
    significance: float = 0.05,
    looked_at: int = 1,
) -> GdpFit:
    """Lower limit of mu from one patient's statistic in many models, over all thresholds.

    Every threshold says ``mu >= Phi^-1(TPR) - Phi^-1(FPR)``. The limits of the rates hold at all thresholds at once
    (Bonferroni), so the best threshold may be taken. The trials are those of a many-run bound and obey the same rules.
    A mechanism that is not GDP can have a smaller epsilon than this: it is not a bound of the two kinds that
    `LowerBound` knows.

    Parameters
    ----------
    statistic_in, statistic_out
        The statistic in models with and without the patient, higher = member; [trials in], [trials out].
    delta
        Delta at which mu is read as an epsilon; in (0, 1).
    significance
        Chance that a GDP mechanism has a smaller mu.
    looked_at
        How many patients, canaries or attacks the one shown was chosen from (Bonferroni).

    Raises
    ------
    ConfigError
        If a side is empty or has a value that is not finite, or an argument is impossible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fit = gdp_fit(rng.normal(2, 1, 1000), rng.normal(0, 1, 1000), delta=1e-5)
    >>> round(fit.mu, 2), fit.wording
    (1.67, 'lower bound if the mechanism is GDP')
    """
    check_delta(delta, positive=True)
    counts = count_at_thresholds(statistic_in, statistic_out)
    tpr_low, fpr_high = simultaneous_limits(counts, per_look(significance, looked_at) / 2)
    # A limit of 0 (TPR) or 1 (FPR) says nothing: minus infinity, never NaN, since TPR_low < 1 and FPR_high > 0.
    mu = max(float((special.ndtri(tpr_low) - special.ndtri(fpr_high)).max()), 0.0)
    return GdpFit(
        mu=mu,
        epsilon=epsilon_from_mu(mu, delta),
        delta=delta,
        significance=significance,
        trials=counts.n_in + counts.n_out,
    )
