"""What a classifier answers, for those that compute logits."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from genoaudit.contracts import FloatArray


class LogitClassifier(ClassifierMixin, BaseEstimator):
    """Probabilities and labels from logits.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    """

    classes_: NDArray[Any]

    @abstractmethod
    def _logits(self, X: Any) -> FloatArray:
        """Return the logits of samples `X`, checked; float64 [samples, classes]."""

    def decision_function(self, X: Any) -> FloatArray:
        """Return logits, float64 [samples, classes]; for two classes the second minus the first, [samples]."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_log_proba(self, X: Any) -> FloatArray:
        """Return log-probabilities [samples, classes]; finite even where the probability underflows to 0."""
        log_proba: FloatArray = log_softmax(self._logits(X), axis=1)
        return log_proba

    def predict_proba(self, X: Any) -> FloatArray:
        """Return probabilities, float64 [samples, classes], in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each sample [samples]."""
        codes = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels
