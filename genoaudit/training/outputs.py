"""What one trained model says about every sample of the pool, in the form that attacks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import TrainingError

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe

FLOOR = float(np.finfo(np.float32).tiny)
"""Smallest probability taken at face value: a class that a model has never seen gets this, not zero."""


@dataclass(frozen=True)
class Asked:
    """What every model is asked beyond its outputs on the samples.

    Parameters
    ----------
    queries
        Further queries of each sample; see `genoaudit.data.queries.make_queries`.
    noise, thinning
        Size of their technical noise.
    white_box
        Gradients of every sample, where the recipe's parameters can be read.
    """

    queries: int = 0
    noise: float = 0.1
    thinning: float = 0.8
    white_box: bool = False

    @property
    def anything(self) -> bool:
        """Whether a model's parameters or its answers to further queries are wanted."""
        return self.queries > 0 or self.white_box


@dataclass(frozen=True, eq=False)
class ModelOutputs:
    """One model's answers; see `genoaudit.contracts.Signals`, of which this is one model.

    Parameters
    ----------
    logit
        Scaled logit of the true class, float64 [queries, samples].
    proba
        Probabilities of the samples, float32 [samples, classes].
    label
        Predicted class, int16 [queries, samples].
    warnings
        What the model warned about in training.
    grad_norm, influence
        White-box signals [samples], where they were asked for and the recipe has them.
    """

    logit: FloatArray
    proba: NDArray[np.float32]
    label: NDArray[np.int16]
    warnings: tuple[str, ...] = ()
    grad_norm: FloatArray | None = None
    influence: FloatArray | None = None


def scaled_logit(log_proba: FloatArray, y: IntArray) -> FloatArray:
    """Return ``log p_y - log sum_{y' != y} p_y'`` without the cancellation of ``log(p / (1 - p))``.

    The statistic of LiRA (Carlini et al., IEEE S&P 2022). Adding a constant to a row changes nothing, so logits will do
    in place of log-probabilities.

    Parameters
    ----------
    log_proba
        Log-probabilities or logits; float64 [samples, classes].
    y
        Class of each sample, int [samples].

    Examples
    --------
    >>> float(scaled_logit(np.array([[100.0, 0.0]]), np.array([0]))[0])
    100.0
    """
    rows = np.arange(y.size)
    others = log_proba.copy()
    others[rows, y] = -np.inf
    return np.asarray(log_proba[rows, y] - np.logaddexp.reduce(others, axis=1), dtype=np.float64)


def outputs_of(model: Recipe, X: NDArray[np.float32], y: IntArray, *, classes: int) -> ModelOutputs:
    """Score every sample with a fitted model, its columns aligned to the cohort's class codes.

    Raises
    ------
    TrainingError
        If an output is not a probability, or the model knows a class that the cohort does not.
    """
    log_proba = _aligned(_log_probabilities(model, X), np.asarray(model.classes_), samples=y.size, classes=classes)
    return outputs_from(log_proba, y)


def outputs_from(log_proba: FloatArray, y: IntArray) -> ModelOutputs:
    """Put log-probabilities [samples, classes], columns in the order of the class codes, in the form of outputs."""
    return ModelOutputs(
        logit=scaled_logit(log_proba, y)[np.newaxis],
        proba=np.exp(log_proba).astype(np.float32),
        label=log_proba.argmax(axis=1).astype(np.int16)[np.newaxis],
    )


def _log_probabilities(model: Any, X: NDArray[np.float32]) -> FloatArray:
    # A model that gives log-probabilities itself keeps digits that probabilities near 0 and 1 have lost.
    if hasattr(model, "predict_log_proba"):
        with np.errstate(divide="ignore"):
            given = np.asarray(model.predict_log_proba(X), dtype=np.float64)
        # Rows of log-probabilities may reach -inf where a library takes the log of an underflowed probability.
        if np.isnan(given).any() or np.isposinf(given).any():
            msg = "the model's log-probabilities are not finite. Lower its learning rate or check its inputs."
            raise TrainingError(msg)
        return np.maximum(given, np.log(FLOOR)) if np.isneginf(given).any() else given
    proba = np.asarray(model.predict_proba(X), dtype=np.float64)
    if proba.ndim != 2 or len(proba) != len(X):
        msg = f"predict_proba must give one row per sample, [{len(X)}, classes]; got shape {proba.shape}."
        raise TrainingError(msg)
    if not np.isfinite(proba).all() or proba.min() < 0 or not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        msg = (
            "predict_proba must give rows of probabilities that sum to 1; "
            f"got values from {proba.min():.3g} to {proba.max():.3g} and row sums from {proba.sum(axis=1).min():.3g} "
            f"to {proba.sum(axis=1).max():.3g}."
        )
        raise TrainingError(msg)
    return np.asarray(np.log(np.maximum(proba, FLOOR)), dtype=np.float64)


def _aligned(log_proba: FloatArray, known: NDArray[Any], *, samples: int, classes: int) -> FloatArray:
    codes = known.astype(np.intp)
    if log_proba.shape != (samples, codes.size) or not np.isin(codes, np.arange(classes)).all():
        msg = (
            f"the model gives outputs of shape {log_proba.shape} for {codes.size} classes and {samples} samples; "
            f"expected one row per sample and classes among 0 to {classes - 1}."
        )
        raise TrainingError(msg)
    if codes.size == classes and (codes == np.arange(classes)).all():
        return log_proba
    full = np.full((samples, classes), np.log(FLOOR))
    full[:, codes] = log_proba
    return full
