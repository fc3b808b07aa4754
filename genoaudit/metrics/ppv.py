"""How sure may an attacker be? Positive predictive value at declared priors.

An accusation is only as good as the prior: among people of whom one in a hundred is a member, a false-positive rate of
1 % makes even a perfect detector wrong about every second accusation. No prior is right for everybody, so several are
shown (Jayaraman, Wang, Knipmeyer, Gu, Evans. Revisiting membership inference under realistic assumptions. PoPETs 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import clopper_pearson

PRIORS = (0.01, 0.1, 0.5)
"""Shares of members among those attacked that every report shows."""


@dataclass(frozen=True)
class PpvAtPrior:
    """The share of accusations that are right.

    Parameters
    ----------
    prior
        Share of members among those attacked.
    value
        PPV from the estimated TPR and the *upper* limit of the FPR: what the evidence grants the attacker. None where
        no false positive was seen.
    low, high
        From the lower TPR and the upper FPR, and the reverse. `high` is None where the data know no upper limit below
        1: where no false positive was seen, or the lower FPR is 0.
    """

    prior: float
    value: float | None
    low: float
    high: float | None


def positive_predictive_value(tpr: ArrayLike, fpr: ArrayLike, prior: float) -> FloatArray:
    """Bayes' rule: ``prior TPR / (prior TPR + (1 - prior) FPR)``.

    Parameters
    ----------
    tpr, fpr
        Rates of one threshold in [0, 1]; any shapes that broadcast.
    prior
        Share of members among those attacked, strictly between 0 and 1.

    Returns
    -------
    The PPV; NaN where both rates are 0 and nobody is accused.

    Raises
    ------
    ConfigError
        If a rate or the prior is impossible.

    Examples
    --------
    >>> round(float(positive_predictive_value(1.0, 0.01, 0.01)), 4)
    0.5025
    """
    tpr, fpr = np.asarray(tpr, dtype=np.float64), np.asarray(fpr, dtype=np.float64)
    if not 0 < prior < 1:
        raise ConfigError(f"a prior lies strictly between 0 and 1, found {prior}.")
    if not (np.all((tpr >= 0) & (tpr <= 1)) and np.all((fpr >= 0) & (fpr <= 1))):
        raise ConfigError("a true- or false-positive rate lies between 0 and 1.")
    right = prior * tpr
    accused = right + (1 - prior) * fpr
    return np.asarray(np.divide(right, accused, out=np.full(accused.shape, np.nan), where=accused > 0))


def ppv_at_priors(tpr: Estimate, fpr: Estimate, *, priors: Sequence[float] = PRIORS) -> tuple[PpvAtPrior, ...]:
    """PPV of one threshold from its two rates with their limits.

    Parameters
    ----------
    tpr, fpr
        Rates of one threshold, which was not chosen on the same patients. An FPR of exactly 0 means that no false
        positive was seen.
    priors
        Shares of members among those attacked.

    Returns
    -------
    One entry per prior. If each rate's limits hold with confidence 1 - a, `low` and `high` hold with 1 - 2 a.

    Raises
    ------
    ConfigError
        If a rate has no value or no limits, its upper FPR limit is 0, or a prior is impossible.

    Examples
    --------
    >>> ppv_at_priors(Estimate(0.5, 0.375, 0.625), Estimate(0.0, 0.0, 0.125), priors=(0.5,))
    (PpvAtPrior(prior=0.5, value=None, low=0.75, high=None),)
    """
    if tpr.value is None or tpr.low is None or tpr.high is None or fpr.value is None or fpr.low is None:
        raise ConfigError("PPV needs both rates with their limits; one of them had too little evidence to be shown.")
    if not fpr.high:
        raise ConfigError("PPV needs an upper limit of the FPR above 0: an FPR is never known to be zero.")
    rows = []
    for prior in priors:
        low = float(positive_predictive_value(tpr.low, fpr.high, prior))
        if fpr.value == 0:
            rows.append(PpvAtPrior(prior, None, low, None))
            continue
        value = float(positive_predictive_value(tpr.value, fpr.high, prior))
        high = float(positive_predictive_value(tpr.high, fpr.low, prior)) if fpr.low > 0 else None
        rows.append(PpvAtPrior(prior, value, low, high))
    return tuple(rows)


def ppv_from_counts(
    tp: int, n_in: int, fp: int, n_out: int, *, priors: Sequence[float] = PRIORS, level: float = 0.95
) -> tuple[PpvAtPrior, ...]:
    """PPV of one threshold from counts of patients, with exact limits of both rates.

    Parameters
    ----------
    tp, n_in
        Members at or above the threshold, and in all; at least one.
    fp, n_out
        Non-members at or above the threshold, and in all; at least one.
    priors
        Shares of members among those attacked.
    level
        Confidence of each interval; each rate is allowed half of the error.

    Raises
    ------
    ConfigError
        If a count, a prior or the level is impossible.

    Examples
    --------
    >>> for row in ppv_from_counts(40, 100, 0, 1000):
    ...     print(row.prior, row.value, round(row.low, 3), row.high)
    0.01 None 0.402 None
    0.1 None 0.881 None
    0.5 None 0.985 None
    """
    if not 0 < level < 1:
        raise ConfigError(f"a confidence level lies between 0 and 1, found {level}.")
    rates = []
    for k, n in ((tp, n_in), (fp, n_out)):
        low, high = clopper_pearson(k, n, (1 + level) / 2)
        rates.append(Estimate(k / n, float(low), float(high)))
    return ppv_at_priors(*rates, priors=priors)
