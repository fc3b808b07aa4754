"""What the reference models say of a patient: moments of a statistic without the target and what was drawn with it.

Leaving out only the target would give its membership away through the counts: in a half split its complementary model
goes with it, in a random split all models of its round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray, draw_codes
from genoaudit.errors import ConfigError

MIN_REFERENCES = 2
"""A variance needs two values."""

ROUNDING = 8 * np.finfo(np.float64).eps
"""Relative error of a sum of squares from which the target's share was taken."""

NumberT = TypeVar("NumberT", np.float64, np.intp)


@dataclass(frozen=True, eq=False)
class Moments:
    """One side (IN or OUT) of every patient, for every target.

    Parameters
    ----------
    count
        Reference models on the side; [targets, patients].
    mean
        Mean of the statistic over them; [targets, patients].
    squares
        Sum of squared deviations from that mean; [targets, patients].
    """

    count: IntArray
    mean: FloatArray
    squares: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Unbiased variance of every patient."""
        return np.asarray(self.squares / (self.count - 1))


def reference_moments(
    statistic: FloatArray, side: BoolArray, partner: IntArray, *, least: int = MIN_REFERENCES
) -> Moments:
    """Take the moments of one side for every target, without the target and without the models drawn with it.

    Parameters
    ----------
    statistic
        One value per model and patient; [models, patients].
    side
        The models that belong to the side of each patient; [models, patients].
    partner
        Who was drawn with whom, as in `genoaudit.contracts.Design`; [models].
    least
        Reference models that must be left on the side.

    Raises
    ------
    ConfigError
        If fewer than `least` are left for some patient and target.

    Examples
    --------
    >>> side = np.array([[True], [False], [True], [False], [True], [False]])
    >>> statistic = np.array([[9.0], [0.0], [3.0], [1.0], [5.0], [2.0]])
    >>> moments = reference_moments(statistic, side, np.array([1, 0, 3, 2, 5, 4]))
    >>> moments.mean[:2, 0], moments.variance[:2, 0]
    (array([4., 4.]), array([2., 2.]))
    """
    # Deviations from the side's own mean sum to zero, so the moments without a few models follow from what those models
    # contribute, without subtracting large sums from each other.
    mean, deviation = _from_mean(statistic, side)
    left = _left(side, partner)
    if left.min() < least:
        short = np.flatnonzero((left < least).any(axis=0))
        raise ConfigError(
            f"the attack needs reference models that held a patient and others that did not, at least {least} of each "
            f"besides the target and what was drawn with it; {short.size} of {side.shape[1]} patients have fewer "
            f"(first: patient number {short[0]}). Train more models."
        )
    removed = sum_of_draw(deviation, partner)
    total = (deviation**2).sum(axis=0)
    squares = total - sum_of_draw(deviation**2, partner) - removed**2 / left
    # What is no larger than the rounding of the total is nothing: references that agree exactly have no variance.
    squares = np.where(squares > ROUNDING * total, squares, 0.0)
    return Moments(count=left, mean=mean - removed / left, squares=squares)


def reference_products(first: FloatArray, second: FloatArray, side: BoolArray, partner: IntArray) -> FloatArray:
    """Sum the products of two statistics' deviations from their means over one side's references, for every target.

    Parameters
    ----------
    first, second
        Two values per model and patient; [models, patients].
    side, partner
        As for `reference_moments`, which says whether there are enough references.

    Returns
    -------
    What covariances are made of, without each target and the models drawn with it; [targets, patients]. Of a statistic
    with itself it is `Moments.squares`, but for rounding.

    Examples
    --------
    >>> side, partner = np.ones((3, 1), dtype=bool), np.full(3, -1)
    >>> reference_products(np.array([[9.0], [1.0], [3.0]]), np.array([[0.0], [2.0], [8.0]]), side, partner)[0]
    array([6.])
    """
    (_, one), (_, other) = _from_mean(first, side), _from_mean(second, side)
    products = one * other
    left = np.maximum(_left(side, partner), 1)
    removed = sum_of_draw(one, partner) * sum_of_draw(other, partner) / left
    return np.asarray(products.sum(axis=0) - sum_of_draw(products, partner) - removed)


def _from_mean(statistic: FloatArray, side: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Mean of a side's models, and each one's deviation from it, 0 for the others."""
    mean = np.where(side, statistic, 0.0).sum(axis=0) / np.maximum(side.sum(axis=0), 1)
    return mean, np.where(side, statistic - mean, 0.0)


def _left(side: BoolArray, partner: IntArray) -> IntArray:
    """Count the references of a side for every target."""
    return np.asarray(side.sum(axis=0) - sum_of_draw(side.astype(np.intp), partner))


def sum_of_draw(values: NDArray[NumberT], partner: IntArray) -> NDArray[NumberT]:
    """Sum over every model and those drawn with it.

    Parameters
    ----------
    values
        One row per model; [models, ...].
    partner
        Who was drawn with whom, as in `genoaudit.contracts.Design`; [models].

    Returns
    -------
    The sum of its draw, for every model; [models, ...].

    Examples
    --------
    >>> sum_of_draw(np.array([1.0, 2.0, 4.0]), np.array([1, 0, -1]))
    array([3., 3., 4.])
    """
    draw = draw_codes(partner)
    order = np.argsort(draw, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(draw))[:-1]))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0)[draw])
