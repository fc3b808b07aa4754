"""How often one model is right about patients it has not seen, with limits that know whose samples belong together."""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import effective_clopper_pearson


def accuracy_over_patients(correct: BoolArray, patients: IntArray) -> Estimate:
    """Return the share of samples that are classified correctly, with 95 % limits over patients.

    A patient's samples succeed and fail together, so that the error is that of a ratio of sums over patients (Cochran,
    Sampling Techniques, 1977), and the limits are Clopper and Pearson's for as many independent samples as have it.

    Parameters
    ----------
    correct
        Whether each sample is classified correctly; [samples], at least one.
    patients
        Code of each sample's patient; [samples].

    Examples
    --------
    >>> found = accuracy_over_patients(np.array([True, True, False, True]), np.arange(4))
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.75, 0.194, 0.994)
    """
    _, owner, sizes = np.unique(patients, return_inverse=True, return_counts=True)
    rate = float(correct.mean())
    off = np.bincount(owner, weights=correct) - rate * sizes
    error = float(np.sqrt(np.square(off).sum()) / len(correct))
    low, high = effective_clopper_pearson(rate, error, len(sizes), most=len(correct))
    return Estimate(rate, float(low), float(high))
