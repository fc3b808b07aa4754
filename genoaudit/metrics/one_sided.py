"""P-values against "within the threshold", read back from a number's limits.

A one-sided 95 % limit decides one criterion; adjusting several for each other takes p-values. They follow from the
error model of the limits: on the logit scale a number lies around its truth like Student's t, with the scale and the
degrees of freedom that give it both its one-sided 95 % limit and the same-sided end of its two-sided 95 % interval. So
the p-value is exactly 0.05 where the threshold is the one limit and exactly 0.025 where it is the other. Limits that
lie closer to each other than a normal distribution around the number allows are those of a normal one around another
centre, as the limits of rates are near the ends of the scale.

A number of exactly 1 (for lower limits; 0 for upper ones) has no spread. Its limits are Clopper and Pearson's or
Newcombe's, which stand for n trials without a failure: 0.05 = limit^n gives n, and the p-value at a threshold t is t^n.
"""

from __future__ import annotations

import math

from scipy import special

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.two_way import ONE_SIDED, TWO_SIDED

_HEAVIEST = 1.0
"""Fewest degrees of freedom; limits that ask for fewer get the p-values of these."""

_HALVINGS = 40


def p_above(estimate: Estimate, threshold: float) -> float | None:
    """Return the p-value of the hypothesis that a number in [0, 1] is at most `threshold`.

    Parameters
    ----------
    estimate
        The number with its limits.
    threshold
        In [0, 1].

    Returns
    -------
    In [0, 1], never rising as the threshold falls; None where the number has no one-sided lower limit.

    Examples
    --------
    >>> found = Estimate(0.79, 0.76, 0.82, at_least=0.765, at_most=0.81)
    >>> round(p_above(found, 0.765), 3), round(p_above(found, 0.76), 3), p_above(found, 0.6) < 1e-10
    (0.05, 0.025, True)
    >>> round(p_above(Estimate(1.0, 0.9, 1.0, at_least=0.05 ** (1 / 30), at_most=1.0), 0.9), 4) == round(0.9**30, 4)
    True
    """
    if estimate.value is None or estimate.at_least is None:
        return None
    return _p_above(estimate.value, estimate.at_least, estimate.low, threshold)


def p_below(estimate: Estimate, threshold: float) -> float | None:
    """Return the p-value of the hypothesis that a number in [0, 1] is at least `threshold`, a floor.

    Everything else as in `p_above`, of one minus the number.

    Examples
    --------
    >>> round(p_below(Estimate(0.79, 0.76, 0.82, at_least=0.765, at_most=0.81), 0.81), 3)
    0.05
    """
    if estimate.value is None or estimate.at_most is None:
        return None
    high = None if estimate.high is None else 1 - estimate.high
    return _p_above(1 - estimate.value, 1 - estimate.at_most, high, 1 - threshold)


def _p_above(value: float, limit: float, further: float | None, threshold: float) -> float:
    if threshold >= 1 or limit <= 0:
        return 1.0
    if threshold <= 0:
        return 0.0
    if value >= 1:
        trials = math.log(ONE_SIDED) / math.log(limit) if limit < 1 else math.inf
        return float(threshold**trials)
    at, near, beyond = (float(special.logit(end)) for end in (value, limit, threshold))
    if near >= at:  # no spread at all
        return float(beyond >= at)
    ratio = _normal_ratio()
    if further is not None and 0 < further < limit:
        ratio = (at - float(special.logit(further))) / (at - near)
    if ratio <= _normal_ratio():
        scale = (ratio - 1) * (at - near) / (_quantile(TWO_SIDED) - _quantile(ONE_SIDED))
        return float(special.ndtr(-_quantile(ONE_SIDED) - (near - beyond) / scale))
    freedom = _freedom(ratio)
    return float(special.stdtr(freedom, (beyond - at) / (at - near) * _quantile(ONE_SIDED, freedom)))


def _quantile(tail: float, freedom: float = math.inf) -> float:
    return -float(special.stdtrit(freedom, tail))


def _normal_ratio() -> float:
    return _quantile(TWO_SIDED) / _quantile(ONE_SIDED)


def _freedom(ratio: float) -> float:
    """Degrees of freedom of the Student distribution whose two quantiles have this ratio, larger than normal ones."""
    least, most = 0.0, 1 / _HEAVIEST  # in 1 / freedom, in which the ratio rises
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        if _quantile(TWO_SIDED, 1 / middle) / _quantile(ONE_SIDED, 1 / middle) < ratio:
            least = middle
        else:
            most = middle
    return 1 / most
