"""Which protections are worth having: those that no other beats in both utility and leakage."""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.errors import ConfigError


def pareto(utility: FloatArray, leakage: FloatArray) -> BoolArray:
    """Mark the cells that are not dominated.

    A cell is dominated if another has at least its utility and at most its leakage, and is better in one of them. Equal
    cells stand or fall together. It looks at the numbers as they are: a cell beside the frontier may differ from it by
    less than their intervals.

    Parameters
    ----------
    utility
        Higher = better; [cells]. NaN: not known.
    leakage
        Lower = better; [cells]. NaN: not known.

    Returns
    -------
    Whether a cell is on the frontier, [cells]. A cell with a NaN is not, and keeps no other from it.

    Raises
    ------
    ConfigError
        If there are not as many of the one as of the other.

    Examples
    --------
    >>> pareto(np.array([0.9, 0.8, 0.8, 0.7]), np.array([0.7, 0.6, 0.65, 0.6]))
    array([ True,  True, False, False])
    """
    if utility.ndim != 1 or utility.shape != leakage.shape:
        raise ConfigError(f"utility {utility.shape} and leakage {leakage.shape} must both be [cells].")
    # [cell, other]; comparisons with NaN are False.
    as_good = (utility >= utility[:, None]) & (leakage <= leakage[:, None])
    better = (utility > utility[:, None]) | (leakage < leakage[:, None])
    known = ~(np.isnan(utility) | np.isnan(leakage))
    return np.asarray(known & ~(as_good & better).any(axis=1), dtype=np.bool_)
