"""How often any attack can reconstruct a patient's record from a model trained by DP-SGD.

An attack that succeeds without the model with chance kappa at most (for a record known to be one of 1,000 equally
likely candidates, kappa = 0.001) succeeds with it with chance gamma at most:

    gamma(kappa) = sup {mu(E): nu(E) <= kappa}

with nu the law of the released noise where the record is not used and mu where it is. Gamma is also the largest TPR of
any membership attack at an FPR of kappa. Only gamma - kappa is owed to the model.

One step of the Poisson-subsampled Gaussian mechanism, in units of the clipping norm: nu = N(0, s^2), mu =
(1 - q) N(0, s^2) + q N(1, s^2), with s the noise multiplier and q the sampling rate. Relation: add/remove.

Hayes, Mahloujifar, Balle. Bounding training data reconstruction in DP-SGD. NeurIPS 2023.
Kaissis, Hayes, Ziller, Rueckert. Bounding data reconstruction attacks with the hypothesis testing interpretation of
differential privacy. 2023. arXiv:2307.03928.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft, optimize, special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError

_SMALLEST_STEPS, _SMALLEST_NOISE = 30, 0.1  # below either the Edgeworth expansion means nothing
_IN_DOUBT = 1e-3  # share of kappa that may be lost in the tails and in rounding
_ROUNDING = 2.0**-53  # of one step of the composition, and of one cell of the sums
_CUT = 1e-6  # share of kappa that is cut off on purpose
_CELLS = 2**18  # in the losses of one step, at most
_CELLS_PER_SPREAD = 50  # in a standard deviation of one step
_CELLS_PER_TOTAL_SPREAD = 100_000  # in a standard deviation of their sum, at most
_NODES = 20_001  # of a quadrature over released values


@dataclass(frozen=True)
class _Step:
    """One step: its losses, log mu / nu, and where they lie on the axis of the released value.

    `directed`: the adversary knows the direction of the record's gradient; otherwise the sign is lost and the test sees
    the absolute value only.
    """

    noise_multiplier: float
    sampling_rate: float
    directed: bool

    @property
    def lowest_loss(self) -> float:
        """Infimum of the loss."""
        return float(self.loss(np.array(-math.inf if self.directed else 0.0)))

    def loss(self, value: FloatArray) -> FloatArray:
        """Loss at the released value."""
        precision = 1 / self.noise_multiplier**2
        exponent = value * precision
        if not self.directed:
            exponent = np.logaddexp(exponent, -exponent) - math.log(2)  # log cosh
        with np.errstate(divide="ignore"):  # a sampling rate of one
            left_out = np.log1p(-self.sampling_rate)
        return np.asarray(np.logaddexp(left_out, math.log(self.sampling_rate) + exponent - precision / 2))

    def value_at(self, above: FloatArray) -> FloatArray:
        """Released value at which the loss is so much above its lowest; its absolute value if not directed."""
        variance = self.noise_multiplier**2
        with np.errstate(divide="ignore"):
            excess = self.lowest_loss + above + np.log(-np.expm1(-above)) - math.log(self.sampling_rate)
        if self.directed:
            return variance * excess + 0.5
        # arccosh(1 + y), y given by its logarithm, which may be too large to undo.
        excess += 0.5 / variance
        y = np.exp(np.minimum(excess, 100.0))
        return variance * np.where(excess < 100.0, np.log1p(y + np.sqrt(y * (y + 2))), excess + math.log(2))

    def masses(self, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the chances under nu and mu of each cell between adjacent edges (values, as from `value_at`)."""
        noise = self.noise_multiplier
        nu, shifted = _normal_mass(edges / noise), _normal_mass((edges - 1) / noise)
        if not self.directed:
            nu = 2 * nu
            shifted = shifted + _normal_mass((-edges[::-1] - 1) / noise)[::-1]
        return nu, (1 - self.sampling_rate) * nu + self.sampling_rate * shifted


def _normal_mass(edges: FloatArray) -> FloatArray:
    """Chance of each cell under the standard normal law, exact in both tails."""
    return np.where(edges[:-1] > 0, -np.diff(special.ndtr(-edges)), np.diff(special.ndtr(edges)))


def _check(kappa: float, noise_multiplier: float, sampling_rate: float, steps: int) -> None:
    if not 0 < kappa < 1:
        raise ConfigError(f"kappa must lie in (0, 1), found {kappa}. For n equally likely candidates it is 1 / n.")
    if not (math.isfinite(noise_multiplier) and noise_multiplier > 0):
        raise ConfigError(f"the noise multiplier must be finite and above 0, found {noise_multiplier}.")
    if not 0 < sampling_rate <= 1:
        raise ConfigError(f"the sampling rate must lie in (0, 1], found {sampling_rate}.")
    if steps < 1:
        raise ConfigError(f"at least one step is needed, found {steps}.")


def reconstruction_bound(kappa: float, *, noise_multiplier: float, sampling_rate: float, steps: int) -> float:
    """Largest chance of reconstructing a record, for an adversary who knows everything but the record (worst case).

    Closed form without subsampling (Kaissis et al. 2023). With it, the privacy loss distribution: the losses of one
    step are rounded so that no attack gets weaker (Doroshenko et al. Connect the dots. PoPETs 2022) and composed by a
    Fourier transform, so the result is the exact value or a little above. Where tails and rounding could amount to a
    thousandth of `kappa` the bound is refused; below 10 million steps that happens for kappa < 1e-4 only.

    Parameters
    ----------
    kappa
        Chance of success without the model; in (0, 1). Read as an FPR, the result is the largest TPR.
    noise_multiplier
        Standard deviation of the noise over the clipping norm.
    sampling_rate
        Chance of each record to be in a batch, independently (Poisson); in (0, 1].
    steps
        Batches in the whole training.

    Returns
    -------
    Gamma, in [kappa, 1].

    Raises
    ------
    ConfigError
        If an argument is impossible, or `kappa` too small for the precision of the computation.

    Examples
    --------
    >>> round(reconstruction_bound(0.01, noise_multiplier=1.0, sampling_rate=0.1, steps=100), 4)
    0.1461
    """
    _check(kappa, noise_multiplier, sampling_rate, steps)
    if sampling_rate == 1:
        return float(special.ndtr(math.sqrt(steps) / noise_multiplier + special.ndtri(kappa)))
    return _composed(kappa, _Step(noise_multiplier, sampling_rate, directed=True), steps)


def relaxed_bound(kappa: float, *, noise_multiplier: float, sampling_rate: float, steps: int) -> float:
    """As `reconstruction_bound`, for an adversary who does not know the direction of the record's gradient.

    The adversary sees the released value along the gradient without its sign: under nu its square is a chi-square
    variable, under mu a mixture with a non-central one (generalised likelihood ratio test, Ziller et al. Nature Machine
    Intelligence 6:764-774, 2024). Not a guarantee: an adversary who knows the direction does better.

    Parameters
    ----------
    kappa, noise_multiplier, sampling_rate, steps
        As in `reconstruction_bound`.

    Raises
    ------
    ConfigError
        As in `reconstruction_bound`.

    Examples
    --------
    >>> round(relaxed_bound(0.1, noise_multiplier=2.0, sampling_rate=0.2, steps=200), 3)
    0.219
    """
    _check(kappa, noise_multiplier, sampling_rate, steps)
    return _composed(kappa, _Step(noise_multiplier, sampling_rate, directed=False), steps)


def _composed(kappa: float, step: _Step, steps: int) -> float:
    width, chance = _discretised(step, steps, cut=kappa * _CUT / steps)
    first, nu = _self_convolved(chance, steps, cut=kappa * _CUT)
    lost = 1 - float(nu.sum())
    doubt = abs(lost) + _ROUNDING * (steps + nu.size)
    if doubt > kappa * _IN_DOUBT:
        raise ConfigError(
            f"kappa = {kappa:g} is too small for {steps} steps: a mass of {doubt:.1e} may be lost in the tails and in "
            "rounding, more than a thousandth of kappa, and the bound would be a guess. Ask for a larger kappa."
        )
    # The threshold is at most log(1 / kappa), by Markov's inequality: cut there, nothing overflows.
    loss = steps * step.lowest_loss + width * (first + np.arange(nu.size))
    mu = nu * np.exp(np.minimum(loss, -math.log(kappa)))
    # Both sums run up to the threshold, where losses are small: no tail is weighted by a large exponential. What was
    # lost counts as told apart with certainty.
    tnr = max(lost, 0.0) + np.append(0.0, np.cumsum(nu))
    fnr = np.append(0.0, np.cumsum(mu))
    return float(np.clip(1 - np.interp(1 - kappa, tnr, fnr), kappa, 1.0))


def _self_convolved(chance: FloatArray, steps: int, *, cut: float) -> tuple[int, FloatArray]:
    """Distribution of the sum of `steps` draws: first place, and chances from there on, all but `cut`."""
    from dp_accounting.pld.common import compute_self_convolve_bounds

    variance = float(_cumulants(np.arange(chance.size, dtype=np.float64), chance)[1])
    # Chernoff's bound is tightest near this exponent if the sum is normal, and below it if the tail is heavier.
    exponent = math.sqrt(2 * math.log(2 / cut) / max(steps * variance, 1.0))
    exponents = exponent * np.geomspace(1 / 64, 4, 17)
    first, last = compute_self_convolve_bounds(chance, steps, cut, np.concatenate([-exponents, exponents]))
    length = fft.next_fast_len(max(last - first + 1, chance.size), real=True)
    summed = fft.irfft(fft.rfft(chance, length) ** steps, length)
    return first, np.maximum(np.roll(summed, -first)[: last - first + 1], 0.0)


def _discretised(step: _Step, steps: int, *, cut: float) -> tuple[float, FloatArray]:
    """Width of the cells, and chances under nu of the losses ``lowest_loss + width * (0, 1, 2, ...)``.

    Each cell's mass is shared between its two ends so that both nu and mu keep theirs, which makes no attack weaker. Of
    nu the highest values are left out, with a chance of `cut`.
    """
    # Not left to dp_accounting (0.6): at its default cells, noise 0.5 and rate 0.002 the likelihood ratio of its "add"
    # pmf has a mean of 1.014 instead of 1 from rounding, and gamma(0.001) after 10,000 steps is too small by a quarter.
    highest = -float(special.ndtri(cut if step.directed else cut / 2)) * step.noise_multiplier
    values = np.linspace(-highest, highest, _NODES)
    spread = math.sqrt(_cumulants(step.loss(values), _density(values / step.noise_multiplier))[1])
    reach = float(step.loss(np.array([highest]))[0]) - step.lowest_loss
    finest = max(1 / _CELLS_PER_SPREAD, math.sqrt(steps) / _CELLS_PER_TOTAL_SPREAD)
    width = max(spread * finest, reach / _CELLS, 1e-12)
    above = width * np.arange(max(math.ceil(reach / width), 1) + 1, dtype=np.float64)
    nu, mu = step.masses(step.value_at(above))
    ratio = np.maximum(np.exp(step.lowest_loss + above[:-1]), 1e-300)
    upper = np.clip((mu / ratio - nu) / math.expm1(min(width, 700.0)), 0.0, nu)
    chance = np.zeros(above.size)
    chance[:-1] += nu - upper
    chance[1:] += upper
    chance[chance < 1e-100] = 0.0  # nothing, yet enough for an overflow where it is a divisor
    return width, chance


def reconstruction_bound_edgeworth(kappa: float, *, noise_multiplier: float, sampling_rate: float, steps: int) -> float:
    """Approximate `reconstruction_bound` by the fifth-order Edgeworth expansion of Kaissis et al. (2023).

    A cross-check by another route and not a bound: it errs to either side, by 7 % of gamma at noise 0.6, rate 0.01,
    1,000 steps and kappa 0.001, and without limit where kappa is below 1e-4 or the expected number of batches with the
    record is small.

    Parameters
    ----------
    kappa, noise_multiplier, sampling_rate, steps
        As in `reconstruction_bound`.

    Raises
    ------
    ConfigError
        If an argument is impossible, there are fewer than 30 steps, or the noise multiplier is below 0.1.

    Examples
    --------
    >>> round(reconstruction_bound_edgeworth(0.01, noise_multiplier=1.0, sampling_rate=0.1, steps=100), 4)
    0.1462
    """
    _check(kappa, noise_multiplier, sampling_rate, steps)
    if steps < _SMALLEST_STEPS or noise_multiplier < _SMALLEST_NOISE:
        raise ConfigError(
            f"the expansion needs at least {_SMALLEST_STEPS} steps and a noise multiplier of at least "
            f"{_SMALLEST_NOISE}, found {steps} and {noise_multiplier}. Use `reconstruction_bound`."
        )
    values = np.linspace(-12 * noise_multiplier, 1 + 12 * noise_multiplier, _NODES)
    nu, shifted = _density(values / noise_multiplier), _density((values - 1) / noise_multiplier)
    losses = _Step(noise_multiplier, sampling_rate, directed=True).loss(values)
    under_nu = steps * _cumulants(losses, nu)
    under_mu = steps * _cumulants(losses, (1 - sampling_rate) * nu + sampling_rate * shifted)
    threshold = optimize.brentq(lambda x: _edgeworth(x, under_nu) - (1 - kappa), -12.0, 12.0)
    standardised = (threshold * math.sqrt(under_nu[1]) + under_nu[0] - under_mu[0]) / math.sqrt(under_mu[1])
    return 1 - float(np.clip(_edgeworth(standardised, under_mu), 0.0, 1.0))


def _density(standardised: FloatArray) -> FloatArray:
    """Weights of the trapezoidal rule over equally spaced values, exact to rounding for smooth functions."""
    weights = np.exp(-(standardised**2) / 2)
    return np.asarray(weights / weights.sum())


def _cumulants(losses: FloatArray, weights: FloatArray) -> FloatArray:
    """First five cumulants."""
    mean = float(weights @ losses)
    second, third, fourth, fifth = (float(weights @ (losses - mean) ** order) for order in (2, 3, 4, 5))
    return np.array([mean, second, third, fourth - 3 * second**2, fifth - 10 * third * second])


def _edgeworth(x: float, cumulants: FloatArray) -> float:
    """Distribution function, at `x` standard deviations above the mean, of a sum with these cumulants."""
    scale = math.sqrt(cumulants[1])
    third, fourth, fifth = (float(cumulants[order - 1]) / scale**order for order in (3, 4, 5))
    series = [0, 0, third / 6, fourth / 24, fifth / 120, third**2 / 72, third * fourth / 144, 0, third**3 / 1296]
    density = math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    # Probabilists' Hermite polynomials: the derivatives of the density.
    return float(special.ndtr(x)) - density * float(np.polynomial.hermite_e.hermeval(x, series))
