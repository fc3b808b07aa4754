"""How well a profile can be read from scratch out of a noisy gradient: the best case of the analytic attack.

A gradient clipped to C that holds nothing but the profile x is ``C x / |x|``. With noise of standard deviation sigma C
on every gene, and |x| known, the best estimate is normal with mean x and standard deviation ``sigma |x|`` per gene. Its
mean squared error over N genes follows Gamma(N / 2, 2 sigma^2 |x|^2 / N), and its Pearson correlation with x has a
known law too. T independent releases act like one with ``sigma / sqrt(T)``.

A real layer does a little worse, because part of the clipped gradient is its biases' and the later layers': put
``|gradient| / |bias gradient|`` in the place of |x|, as `effective_norm` does.

This adversary has no prior knowledge, so these are no guarantees: much less than a profile suffices to tell which of a
few patients it is (`identification_rate`).

Riess, Schwethelm, Kaiser, Mueller, Schnabel, Rueckert, Ziller. From mean to extreme: formal differential privacy bounds
on the success of real-world data reconstruction attacks. 2024. arXiv:2402.12861.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.network import Gradient


def mse_cdf(eta: ArrayLike, *, noise_multiplier: float, norm: float, genes: int) -> FloatArray:
    """Chance that the mean squared error is at most `eta`: gamma of (eta, gamma)-reconstruction robustness.

    Parameters
    ----------
    eta
        Mean squared errors, in squared units of the scale; any shape.
    noise_multiplier
        Standard deviation of the noise over the clipping norm, above 0.
    norm
        Euclidean norm of the profile as the network gets it, above 0.
    genes
        Number of genes.

    Returns
    -------
    In [0, 1], the shape of `eta`.

    Raises
    ------
    ConfigError
        If a number is impossible.

    Examples
    --------
    >>> round(float(mse_cdf(1.0, noise_multiplier=0.1, norm=10.0, genes=100)), 3)
    0.519
    """
    scale = _scale(noise_multiplier, norm, genes)
    return np.asarray(special.gammainc(genes / 2, np.maximum(np.asarray(eta, dtype=np.float64), 0.0) / scale))


def mse_quantile(gamma: ArrayLike, *, noise_multiplier: float, norm: float, genes: int) -> FloatArray:
    """Mean squared error that is undercut with chance `gamma`; the inverse of `mse_cdf`.

    Raises
    ------
    ConfigError
        If a number is impossible.
    """
    chance = np.asarray(gamma, dtype=np.float64)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ConfigError(f"gamma must lie in [0, 1], found {chance.min()} to {chance.max()}.")
    return np.asarray(special.gammaincinv(genes / 2, chance) * _scale(noise_multiplier, norm, genes))


def noise_for_mse(eta: float, gamma: float, *, norm: float, genes: int) -> float:
    """Smallest noise multiplier at which an error of at most `eta` has chance `gamma` at most.

    Raises
    ------
    ConfigError
        If a number is impossible.

    Examples
    --------
    >>> sigma = noise_for_mse(0.5, 0.01, norm=10.0, genes=100)
    >>> round(float(mse_cdf(0.5, noise_multiplier=sigma, norm=10.0, genes=100)), 6)
    0.01
    """
    if not (eta > 0 and 0 < gamma < 1):
        raise ConfigError(f"eta must be above 0 and gamma in (0, 1), found {eta} and {gamma}.")
    return math.sqrt(eta / float(mse_quantile(gamma, noise_multiplier=1.0, norm=norm, genes=genes)))


def correlation_cdf(
    value: ArrayLike, *, noise_multiplier: float, profile: ArrayLike, norm: float | None = None
) -> FloatArray:
    """Chance that the Pearson correlation of the reconstruction with the profile is at most `value`.

    The correlation is the cosine of a fixed vector with a noisy copy of itself, N - 1 dimensions after centring: a
    function of a non-central t variable with N - 2 degrees of freedom.

    Parameters
    ----------
    value
        Correlations in [-1, 1]; any shape.
    noise_multiplier
        Standard deviation of the noise over the clipping norm, above 0.
    profile
        The profile as the network gets it, [genes].
    norm
        What stands in the place of its norm, such as `effective_norm`; None: its norm.

    Raises
    ------
    ConfigError
        If a number is impossible, or the profile is constant or of fewer than three genes.
    """
    r = np.clip(np.asarray(value, dtype=np.float64), -1.0, 1.0)
    signal, dimensions = _signal(noise_multiplier, profile, norm)
    with np.errstate(divide="ignore"):
        t = r * math.sqrt(dimensions - 1) / np.sqrt(1 - r**2)
    inside = stats.nct.cdf(np.where(np.isfinite(t), t, 0.0), dimensions - 1, signal)
    return np.asarray(np.where(np.isfinite(t), inside, r > 0))


def expected_correlation(noise_multiplier: float, *, profile: ArrayLike, norm: float | None = None) -> float:
    """Mean Pearson correlation that the best reconstruction from scratch attains with the profile.

    Near ``1 / sqrt(1 + (N - 1) sigma^2)`` for a centred profile of N genes: half is lost at ``sigma = sqrt(3 / N)``.
    Exact, the mean resultant length of a projected normal law (Presnell, Morrison, Littell. JASA 93:1068-1077, 1998).

    Parameters
    ----------
    noise_multiplier, profile, norm
        As in `correlation_cdf`.

    Raises
    ------
    ConfigError
        As in `correlation_cdf`.

    Examples
    --------
    >>> profile = np.tile([1.0, -1.0], 500)
    >>> round(expected_correlation(math.sqrt(3 / 1000), profile=profile), 2)
    0.5
    """
    signal, dimensions = _signal(noise_multiplier, profile, norm)
    factor = math.exp(special.gammaln((dimensions + 1) / 2) - special.gammaln(dimensions / 2 + 1)) / math.sqrt(2)
    return float(factor * signal * special.hyp1f1(0.5, dimensions / 2 + 1, -(signal**2) / 2))


def noise_for_correlation(correlation: float, *, profile: ArrayLike, norm: float | None = None) -> float:
    """Noise multiplier at which the best reconstruction from scratch attains this mean correlation.

    Raises
    ------
    ConfigError
        If the correlation is not in (0, 1), or as in `correlation_cdf`.
    """
    if not 0 < correlation < 1:
        raise ConfigError(f"the correlation must lie in (0, 1), found {correlation}.")
    loudest, dimensions = _signal(1.0, profile, norm)
    guess = loudest * math.sqrt(1 / correlation**2 - 1) / math.sqrt(dimensions)
    log_noise = optimize.brentq(
        lambda x: expected_correlation(math.exp(x), profile=profile, norm=norm) - correlation,
        math.log(guess) - 2,
        math.log(guess) + 2,
        xtol=1e-12,
    )
    return math.exp(log_noise)


def effective_norm(gradient: Gradient) -> float:
    """Norm of a patient's whole gradient over that of the first layer's biases, both without noise.

    At least ``sqrt(|x|^2 + 1)`` for a single sample x; with it in the place of the profile's norm the laws are exact
    for `genoaudit.reconstruction.analytic.invert_first_layer` with known errors, where clipping binds.

    Raises
    ------
    ConfigError
        If the biases have no gradient.
    """
    heard = float(np.linalg.norm(gradient.biases[0]))
    if heard == 0:
        raise ConfigError("the first layer's biases have no gradient: no unit was active.")
    return gradient.norm / heard


def identification_rate(kappa: float, *, noise_multiplier: float, sensitivity: float = 1.0) -> float:
    """Largest chance of picking a record, by an adversary who would succeed with chance `kappa` by guessing.

    One release of all records without subsampling: ``SF(SF^-1(kappa) - sensitivity / sigma)`` with the normal survival
    function SF; with subsampling and steps `genoaudit.privacy.reconstruction_bound`.

    Parameters
    ----------
    kappa
        Chance by guessing, in (0, 1).
    noise_multiplier
        Standard deviation of the noise over the clipping norm, above 0.
    sensitivity
        How far the record moves the release, in units of the clipping norm: 1 for adding or removing it.

    Raises
    ------
    ConfigError
        If a number is impossible.

    Examples
    --------
    >>> round(identification_rate(0.01, noise_multiplier=1.0), 4)
    0.0924
    """
    if not (0 < kappa < 1 and noise_multiplier > 0 and sensitivity >= 0):
        raise ConfigError(
            "kappa must lie in (0, 1), noise_multiplier above 0 and sensitivity at least 0; found "
            f"{kappa}, {noise_multiplier} and {sensitivity}."
        )
    return float(special.ndtr(special.ndtri(kappa) + sensitivity / noise_multiplier))


def noise_for_identification(gamma: float, kappa: float, *, sensitivity: float = 1.0) -> float:
    """Noise multiplier at which `identification_rate` is `gamma`.

    Raises
    ------
    ConfigError
        Unless ``0 < kappa < gamma < 1``.
    """
    if not (0 < kappa < gamma < 1 and sensitivity > 0):
        raise ConfigError(
            f"expected 0 < kappa < gamma < 1 and sensitivity above 0, found {kappa}, {gamma}, {sensitivity}."
        )
    return float(sensitivity / (special.ndtri(gamma) - special.ndtri(kappa)))


def _scale(noise_multiplier: float, norm: float, genes: int) -> float:
    if not (0 < noise_multiplier < math.inf and 0 < norm < math.inf and genes >= 1):
        raise ConfigError(
            "noise_multiplier and norm must be finite and above 0, genes at least 1; found "
            f"{noise_multiplier}, {norm} and {genes}."
        )
    return 2 * (noise_multiplier * norm) ** 2 / genes


def _signal(noise_multiplier: float, profile: ArrayLike, norm: float | None) -> tuple[float, int]:
    """Length of the centred profile over the noise of a gene, and the dimensions it lies in."""
    x = np.asarray(profile, dtype=np.float64)
    if x.ndim != 1 or x.size < 3:
        raise ConfigError(f"a profile needs 3 genes or more, found shape {x.shape}.")
    length = float(np.linalg.norm(x - x.mean()))
    if length == 0:
        raise ConfigError("the profile is constant over the genes: nothing correlates with it.")
    whole = float(np.linalg.norm(x)) if norm is None else norm
    _scale(noise_multiplier, whole, x.size)
    return length / (noise_multiplier * whole), x.size - 1
