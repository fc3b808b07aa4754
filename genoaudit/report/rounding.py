"""Numbers made coarse enough to be shared: two decimals, limits rounded outwards, and bands for what is about few."""

from __future__ import annotations

import math
from bisect import bisect_right
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from itertools import pairwise

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.wording import CHANCE_AUC

AUC_BANDS = tuple(pairwise((None, 0.6, 0.7, 0.8, 0.9, None)))
"""What the AUC of one patient lies in: from and below; None where a band is open."""
EPSILON_STEPS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""What a lower bound of one patient's epsilon is rounded down to."""

_SLACK = 1e-9  # 0.29 * 100 is 28.999999999999996 in floating point


def rounded(value: float) -> float:
    """Round to two decimals, or three where two would make a number look like guessing.

    Examples
    --------
    >>> rounded(0.7149), rounded(0.5031), rounded(0.5)
    (0.71, 0.503, 0.5)
    """
    return round(value, 3) if round(value, 2) == CHANCE_AUC else round(value, 2)


def rounded_limits(estimate: Estimate | RateAtFpr) -> tuple[float | None, float | None]:
    """Round an interval outwards, so that it covers what it covered.

    Examples
    --------
    >>> rounded_limits(Estimate(0.7149, 0.6951, 0.7301)), rounded_limits(Estimate(0.52, 0.5042, 0.54))
    ((0.69, 0.74), (0.504, 0.54))
    """
    low = None if estimate.low is None else -up(-estimate.low)
    return low, None if estimate.high is None else up(estimate.high)


def up(value: float) -> float:
    """Round up, as a limit that must not claim too much; see `rounded` for the decimals.

    Examples
    --------
    >>> up(0.7301), up(0.4958), -up(-0.5042)
    (0.74, 0.496, 0.504)
    """
    found = math.ceil(100 * value - _SLACK) / 100
    return math.ceil(1000 * value - _SLACK) / 1000 if abs(found) == CHANCE_AUC else found


def band_of(auc: float) -> tuple[float | None, float | None]:
    """Return the band of `AUC_BANDS` that an AUC lies in.

    Examples
    --------
    >>> band_of(0.42), band_of(0.7), band_of(0.99)
    ((None, 0.6), (0.7, 0.8), (0.9, None))
    """
    return AUC_BANDS[bisect_right([low for low, _ in AUC_BANDS if low is not None], auc)]


def epsilon_step(epsilon: float) -> float:
    """Round a lower bound of epsilon down to one of `EPSILON_STEPS`: still a bound, and no longer one patient's number.

    Examples
    --------
    >>> epsilon_step(1.24), epsilon_step(0.3), epsilon_step(11.0)
    (1.0, 0.0, 8.0)
    """
    return EPSILON_STEPS[bisect_right(EPSILON_STEPS, epsilon) - 1]


def significant(value: float, digits: int, *, up: bool) -> float:
    """Round a positive number up, or down, to so many significant digits; 0 stays 0.

    A promise of epsilon at delta stays true when either grows, a lower bound when either shrinks. Both may be reckoned
    from the number of patients, which all their digits would give away.

    Examples
    --------
    >>> significant(7.9912, 2, up=True), significant(0.00025, 1, up=True), significant(0.00025, 1, up=False)
    (8.0, 0.0003, 0.0002)
    """
    return float(Context(prec=digits, rounding=ROUND_CEILING if up else ROUND_FLOOR).create_decimal(repr(value)))
