"""A rate measured at two sizes of training set, drawn on to a third: an extrapolation, with the errors of both points.

What an attack by likelihood ratio achieves falls with the number of members n: log(TPR - FPR) is linear in log n, in
theory with a slope of -1/2 (Tobaben et al., arXiv 2402.06674, there for shots per class). Two points of a member share
are too close together to tell a slope, and an attack that does no better than guessing has no log(TPR - FPR). So the
slope is taken from the theory and the line from the points: members and non-members whose scores are normal and lie d'
apart give an AUC and, at any false-positive rate, a TPR whose probits are linear in d', and d' falls as one over the
square root of n, to nothing or to what does not fall. The probit is drawn linearly in one over the square root of n.
What else changes between the two points is for the caller to say. A fall is drawn on in the value alone: as the line
may not go on, the upper limits credit none of it and are nowhere below those of the larger number.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate

_EDGE = 1e-6
"""What is closer to 0 or 1 counts as this far from it, so that it has a probit."""


def extrapolate(smaller: Estimate, larger: Estimate, *, members: tuple[int, int], to: int) -> Estimate:
    """Draw the line through a rate at two numbers of members on to more members.

    Parameters
    ----------
    smaller, larger
        The rate in [0, 1] at the smaller and at the larger number, each with its 95 % interval.
    members
        The two numbers, rising.
    to
        Where the line is read; at least the larger number.

    Returns
    -------
    The rate there. Interval and one-sided limits join the two points' own as those of a difference are joined (MOVER:
    Zou and Donner, Statistics in Medicine 2008). Errors of the two points count as independent: where the same patients
    make both too high the interval is wider than it need be. It says nothing of whether the line goes on, but where the
    rate falls, no upper limit lies below that of the larger number. No value where a point has none.

    Raises
    ------
    ConfigError
        If the numbers do not rise.

    Examples
    --------
    >>> found = extrapolate(Estimate(0.8, 0.78, 0.82), Estimate(0.7, 0.68, 0.72), members=(50, 90), to=100)
    >>> [round(end, 3) for end in (found.value, found.low, found.high)]
    [0.683, 0.659, 0.72]
    """
    if not 0 < members[0] < members[1] <= to:
        raise ConfigError(f"numbers of members must rise, found {members[0]}, {members[1]} and {to}.")
    if smaller.value is None or larger.value is None:
        return Estimate(None, None, None)
    first, last, end = (number**-0.5 for number in (*members, to))
    beyond = (last - end) / (first - last)
    far, near = _probit(smaller), _probit(larger)
    reached = near + beyond * (near - far)
    value = larger.value if larger.value in {0.0, 1.0} else float(special.ndtr(reached))

    def limits(low: str, high: str) -> tuple[float | None, float | None]:
        ends = [(getattr(rate, low), getattr(rate, high)) for rate in (smaller, larger)]
        if any(limit is None for pair in ends for limit in pair):
            return None, None
        (far_down, far_up), (near_down, near_up) = (
            _reach(at, *pair) for at, pair in zip((far, near), ends, strict=True)
        )
        below = special.ndtr(reached - math.hypot((1 + beyond) * near_down, beyond * far_up))
        above = special.ndtr(reached + math.hypot((1 + beyond) * near_up, beyond * far_down))
        least, most = ends[1]
        return min(0.0 if least == 0 else float(below), value), max(float(above), most, value)

    return Estimate(value, *limits("low", "high"), *limits("at_least", "at_most"))


def _probit(rate: Estimate) -> float:
    """Place a rate on the probit scale; 0 and 1 have no place there: the middle of the interval, which ends there."""
    value = rate.value if rate.value is not None else 0.5
    if value in {0.0, 1.0} and rate.low is not None and rate.high is not None:
        value = (rate.low + rate.high) / 2
    return float(special.ndtri(np.clip(value, _EDGE, 1 - _EDGE)))


def _reach(at: float, low: float, high: float) -> tuple[float, float]:
    """How far the limits of a rate lie below and above its place."""
    below, above = special.ndtri(np.clip([low, high], _EDGE, 1 - _EDGE))
    down, up = max(at - float(below), 0.0), max(float(above) - at, 0.0)
    # A limit of exactly 0 or 1 has no place either: it counts as far away as the other one.
    return (up if low == 0 else down), (down if high == 1 else up)
