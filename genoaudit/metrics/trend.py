"""A rate measured at two sizes of training set, drawn on to a third: an extrapolation, with the errors of both points.

What an attack by likelihood ratio achieves falls with the number of members n: log(TPR - FPR) is linear in log n, in
theory with a slope of -1/2 (Tobaben et al., arXiv 2402.06674, there for shots per class). Two points of a member share
are too close together to tell a slope, and an attack that does no better than guessing has no log(TPR - FPR). So the
slope is taken from the theory and the line from the points: members and non-members whose scores are normal and lie d'
apart give an AUC and, at any false-positive rate, a TPR whose probits are linear in d', and d' falls as one over the
square root of n, to nothing or to what does not fall. The probit is drawn linearly in one over the square root of n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    The rate there. The interval joins the two points' own as those of a difference are joined (MOVER: Zou and Donner,
    Statistics in Medicine 2008). Errors of the two points count as independent: where the same patients make both too
    high the interval is wider than it need be. It says nothing of whether the line goes on. No value where a point has
    none.

    Raises
    ------
    ConfigError
        If the numbers do not rise.

    Examples
    --------
    >>> found = extrapolate(Estimate(0.8, 0.78, 0.82), Estimate(0.7, 0.68, 0.72), members=(50, 90), to=100)
    >>> [round(end, 3) for end in (found.value, found.low, found.high)]
    [0.683, 0.659, 0.707]
    """
    if not 0 < members[0] < members[1] <= to:
        raise ConfigError(f"numbers of members must rise, found {members[0]}, {members[1]} and {to}.")
    if smaller.value is None or larger.value is None:
        return Estimate(None, None, None)
    first, last, end = (number**-0.5 for number in (*members, to))
    beyond = (last - end) / (first - last)
    far, near = _on_probit_scale(smaller), _on_probit_scale(larger)
    reached = near.value + beyond * (near.value - far.value)
    down = math.hypot((1 + beyond) * near.down, beyond * far.up)
    up = math.hypot((1 + beyond) * near.up, beyond * far.down)
    value, low, high = (float(special.ndtr(at)) for at in (reached, reached - down, reached + up))
    if larger.value in {0.0, 1.0}:
        value = larger.value
    if larger.low is None or larger.high is None or smaller.low is None or smaller.high is None:
        return Estimate(value, None, None)
    low, high = (0.0 if larger.low == 0 else low), (1.0 if larger.high == 1 else high)
    return Estimate(value, min(low, value), max(high, value))


@dataclass(frozen=True)
class _Point:
    """A rate on the probit scale, and how far its interval reaches on either side."""

    value: float
    down: float
    up: float


def _on_probit_scale(rate: Estimate) -> _Point:
    value, low, high = rate.value or 0.0, rate.low or 0.0, 1.0 if rate.high is None else rate.high
    if value in {0.0, 1.0}:  # no probit: the middle of the interval, which ends there
        value = (low + high) / 2
    at, below, above = special.ndtri(np.clip([value, low, high], _EDGE, 1 - _EDGE))
    down, up = float(at - below), float(above - at)
    # A limit of exactly 0 or 1 has no probit either: it counts as far away as the other one.
    return _Point(float(at), up if low == 0 else down, down if high == 1 else up)
