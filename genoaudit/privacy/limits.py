"""Exact limits of the two rates of a threshold attack, at one threshold or at all thresholds together.

A threshold takes every trial at or above it. The lower limit of the TPR rests on the IN trials alone and the upper
limit of the FPR on the OUT trials alone, so the two sides may depend on each other, as complementary models do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Counts at or above every distinct value, highest first.

    Parameters
    ----------
    value
        The thresholds; [thresholds].
    tp, fp
        IN and OUT trials at or above each; [thresholds].
    n_in, n_out
        Trials on each side.
    """

    value: FloatArray
    tp: IntArray
    fp: IntArray
    n_in: int
    n_out: int


def lower_limit(k: ArrayLike, n: ArrayLike, tail: float) -> FloatArray:
    """One-sided exact lower limit of a proportion (Clopper and Pearson, Biometrika 1934).

    Parameters
    ----------
    k, n
        Successes and trials; any shapes that broadcast.
    tail
        Largest probability that the limit lies above the truth.
    """
    k, n = np.asarray(k), np.asarray(n)
    return np.where(k == 0, 0.0, special.betaincinv(np.maximum(k, 1), n - k + 1, tail))


def upper_limit(k: ArrayLike, n: ArrayLike, tail: float) -> FloatArray:
    """One-sided exact upper limit of a proportion; see `lower_limit`."""
    k, n = np.asarray(k), np.asarray(n)
    # The complement of the limit is itself a lower limit: no digit is lost where the proportion is small.
    return np.where(k == n, 1.0, special.betainccinv(k + 1, np.maximum(n - k, 1), tail))


def count_at_thresholds(statistic_in: FloatArray, statistic_out: FloatArray) -> Thresholds:
    """Count both sides at or above every distinct value of either.

    Parameters
    ----------
    statistic_in, statistic_out
        One value per trial, higher = member; [trials in], [trials out].

    Raises
    ------
    ConfigError
        If a side is empty or not one-dimensional, or a value is not finite.
    """
    for name, values in (("IN", statistic_in), ("OUT", statistic_out)):
        if values.ndim != 1 or values.size == 0:
            raise ConfigError(f"the {name} side must be one value per trial, at least one; found shape {values.shape}.")
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ConfigError(
                f"{bad.size} of {values.size} {name} values are not finite (first: number {bad[0]}). A model diverged; "
                "mend that first, dropping a trial would bias the bound."
            )
    value = np.unique(np.concatenate([statistic_in, statistic_out]))[::-1]
    below_in = np.searchsorted(np.sort(statistic_in), value, side="left")
    below_out = np.searchsorted(np.sort(statistic_out), value, side="left")
    n_in, n_out = statistic_in.size, statistic_out.size
    return Thresholds(value=value, tp=n_in - below_in, fp=n_out - below_out, n_in=n_in, n_out=n_out)


def simultaneous_limits(counts: Thresholds, tail: float) -> tuple[FloatArray, FloatArray]:
    """Lower limits of the TPR and upper limits of the FPR that hold at all thresholds at once.

    The TPR of any threshold with k IN trials above it is at least that at the k-th highest IN value, which has a Beta
    distribution whose quantile is the exact limit. So there are only as many ways to be wrong as there are IN trials
    (for the FPR: OUT trials), whatever the thresholds, and each gets an equal share of `tail` (Bonferroni).

    Parameters
    ----------
    counts
        Both sides at every threshold.
    tail
        Largest probability that any limit of one side is wrong.

    Returns
    -------
    The limits; each [thresholds].
    """
    return (
        lower_limit(counts.tp, counts.n_in, tail / counts.n_in),
        upper_limit(counts.fp, counts.n_out, tail / counts.n_out),
    )
