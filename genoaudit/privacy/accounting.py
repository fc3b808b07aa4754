"""What private trainings of the same patients guarantee together.

Up to an epsilon of 1,000 the claim is computed from the privacy loss distribution. Above, where no epsilon protects
anybody and that computation says nothing more, it is computed by Renyi DP.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genoaudit.privacy.mechanism import NEIGHBOURING, UNIT, Mechanism
from genoaudit.privacy.pld import discretisation, pld_epsilon
from genoaudit.privacy.rdp import ORDERS, rdp_epsilon

VACUOUS = 1000.0
"""An epsilon above this means nothing."""

_WORTH_TRYING = 2000.0  # epsilon by RDP; where that by PLD is in the hundreds, the former is at most 1.4 times as large

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Guarantee:
    """Epsilon at delta for adding or removing one patient with all his samples, and how it was computed.

    Parameters
    ----------
    epsilon
        At least 0; infinite where a noise multiplier is 0.
    delta
        In (0, 1).
    accountant
        ``"pld"`` (privacy loss distribution) or ``"rdp"`` (Renyi DP).
    discretisation
        Interval to which losses were rounded upwards; of ``"pld"`` only.
    orders, best_order
        Orders tried, and the one that gives `epsilon`; of ``"rdp"`` only, the latter not where epsilon is infinite.
    neighbouring, unit
        What is hidden: whether one such unit is there.
    """

    epsilon: float
    delta: float
    accountant: Literal["pld", "rdp"]
    discretisation: float | None = None
    orders: tuple[float, ...] = ()
    best_order: float | None = None
    neighbouring: Literal["add/remove"] = NEIGHBOURING
    unit: Literal["patient"] = UNIT

    @property
    def vacuous(self) -> bool:
        """Whether epsilon is above 1,000 and says nothing."""
        return self.epsilon > VACUOUS


def rounded_up(epsilon: float) -> float:
    """Round an epsilon that is claimed up to two decimals: a promise must not grow stronger on paper.

    Examples
    --------
    >>> rounded_up(7.9912), rounded_up(1.1)
    (8.0, 1.1)
    """
    return math.ceil(round(100 * epsilon, 6)) / 100  # 100 * 1.1 is 110.00000000000001 in floating point


def guarantee(mechanisms: Sequence[Mechanism], delta: float) -> Guarantee:
    """Return what all mechanisms guarantee together, with everything they released.

    Renyi DP comes first, as it costs nothing. Unless its epsilon is above 2,000, the privacy loss distribution follows
    and is the claim if its own epsilon is at most 1,000. How the claim was computed is logged.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients: a training that was resumed has several.
    delta
        In (0, 1).

    Raises
    ------
    ConfigError
        If there is no mechanism or `delta` is outside (0, 1).

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.1, sampling_rate=0.08, steps=500, patients=800)
    >>> found = guarantee([mechanism], 1 / 800)
    >>> found.accountant, round(found.epsilon, 3)
    ('pld', 7.701)
    """
    found = account(mechanisms, delta)
    if found.accountant == "pld":
        log.info("Epsilon by PLD with losses rounded to multiples of %.2g.", found.discretisation)
    elif found.best_order is not None:
        tried = (len(ORDERS), ORDERS[0] - 1, ORDERS[-1], found.best_order - 1)
        log.info("Epsilon by RDP, %d orders from 1 + %.2g to %g, the best 1 + %.3g.", *tried)
    return found


def account(mechanisms: Sequence[Mechanism], delta: float) -> Guarantee:
    """Compute the `guarantee` without a word, for a search that asks many times."""
    epsilon, order = rdp_epsilon(mechanisms, delta)
    if epsilon <= _WORTH_TRYING:
        tight = pld_epsilon(mechanisms, delta)
        if tight <= VACUOUS:
            return Guarantee(tight, delta, "pld", discretisation=discretisation(mechanisms))
    best_order = order if math.isfinite(epsilon) else None
    return Guarantee(epsilon, delta, "rdp", orders=ORDERS, best_order=best_order)
