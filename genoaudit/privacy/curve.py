"""The trade-off curve of a mechanism: the largest TPR of any membership attack at every FPR, and what follows from it.

*Add/remove* asks whether a patient is in the cohort. One step of DP-SGD then tells N(0, s^2) from
(1 - q) N(0, s^2) + q N(1, s^2), with s the noise multiplier and q the sampling rate.

*Replace-one* asks which of two patients it is. One step then tells (1 - q) N(0, s^2) + q N(1, s^2) from
(1 - q) N(0, s^2) + q N(-1, s^2): both were drawn as often, and their clipped gradients point in opposite directions. No
other pair of gradients u, v is easier to tell apart. For t >= 1 the hockey-stick divergence of order t between the two
mixtures is q times one between N(u, s^2) and a mixture of N(0, s^2) and N(v, s^2), and among those the largest has its
centres on one line at the largest distances allowed, 1 and 2 (Choquette-Choo, Ganesh, Steinke, Thakurta. Privacy
amplification for matrix mechanisms. ICLR 2024, on mixtures of Gaussians). By symmetry the same holds for t < 1, and
pairs that dominate step by step dominate together (Zhu, Dong, Wang. Optimal accounting of differential privacy via
characteristic function. AISTATS 2022). Without subsampling this is the Gaussian curve with mu = 2 sqrt(steps) / s.

Success at re-identification, attribute inference and reconstruction is bounded by the same curve, read at the chance of
success by guessing (Kulynych, Gomez, Kaissis, Hayes, Balle, Calmon, Raisaro. Unifying re-identification, attribute
inference, and data reconstruction risks in differential privacy. NeurIPS 2025).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.lower_bounds import Neighbouring
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import discretisation, loss_distribution
from genoaudit.privacy.rdp import rdp_epsilon, step_counts

if TYPE_CHECKING:
    from dp_accounting.pld.pld_pmf import DensePLDPmf
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

_HOPELESS = 2000.0  # epsilon by RDP above which a loss distribution takes long and says nothing
_REACH = 10.0  # standard deviations; 1e-23 lies beyond
_HUGE = 30.0  # logarithm of an argument of asinh that is as good as infinite


@dataclass(frozen=True, eq=False)
class RiskCurve:
    """Largest TPR of any attack against the FPR: rising, concave, straight between its vertices.

    Parameters
    ----------
    fpr, tpr
        The vertices, ascending from an FPR of 0 to one of 1; [vertices].
    neighbouring
        ``"add/remove"``: members are told from patients who are not in the cohort; ``"replace-one"``: from others in
        their place.
    """

    fpr: FloatArray
    tpr: FloatArray
    neighbouring: Neighbouring

    @classmethod
    def excluding_nothing(cls, neighbouring: Neighbouring) -> RiskCurve:
        """Return the curve of a mechanism that may reveal everything."""
        return cls(np.array([0.0, 1.0]), np.array([1.0, 1.0]), neighbouring)

    @classmethod
    def of_losses(
        cls, total: PrivacyLossDistribution, neighbouring: Neighbouring, *, reverse: bool = False
    ) -> RiskCurve:
        """Read the curve from a privacy loss distribution.

        An attack takes all losses above a threshold: with the chance they have for a member, and for a non-member with
        that chance damped by exp(-loss). Both come from the distribution of a member's losses (dp_accounting's for
        removal), since rounding adds up in the other one. With `reverse` the two change places: the curve of whoever
        is after those who are not in the cohort.
        """
        dense = (total._pmf_add if reverse else total._pmf_remove).to_dense_pmf()
        losses = (dense._lower_loss + np.arange(dense.size)) * dense._discretization
        chance = np.maximum(np.asarray(dense._probs, dtype=np.float64), 0.0)[::-1]
        tpr = dense._infinity_mass + np.concatenate([[0.0], np.cumsum(chance), [np.inf]])
        fpr = np.concatenate([[0.0], np.cumsum(chance * np.exp(np.minimum(-losses[::-1], 700.0))), [1.0]])
        within = np.append(fpr[:-1] < 1, True)  # beyond, there is only what rounding adds
        return cls(fpr[within], np.clip(tpr[within], fpr[within], 1.0), neighbouring)

    def tpr_at(self, fpr: ArrayLike) -> FloatArray:
        """Largest TPR of any attack at these FPRs; any shape.

        Raises
        ------
        ConfigError
            If an FPR is outside [0, 1].
        """
        rates = np.asarray(fpr, dtype=np.float64)
        if not ((rates >= 0) & (rates <= 1)).all():
            raise ConfigError(f"an FPR must lie in [0, 1], found {rates.min():g} to {rates.max():g}.")
        return np.asarray(np.interp(rates, self.fpr, self.tpr))

    @property
    def advantage(self) -> float:
        """Largest TPR - FPR of any attack."""
        return float((self.tpr - self.fpr).max())

    @property
    def auc(self) -> float:
        """AUC of the best test, which no attack exceeds."""
        return float(np.trapezoid(self.tpr, self.fpr))

    def epsilon(self, delta: float) -> float:
        """Least epsilon that allows this curve at `delta`; infinite where more than delta is given away without fail.

        Only of a curve that is its own mirror image, as those of replacing are: the other end is not looked at.
        """
        above = self.tpr > delta
        with np.errstate(divide="ignore"):
            needed = np.log(self.tpr[above] - delta) - np.log(self.fpr[above])
        return float(np.maximum(needed, 0.0).max(initial=0.0))

    def ppv(self, prior: float, fpr: float) -> float:
        """Largest share of true members among those whom an attack with this FPR takes for members.

        Parameters
        ----------
        prior
            Share of members among those attacked, in (0, 1).
        fpr
            In (0, 1].

        Raises
        ------
        ConfigError
            If a number is impossible.
        """
        if not (0 < prior < 1 and 0 < fpr <= 1):
            raise ConfigError(f"a prior must lie in (0, 1) and an FPR in (0, 1], found {prior:g} and {fpr:g}.")
        found, wrong = prior * float(self.tpr_at(fpr)), (1 - prior) * fpr
        return found / (found + wrong)

    def success(self, candidates: int) -> float:
        """Largest chance to pick the right one of equally likely candidates: 1 - f(1 / candidates).

        Raises
        ------
        ConfigError
            If there are fewer than 2 candidates.
        """
        if candidates < 2:
            raise ConfigError(f"at least 2 candidates are needed, found {candidates}.")
        return float(self.tpr_at(1 / candidates))


def risk_curve(mechanisms: Sequence[Mechanism], *, neighbouring: Neighbouring, delta: float = 1e-3) -> RiskCurve:
    """Compute what no membership attack on all mechanisms together can exceed.

    The exact curve or a hair above, since losses are rounded so that no attack gets weaker; a few percent above where a
    handful of steps has next to no noise.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients.
    neighbouring
        What is attacked, see `RiskCurve`.
    delta
        Where epsilon at this delta is in the thousands (by RDP), the curve excludes nothing and nothing is computed.

    Raises
    ------
    ConfigError
        If there is no mechanism or `delta` is outside (0, 1).

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.0, sampling_rate=0.1, steps=100, patients=300)
    >>> curve = risk_curve([mechanism], neighbouring="add/remove")
    >>> round(float(curve.tpr_at(0.01)), 3), round(curve.auc, 3)
    (0.146, 0.794)
    """
    if rdp_epsilon(mechanisms, delta)[0] > _HOPELESS:
        return RiskCurve.excluding_nothing(neighbouring)
    total = loss_distribution(mechanisms) if neighbouring == "add/remove" else replacement_losses(mechanisms)
    return RiskCurve.of_losses(total, neighbouring)


def trade_off_curve(
    mechanisms: Sequence[Mechanism], fpr: ArrayLike, *, neighbouring: Neighbouring, delta: float = 1e-3
) -> FloatArray:
    """Smallest FNR of any membership attack at the given FPRs: 1 less `risk_curve`.

    Parameters
    ----------
    mechanisms, neighbouring, delta
        As in `risk_curve`.
    fpr
        In [0, 1]; any shape.

    Returns
    -------
    In [0, 1], the shape of `fpr`.

    Raises
    ------
    ConfigError
        As in `risk_curve`, or if an FPR is impossible.

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=10.0, sampling_rate=1.0, steps=25, patients=300)
    >>> trade_off_curve([mechanism], [0.01, 0.1], neighbouring="replace-one").round(4)  # mu = 1
    array([0.9076, 0.6109])
    """
    return np.asarray(1 - risk_curve(mechanisms, neighbouring=neighbouring, delta=delta).tpr_at(fpr))


def replacement_epsilon(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Epsilon at delta for replacing one patient by another; what an audit of that relation is compared with.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients.
    delta
        In (0, 1).

    Returns
    -------
    At least that for adding or removing; infinite where the latter is in the thousands.

    Raises
    ------
    ConfigError
        If there is no mechanism or `delta` is outside (0, 1).

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=10.0, sampling_rate=1.0, steps=25, patients=300)
    >>> round(replacement_epsilon([mechanism], 1e-5), 3)  # mu = 1
    4.377
    """
    if rdp_epsilon(mechanisms, delta)[0] > _HOPELESS:
        return math.inf
    return epsilon_at(replacement_losses(mechanisms), delta)


def epsilon_at(total: PrivacyLossDistribution, delta: float) -> float:
    """Epsilon at delta, the larger of both directions; infinite above about 700, where exp(epsilon) overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(total.get_epsilon_for_delta(delta))


def replacement_losses(mechanisms: Sequence[Mechanism]) -> PrivacyLossDistribution:
    """Privacy loss distribution of all mechanisms together, for replacing one patient by another.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients, with noise multipliers above 0.
    """
    from dp_accounting.pld import privacy_loss_distribution as pld

    interval = 2 * discretisation(mechanisms)  # losses are about twice as large as for adding or removing
    total = pld.identity(value_discretization_interval=interval)
    for (noise, rate), steps in step_counts(mechanisms).items():
        if rate == 1:
            alone = pld.from_gaussian_mechanism(noise / (2 * math.sqrt(steps)), value_discretization_interval=interval)
        else:
            alone = pld.PrivacyLossDistribution(_step_pmf(noise, rate, interval)).self_compose(steps)
        total = total.compose(alone)
    return total


def _step_pmf(noise: float, rate: float, interval: float) -> DensePLDPmf:
    """Losses of one step on a grid, shared between adjacent points so that the chances under both laws are kept."""
    from dp_accounting.pld.pld_pmf import DensePLDPmf

    lowest, highest = _loss(np.array([-_REACH * noise, 1 + _REACH * noise]), noise, rate)
    first, last = math.floor(lowest / interval), math.ceil(highest / interval)
    losses = interval * np.arange(first, last + 1)
    edges = _value_at(losses, noise, rate)
    nobody, one, other = (_normal_mass((edges - centre) / noise) for centre in (0, 1, -1))
    member, replaced = (1 - rate) * nobody + rate * one, (1 - rate) * nobody + rate * other
    # A cell's likelihood ratio lies between those at its two ends, so both shares are positive but for rounding.
    upper = np.clip((member - replaced * np.exp(np.minimum(losses[:-1], 700.0))) / -math.expm1(-interval), 0.0, member)
    chance = np.zeros(losses.size)
    chance[:-1] += member - upper
    chance[1:] += upper
    below, above = (
        (1 - rate) * special.ndtr(side * edges[end] / noise) + rate * special.ndtr(side * (edges[end] - 1) / noise)
        for side, end in ((1, 0), (-1, -1))
    )
    chance[0] += below  # rounded upwards, as is what lies above the grid
    return DensePLDPmf(interval, first, chance, float(above), pessimistic_estimate=True)


def _normal_mass(edges: FloatArray) -> FloatArray:
    """Chance of each cell under the standard normal law, exact in both tails."""
    return np.where(edges[:-1] > 0, -np.diff(special.ndtr(-edges)), np.diff(special.ndtr(edges)))


def _loss(value: FloatArray, noise: float, rate: float) -> FloatArray:
    one, other = (np.logaddexp(math.log1p(-rate), math.log(rate) + (sign * value - 0.5) / noise**2) for sign in (1, -1))
    return np.asarray(one - other)


def _value_at(loss: FloatArray, noise: float, rate: float) -> FloatArray:
    """Released value with this loss: ``s^2 (loss / 2 + arsinh(b))``, b = (1 - q) / q exp(1 / (2 s^2)) sinh(loss / 2).

    The root of a quadratic equation in exp(value / s^2).
    """
    size = np.abs(loss)
    with np.errstate(divide="ignore"):  # a loss of 0
        log_b = math.log1p(-rate) - math.log(rate) + 0.5 / noise**2 + size / 2 + np.log(-np.expm1(-size) / 2)
    excess = np.where(log_b < _HUGE, np.arcsinh(np.exp(np.minimum(log_b, _HUGE))), log_b + math.log(2))
    return np.asarray(noise**2 * np.sign(loss) * (size / 2 + excess))
