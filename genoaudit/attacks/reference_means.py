"""Mean confidence of the reference models: what attacks by a probability ratio divide by.

The unit is the patient: the probability of a patient is the geometric mean over its samples, that is, the mean of
log p. Adding the logs up would count correlated samples as independent evidence.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import BoolArray, FloatArray, IntArray, Signals, draw_codes
from genoaudit.errors import ConfigError

_LOG_SMALLEST = -700.0  # exp of it is still a normal double


def log_confidence(signals: Signals, patients: IntArray) -> FloatArray:
    """Mean log probability of the true class over the samples of each patient; [models, patients].

    Taken from the logit, log p = -log(1 + exp(-logit)), so that it is exact where p itself would round to 0 or 1.
    """
    return patient_mean(-np.logaddexp(0.0, -signals.logit[:, 0, :]), patients)


def log_reference_mean(log_p: FloatArray, side: BoolArray, partner: IntArray) -> FloatArray:
    """Log of the mean probability over the references of one side, without each target and its draw.

    Probabilities are only added, never subtracted, so that a target far above its references costs no digit. A
    reference more than 700 below the patient's largest log probability counts as 700 below it.

    Parameters
    ----------
    log_p
        Log probability; finite [models, patients].
    side
        The models that belong to the side of each patient; [models, patients].
    partner
        Who was drawn with whom, as in `genoaudit.contracts.Design`; [models].

    Returns
    -------
    Log mean for every target; [targets, patients]. Exactly `log_p` where all models agree.

    Raises
    ------
    ConfigError
        If no reference is left on the side of some patient and target.

    Examples
    --------
    >>> p = np.array([[0.9], [0.1], [0.2], [0.4]])
    >>> np.exp(log_reference_mean(np.log(p), np.ones((4, 1), dtype=bool), np.array([1, 0, 3, 2])))[0].round(12)
    array([0.3])
    """
    count = _without_target(side.astype(np.float64), partner)
    if count.min() < 1:
        short = np.flatnonzero((count < 1).any(axis=0))
        raise ConfigError(
            "the attack needs a reference model on each side of every patient, besides the target and what was drawn "
            f"with it; {short.size} of {side.shape[1]} patients have none (first: patient number {short[0]}). Train "
            "more models."
        )
    level = log_p.max(axis=0)
    relative = np.where(side, np.exp(np.maximum(log_p - level, _LOG_SMALLEST)), 0.0)
    return np.asarray(level + np.log(_without_target(relative, partner) / count))


def _without_target(values: FloatArray, partner: IntArray) -> FloatArray:
    """Sum over all models but each target and its draw: everything before the draw plus everything after it."""
    unit = draw_codes(partner)
    order = np.argsort(unit, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(unit))[:-1]))
    by_unit = np.add.reduceat(values[order], starts, axis=0)
    others = np.zeros_like(by_unit)
    others[1:] = np.cumsum(by_unit[:-1], axis=0)
    others[:-1] += np.cumsum(by_unit[:0:-1], axis=0)[::-1]
    return np.asarray(others[unit])
