"""Renyi differential privacy of DP-SGD: at any order above 1 and any noise.

Without the patient a step releases x with law nu = N(0, s^2), with him mu = (1 - q) N(0, s^2) + q N(1, s^2); s is the
noise multiplier, q the sampling rate. The RDP of order a is log E_nu[(mu / nu)^a] / (a - 1), which covers both
directions of add/remove. The expectation is taken by the trapezoidal rule, exact to rounding for an integrand as smooth
as this one; the series of `dp_accounting` and Opacus drop fractional orders where they do not converge.

Mironov, Talwar, Zhang. Renyi differential privacy of the sampled Gaussian mechanism. 2019. arXiv:1908.10530.
Mironov. Renyi differential privacy. CSF 2017 (classic conversion).
Canonne, Kamath, Steinke. The discrete Gaussian for differential privacy. NeurIPS 2020 (improved conversion).
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy import special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.lower_bounds import check_delta
from genoaudit.privacy.mechanism import Mechanism

ORDERS: tuple[float, ...] = (
    *(1 + 10 ** (eighth / 8) for eighth in range(-80, -8)),
    *(1 + tenths / 10 for tenths in range(1, 100)),
    *(float(order) for order in (*range(11, 64), *range(64, 256, 8), *range(256, 1025, 64))),
)
"""Orders tried. Those of Opacus are among them; those near 1 decide where epsilon is in the thousands and above."""

_REACH = 13.0  # standard deviations; less than 1e-37 lies beyond
_SMALL_NOISE = 0.3  # below, all of the integral lies around 0 and around order / noise
_NO_BEND = 0.02  # below, the bend between both parts of the mixture lies outside these windows


def log_moment(order: float, *, noise_multiplier: float, sampling_rate: float) -> float:
    """Logarithm of E_nu[(mu / nu)^order] for one step.

    Parameters
    ----------
    order
        Above 1, whole or not.
    noise_multiplier
        Above 0; tested from 1e-6.
    sampling_rate
        In (0, 1].

    Returns
    -------
    At least 0.

    Examples
    --------
    >>> round(log_moment(2.0, noise_multiplier=1.0, sampling_rate=0.1), 6)  # log(1 + q^2 (e - 1))
    0.017037
    """
    if sampling_rate == 1:
        return order * (order - 1) / (2 * noise_multiplier**2)
    step = min(noise_multiplier if noise_multiplier > _NO_BEND else 1.0, 1.0) / 2
    far = order / noise_multiplier
    window = np.arange(-_REACH, _REACH + step, step)
    if noise_multiplier > _SMALL_NOISE or far < 2 * _REACH:
        offsets = np.arange(-far - _REACH, _REACH + step, step)
    else:
        offsets = np.concatenate([window - far, window])
    loss, log_weighted = _integrand(offsets, order, noise_multiplier, sampling_rate)
    width = math.log(step) - math.log(2 * math.pi) / 2
    moment = float(special.logsumexp(log_weighted(order))) + width
    if moment > 1:
        return moment
    # Close to 0 only the excess counts: E[L^a] - 1 = E[L^a - 1 - a (L - 1)] with L = mu / nu, nowhere negative.
    growth = (order - 1) * loss
    first = np.exp(log_weighted(1.0))
    gentle = np.abs(growth) < 1
    rise = np.where(gentle, first * np.expm1(np.where(gentle, growth, 0.0)), np.exp(log_weighted(order)) - first)
    excess = rise - (order - 1) * (first - np.exp(log_weighted(0.0)))
    return math.log1p(max(float(excess.sum()) * math.exp(width), 0.0))


def _integrand(
    offsets: FloatArray, order: float, noise: float, rate: float
) -> tuple[FloatArray, Callable[[float], FloatArray]]:
    """Loss log(mu / nu) at ``order / noise + offsets`` standard deviations, and log(density of nu (mu / nu)^power)."""
    value = order / noise + offsets
    tilt = math.log(rate) - math.log1p(-rate) + value / noise - 0.5 / noise**2
    bend = np.log1p(np.exp(-np.abs(tilt)))
    loss = math.log1p(-rate) + np.maximum(tilt, 0.0) + bend

    def log_weighted(power: float) -> FloatArray:
        # The square is completed on the side of the shifted part, where its terms are huge and all but cancel.
        shifted = (order - power) / noise + offsets
        above = power * (power - 1) / (2 * noise**2) - shifted**2 / 2 + power * math.log(rate)
        below = power * math.log1p(-rate) - value**2 / 2
        return np.asarray(np.where(tilt > 0, above, below) + power * bend)

    return loss, log_weighted


@functools.lru_cache(maxsize=1024)
def step_rdp(noise_multiplier: float, sampling_rate: float, orders: tuple[float, ...]) -> FloatArray:
    """RDP of one step at each order; [orders].

    Examples
    --------
    >>> step_rdp(2.0, 1.0, (2.0, 4.0)).tolist()  # a / (2 s^2)
    [0.25, 0.5]
    """
    moments = [log_moment(order, noise_multiplier=noise_multiplier, sampling_rate=sampling_rate) for order in orders]
    rdp: FloatArray = np.array(moments) / (np.array(orders) - 1)
    rdp.flags.writeable = False
    return rdp


def step_counts(mechanisms: Sequence[Mechanism]) -> Counter[tuple[float, float]]:
    """Count the steps of each noise multiplier and sampling rate; a release is a step that draws everybody."""
    counts: Counter[tuple[float, float]] = Counter()
    for mechanism in mechanisms:
        counts[mechanism.noise_multiplier, mechanism.sampling_rate] += mechanism.steps
        counts.update((noise, 1.0) for noise in mechanism.releases)
    return counts


def rdp_epsilon(
    mechanisms: Sequence[Mechanism],
    delta: float,
    *,
    conversion: Literal["improved", "classic"] = "improved",
    orders: tuple[float, ...] = ORDERS,
) -> tuple[float, float]:
    """Epsilon of all mechanisms together by RDP, and the order that gives it.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients.
    delta
        In (0, 1).
    conversion
        ``"improved"``: ``RDP(a) + log((a - 1) / a) - (log(delta) + log(a)) / (a - 1)`` (Canonne et al. 2020), or
        ``"classic"``: ``RDP(a) + log(1 / delta) / (a - 1)`` (Mironov 2017), larger, for comparison with older papers.
    orders
        Orders tried; the smallest epsilon counts.

    Returns
    -------
    Epsilon, infinite if a noise multiplier is 0 (and the order NaN), and the order.

    Raises
    ------
    ConfigError
        If there is no mechanism or `delta` is outside (0, 1).

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.2, sampling_rate=8 / 1504, steps=9400, patients=1504)
    >>> [round(rdp_epsilon([mechanism], 1 / 1504, conversion=how)[0], 4) for how in ("improved", "classic")]
    [1.7089, 2.1602]
    """
    check(mechanisms, delta)
    counts = step_counts(mechanisms)
    if any(noise == 0 for noise, _ in counts):
        return math.inf, math.nan
    order = np.array(orders)
    epsilon = np.zeros(order.size)
    for (noise, rate), steps in counts.items():
        epsilon += steps * step_rdp(noise, rate, orders)
    if conversion == "classic":
        epsilon -= math.log(delta) / (order - 1)
    else:
        epsilon += np.log((order - 1) / order) - (math.log(delta) + np.log(order)) / (order - 1)
    best = int(np.argmin(epsilon))
    return max(float(epsilon[best]), 0.0), orders[best]


def check(mechanisms: Sequence[Mechanism], delta: float) -> None:
    """Raise ConfigError if there is nothing to account for or `delta` is outside (0, 1)."""
    if not mechanisms:
        raise ConfigError("There is no mechanism to account for; expected at least one.")
    check_delta(delta, positive=True)
