"""The error of a number over patients and, independently, complementary pairs of models; and limits made from it.

Both variances come from influences: by how much the number grows per unit of a patient's or a pair's weight. They are
what a bootstrap over patients and over pairs finds, without its Monte-Carlo error. What is particular to one patient in
one model is counted twice, which errs on the wide side. With a single pair the error covers patients alone.

Limits take the probability left beyond one of them, the tail: 0.025 for each end of a two-sided 95 % interval, 0.05 for
a one-sided 95 % limit. Each source of error has Student's quantile with its own degrees of freedom (Cochran's idea,
Biometrics 1964).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import newcombe_auc

TWO_SIDED = 0.025
"""Beyond either end of a reported interval."""

ONE_SIDED = 0.05
"""Beyond the limit that a policy reads."""

_LEAST_FREEDOM = 4.0  # an AUC near 1 rests on few patients, of whom the few unseen ones are added to what is known


def z(tail: float) -> float:
    """Return the normal quantile that leaves `tail` above it.

    Examples
    --------
    >>> round(z(TWO_SIDED), 2), round(z(ONE_SIDED), 3)
    (1.96, 1.645)
    """
    return float(stats.norm.isf(tail))


@dataclass(frozen=True, eq=False)
class TwoWay:
    """Influences of the patients, [patients], and the variances of a number from patients and from pairs of models."""

    influences: FloatArray
    patients: float
    pairs: float
    n_pairs: int

    @property
    def deviation(self) -> float:
        """Standard error."""
        return float(np.sqrt(self.patients + self.pairs))

    def margin(self, tail: float, freedom: float | None = None) -> float:
        """How far a limit lies from the number, given the degrees of freedom of the patients (else their number)."""
        of_patients = special.stdtrit(freedom or max(self.influences.size - 1, 1), tail)
        of_pairs = special.stdtrit(max(self.n_pairs - 1, 1), tail)
        return float(np.sqrt(self.patients * of_patients**2 + self.pairs * of_pairs**2))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the patients' variance: few when few influences are large (fourth moment)."""
        squares, count = self.influences**2, self.influences.size
        square = float(squares.sum())
        excess = float(squares @ squares) - square**2 / count
        known = 2 * square**2 / excess if excess > 1e-12 * square**2 else np.inf
        return float(np.clip(known, _LEAST_FREEDOM, count - 1))


def two_way(patients: FloatArray, targets: FloatArray, pair_of_target: IntArray) -> TwoWay:
    """Add up influences over everything that varies together.

    Parameters
    ----------
    patients
        Influence of each patient, over all targets; [patients].
    targets
        Influence of each target, over all patients; [targets].
    pair_of_target
        Pair code of each target, see `genoaudit.metrics.intervals.pair_codes`; [targets].

    Examples
    --------
    >>> error = two_way(np.array([0.3, -0.3, 0.0]), np.array([0.1, 0.1, -0.2]), np.array([0, 0, 1]))
    >>> round(error.patients, 2), round(error.pairs, 2)
    (0.18, 0.16)
    """
    pairs = np.bincount(pair_of_target, weights=targets)
    # The variance of few pairs around their own mean is scaled up.
    unbiased = pairs.size / (pairs.size - 1) if pairs.size > 1 else 0.0
    return TwoWay(patients, float(patients @ patients), float(pairs @ pairs) * unbiased, pairs.size)


def auc_estimate(value: float, error: TwoWay, members: int, non_members: int) -> Estimate:
    """Give an AUC its interval and its one-sided limits.

    The wider of two, both on the logit scale: from the patients seen, and with half a patient more on each side, placed
    by chance, for near 0 and 1 the few patients who would vary may all be missing. An AUC of exactly 0 or 1 has no
    spread to show and takes Newcombe's interval instead.

    Parameters
    ----------
    value, error
        The AUC and its error.
    members, non_members
        The fewest patients on each side of one target.

    Examples
    --------
    >>> found = auc_estimate(0.8, two_way(np.full(50, 0.004), np.zeros(1), np.zeros(1, dtype=int)), 25, 25)
    >>> found.low < found.at_least < 0.8 < found.at_most < found.high
    True
    """
    (low, high), (at_least, at_most) = (
        _auc_limits(value, error, members, non_members, tail) for tail in (TWO_SIDED, ONE_SIDED)
    )
    return Estimate(value, low, high, at_least, at_most)


def _auc_limits(value: float, error: TwoWay, members: int, non_members: int, tail: float) -> tuple[float, float]:
    if not 0 < value < 1:
        low, high = newcombe_auc(value, members, non_members, 1 - 2 * tail)
        return float(low), float(high)
    half = 0.5 / np.array([members, non_members])
    more = replace(error, patients=error.patients + (value - 0.5) ** 2 * float(half @ half))
    shifted = (value + 0.5 * half.sum()) / (1 + half.sum())
    centre = np.array([value, shifted])
    reach = np.array([error.margin(tail, error.freedom), more.margin(tail, more.freedom)]) / (centre * (1 - centre))
    ends = (special.expit(special.logit(centre) + sign * reach) for sign in (-1, 1))
    return float(next(ends).min()), float(next(ends).max())
