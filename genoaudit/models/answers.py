"""What a fitted classifier of anybody's answers, as log-probabilities that are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from genoaudit.contracts import FLOOR, FloatArray, log_of
from genoaudit.errors import TrainingError

_OFF = 1e-3
"""How far probabilities may be from adding up to one: float32 and a few thousand classes stay below."""


def log_probabilities(model: Any, X: Any) -> FloatArray:
    """Ask a fitted classifier about samples.

    A model that gives log-probabilities itself keeps digits that probabilities near 0 and 1 have lost.

    Parameters
    ----------
    model
        With ``predict_log_proba``, or else ``predict_proba``.
    X
        Samples [samples, genes], in whatever form the model takes them.

    Returns
    -------
    Log-probabilities, float64 [samples, the model's classes], at least the log of `genoaudit.contracts.FLOOR` where the
    model says 0.

    Raises
    ------
    TrainingError
        If they are not finite, or no probabilities.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = DummyClassifier(strategy="prior").fit([[0.0]] * 4, ["a", "b", "b", "b"])
    >>> np.exp(log_probabilities(model, np.zeros((1, 1))))
    array([[0.25, 0.75]])
    """
    exact = hasattr(model, "predict_log_proba")
    with np.errstate(divide="ignore"):
        given = np.asarray(model.predict_log_proba(X) if exact else model.predict_proba(X), dtype=np.float64)
    if given.ndim != 2 or len(given) != len(X) or not given.size:
        msg = f"a model must give one row per sample, [{len(X)}, classes]; got shape {given.shape}."
        raise TrainingError(msg)
    # Rows of log-probabilities may reach -inf where a library takes the log of an underflowed probability.
    if exact and (np.isnan(given).any() or np.isposinf(given).any()):
        msg = "the model's log-probabilities are not finite. Lower its learning rate or check its inputs."
        raise TrainingError(msg)
    with np.errstate(over="ignore"):
        proba = np.exp(given) if exact else given
    if not np.isfinite(proba).all() or proba.min() < 0 or not np.allclose(proba.sum(axis=1), 1, atol=_OFF):
        msg = (
            f"{'predict_log_proba' if exact else 'predict_proba'} must give rows of probabilities that sum to 1; "
            f"got values from {proba.min():.3g} to {proba.max():.3g} and row sums from {proba.sum(axis=1).min():.3g} "
            f"to {proba.sum(axis=1).max():.3g}."
        )
        raise TrainingError(msg)
    if exact:
        return np.maximum(given, np.log(FLOOR)) if np.isneginf(given).any() else given
    return log_of(proba)
