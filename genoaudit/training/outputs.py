"""What one trained model says about every sample of the pool, in the form that attacks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BY_MODEL, FLOOR, FloatArray, IntArray, Signals
from genoaudit.errors import TrainingError
from genoaudit.models.answers import log_probabilities

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe


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
    log_proba = _aligned(log_probabilities(model, X), np.asarray(model.classes_), samples=y.size, classes=classes)
    return outputs_from(log_proba, y)


def outputs_from(log_proba: FloatArray, y: IntArray) -> ModelOutputs:
    """Put log-probabilities [samples, classes], columns in the order of the class codes, in the form of outputs."""
    return ModelOutputs(
        logit=scaled_logit(log_proba, y)[np.newaxis],
        proba=np.exp(log_proba).astype(np.float32),
        label=log_proba.argmax(axis=1).astype(np.int16)[np.newaxis],
    )


def as_signals(outputs: ModelOutputs, y: IntArray, *, features: FloatArray | None = None) -> Signals:
    """Put one model's outputs in the form of signals; `features` as there."""
    arrays: dict[str, Any] = {
        name: value[np.newaxis] for name in BY_MODEL if (value := getattr(outputs, name)) is not None
    }
    return Signals(y=y, features=features, **arrays)


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
