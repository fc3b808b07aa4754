"""From a target to noise: the smallest noise multiplier that meets it, to a relative 1e-4.

Calibrating to the risk itself instead of to epsilon needs less noise for the same protection (Kulynych, Gomez, Kaissis,
Calmon, Troncoso. Attack-aware noise calibration for differential privacy. NeurIPS 2024).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy import optimize, special

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import VACUOUS, account
from genoaudit.privacy.gdp import mu_from_epsilon
from genoaudit.privacy.lower_bounds import check_delta
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import pld_advantage, pld_tpr

_TOLERANCE = 2e-5  # of the logarithm of the noise
_LEAST, _MOST = 1e-7, 1e6  # noise multipliers
_SMALLEST_EPSILON, _LARGEST_EPSILON = 0.1, 1e12

Measure = Callable[[Sequence[Mechanism]], float]


@dataclass(frozen=True)
class _Plan:
    """A training whose noise is sought."""

    sampling_rate: float
    steps: int
    releases: tuple[float, ...]

    def __post_init__(self) -> None:
        self.mechanism(1.0)  # an impossible plan is refused before anything is measured

    def mechanism(self, noise: float) -> Mechanism:
        """With this noise; what is asked about the risk depends on neither clipping nor the number of patients."""
        return Mechanism(1.0, noise, self.sampling_rate, self.steps, patients=1, releases=self.releases)

    def released(self) -> Mechanism:
        """Without the training: a release is a step that draws everybody."""
        first, *rest = self.releases
        return Mechanism(1.0, first, sampling_rate=1.0, steps=1, patients=1, releases=tuple(rest))

    def gaussian_guess(self, mu: float) -> float:
        """Noise with which the training is mu-GDP in the limit of many steps (Dong, Roth, Su 2022)."""
        return 1 / math.sqrt(math.log1p((mu / self.sampling_rate) ** 2 / self.steps))


@functools.lru_cache(maxsize=1024)
def noise_for_epsilon(
    epsilon: float, delta: float, *, sampling_rate: float, steps: int, releases: tuple[float, ...] = ()
) -> float:
    """Smallest noise multiplier with which DP-SGD and the releases together are (epsilon, delta)-DP.

    Parameters
    ----------
    epsilon
        From 0.1 to 1e12, as `guarantee` computes it: above 1,000 by Renyi DP.
    delta
        In (0, 1).
    sampling_rate, steps, releases
        As in `Mechanism`.

    Raises
    ------
    ConfigError
        If an argument is impossible, or the releases alone exceed the budget.

    Examples
    --------
    >>> round(noise_for_epsilon(8.0, 1 / 3000, sampling_rate=0.1, steps=200), 3)
    0.989
    """
    if not _SMALLEST_EPSILON <= epsilon <= _LARGEST_EPSILON:
        raise ConfigError(
            f"epsilon must lie between {_SMALLEST_EPSILON:g} and {_LARGEST_EPSILON:g}, found {epsilon:g}. "
            "To train without protection, use no dp, or noise_multiplier = 0 to clip only."
        )
    check_delta(delta, positive=True)
    plan = _Plan(sampling_rate, steps, releases)
    if epsilon <= VACUOUS:
        guess = plan.gaussian_guess(mu_from_epsilon(epsilon, delta))
    else:  # with so little noise epsilon is about the divergence of all steps
        guess = math.sqrt(steps * sampling_rate / (2 * epsilon))
    return _smallest_noise(
        f"epsilon = {epsilon:g}", epsilon, lambda done: account(done, delta).epsilon, plan, guess=guess
    )


@functools.lru_cache(maxsize=1024)
def noise_for_advantage(
    advantage: float, *, sampling_rate: float, steps: int, releases: tuple[float, ...] = ()
) -> float:
    """Smallest noise multiplier with which no membership attack has a TPR - FPR above `advantage`.

    Parameters
    ----------
    advantage
        In (0, 1).
    sampling_rate, steps, releases
        As in `Mechanism`.

    Raises
    ------
    ConfigError
        If an argument is impossible, the releases alone exceed the target, or it is met without noise.

    Examples
    --------
    >>> round(noise_for_advantage(0.2, sampling_rate=0.1, steps=200), 2)
    2.85
    """
    _check_rate("advantage", advantage)
    plan = _Plan(sampling_rate, steps, releases)
    mu = mu_from_epsilon(0.0, advantage)
    return _noise_for_risk(f"advantage = {advantage:g}", advantage, pld_advantage, plan, guessing=0.0, mu=mu)


@functools.lru_cache(maxsize=1024)
def noise_for_tpr(
    tpr: float, fpr: float, *, sampling_rate: float, steps: int, releases: tuple[float, ...] = ()
) -> float:
    """Smallest noise multiplier with which no membership attack has a TPR above `tpr` at this FPR.

    Parameters
    ----------
    tpr, fpr
        In (0, 1), `tpr` the larger.
    sampling_rate, steps, releases
        As in `Mechanism`.

    Raises
    ------
    ConfigError
        If an argument is impossible, the releases alone exceed the target, or it is met without noise.

    Examples
    --------
    >>> round(noise_for_tpr(0.1, 0.01, sampling_rate=0.1, steps=200), 2)
    1.52
    """
    _check_rate("tpr", tpr)
    _check_rate("fpr", fpr)
    if tpr <= fpr:
        raise ConfigError(f"tpr must be above fpr, which guessing reaches, found {tpr:g} at an FPR of {fpr:g}.")
    return _noise_for_tpr(f"tpr = {tpr:g} at fpr = {fpr:g}", tpr, fpr, _Plan(sampling_rate, steps, releases))


@functools.lru_cache(maxsize=1024)
def noise_for_reconstruction(
    gamma: float, candidates: int, *, sampling_rate: float, steps: int, releases: tuple[float, ...] = ()
) -> float:
    """Smallest noise multiplier with which nobody picks a patient's profile out of its candidates more often.

    The largest chance to pick the right one of n equally likely candidates is the largest TPR at an FPR of 1 / n
    (Hayes, Mahloujifar, Balle. Bounding training data reconstruction in DP-SGD. NeurIPS 2023).

    Parameters
    ----------
    gamma
        Largest chance of success; above 1 / `candidates`, which guessing reaches, and below 1.
    candidates
        At least 2.
    sampling_rate, steps, releases
        As in `Mechanism`.

    Raises
    ------
    ConfigError
        If an argument is impossible, the releases alone exceed the target, or it is met without noise.

    Examples
    --------
    >>> round(noise_for_reconstruction(0.1, 300, sampling_rate=0.1, steps=200), 2)
    1.18
    """
    _check_rate("reconstruction", gamma)
    if candidates < 2:
        raise ConfigError(f"candidates must be at least 2, found {candidates}.")
    if gamma <= 1 / candidates:
        raise ConfigError(f"reconstruction must be above 1 / {candidates}, which guessing reaches, found {gamma:g}.")
    wish = f"reconstruction = {gamma:g} of {candidates} candidates"
    return _noise_for_tpr(wish, gamma, 1 / candidates, _Plan(sampling_rate, steps, releases))


def _noise_for_tpr(wish: str, tpr: float, fpr: float, plan: _Plan) -> float:
    mu = float(special.ndtri(tpr) - special.ndtri(fpr))
    return _noise_for_risk(wish, tpr, lambda done: pld_tpr(done, fpr), plan, guessing=fpr, mu=mu)


def _check_rate(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ConfigError(f"{name} must lie between 0 and 1, found {value:g}.")


def _noise_for_risk(wish: str, target: float, measure: Measure, plan: _Plan, *, guessing: float, mu: float) -> float:
    """As `_smallest_noise`, for a risk that stays below one without noise, since a patient may never be drawn."""
    drawn = -math.expm1(plan.steps * math.log1p(-plan.sampling_rate)) if plan.sampling_rate < 1 else 1.0
    ceiling = drawn + (1 - drawn) * (measure([plan.released()]) if plan.releases else guessing)
    if target >= ceiling:
        raise ConfigError(
            f"dp meets {wish} without noise: a patient is drawn at all with a chance of {drawn:.4g} only. "
            "Ask for more protection, or set noise_multiplier itself."
        )
    return _smallest_noise(wish, target, measure, plan, guess=plan.gaussian_guess(mu))


def _smallest_noise(wish: str, target: float, measure: Measure, plan: _Plan, *, guess: float) -> float:
    """Smallest noise at which the measure, falling in it, is at most the target."""
    if plan.releases and (already := measure([plan.released()])) >= target:
        raise ConfigError(
            f"dp cannot meet {wish}: what is released of the patients beforehand amounts to {already:.4g} already. "
            "Ask for less protection, or put more noise on the releases."
        )

    @functools.cache
    def excess(log_noise: float) -> float:
        found = measure([plan.mechanism(math.exp(log_noise))])
        return math.log(min(max(found, 1e-300), 1e300) / target)

    low, high = _bracket(excess, guess, wish)
    found = float(optimize.brentq(excess, low, high, xtol=_TOLERANCE, rtol=1e-12))
    while excess(found) > 0:
        found += _TOLERANCE
    return math.exp(found)


def _bracket(excess: Callable[[float], float], guess: float, wish: str) -> tuple[float, float]:
    """Logarithms of a noise that misses the target and of one that meets it, found in growing strides from a guess."""
    least, most = math.log(_LEAST), math.log(_MOST)
    low = high = min(max(math.log(guess), least), most)
    stride = 0.02
    while excess(high) > 0:
        if high >= most:
            raise ConfigError(
                f"dp cannot meet {wish} with any noise multiplier up to {_MOST:g}. Ask for less protection."
            )
        low, high, stride = high, min(high + stride, most), 2 * stride
    while excess(low) <= 0:
        if low <= least:
            raise ConfigError(f"dp meets {wish} with any noise multiplier from {_LEAST:g}. Ask for more protection.")
        low, high, stride = max(low - stride, least), low, 2 * stride
    return low, high
