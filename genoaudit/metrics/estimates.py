"""The shapes in which every number leaves `metrics`: a value never travels without its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with a two-sided 95 % interval; None where there is too little evidence to print a number.

    Parameters
    ----------
    value, low, high
        The number and its interval.
    at_least, at_most
        Each by itself a one-sided 95 % limit, for policies; None where no policy reads the number.
    """

    value: float | None
    low: float | None
    high: float | None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class RateAtFpr:
    """Largest true-positive rate of a threshold attack within a false-positive budget.

    Parameters
    ----------
    fpr
        The budget asked for, in [0, 1].
    achieved_fpr
        The false-positive rate of the threshold behind `tpr`; at most `fpr`.
    tpr, low, high
        The rate and its 95 % interval. None when ``fpr < 1 / n_out``: no threshold can show such a rate.
    resolvable
        True when ``fpr * n_out >= 10``. Policies read resolvable numbers only.
    n_out
        Independent non-member units behind the number: patients for one target model.
    at_least, at_most
        As in `Estimate`, of the rate.
    """

    fpr: float
    achieved_fpr: float | None
    tpr: float | None
    low: float | None
    high: float | None
    resolvable: bool
    n_out: int
    at_least: float | None = None
    at_most: float | None = None

    @property
    def estimate(self) -> Estimate:
        """The rate by itself, with its interval and limits."""
        return Estimate(self.tpr, self.low, self.high, self.at_least, self.at_most)
