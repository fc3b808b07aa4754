"""How often a check may cry wolf, and what chance alone would do to memberships."""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import IntArray
from genoaudit.randomness import generator

ALPHA = 0.001
"""Error rate of each check that tests a hypothesis, all its comparisons together: one false issue in 1,000 audits."""

PERMUTATIONS = 500
"""Enough for the mean and the spread of a statistic under chance, to which a distribution is fitted."""


def permutations(strata: IntArray, seed: int, check: str) -> IntArray:
    """Return orders of the patients, each equally likely among those that keep every patient's stratum.

    Parameters
    ----------
    strata
        Code of the stratum that membership was drawn within; one code for all if it was not; [patients].
    seed, check
        Place of the draw in the seed tree.

    Returns
    -------
    Patient numbers; [permutations, patients].

    Examples
    --------
    >>> strata = np.array([0, 0, 1, 1, 1])
    >>> orders = permutations(strata, 0, "example")
    >>> bool((strata[orders] == strata).all())
    True
    """
    rng = generator(seed, "check", check)
    orders = np.tile(np.arange(strata.size), (PERMUTATIONS, 1))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        orders[:, own] = rng.permuted(orders[:, own], axis=1)
    return orders
