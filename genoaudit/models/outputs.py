"""A classifier whose probabilities are given out coarser, softer, fewer or noisy."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from genoaudit.contracts import FloatArray, IntArray, Recipe, Setting
from genoaudit.models.answers import log_probabilities
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.releases import get_release


class DefendedOutputs(ClassifierMixin, BaseEstimator):
    """Train a classifier as it is, and give its probabilities out through one of `genoaudit.models.releases`.

    The answer to a sample depends on the model and the sample alone. Where noise is added it follows from a secret seed
    of the model and the values of the sample, so that asking again gives the same answer and averaging gains nothing.
    A sample that is changed, however little, is another query with noise of its own: each one spends its epsilon anew.

    Parameters
    ----------
    estimator
        An unfitted classifier or Pipeline; None: logistic regression.
    release
        Name of a release: ``"rounding"``, ``"top_k"``, ``"temperature"``, ``"label_only"`` or ``"output_noise"``.
    setting
        How strong; see the release.
    random_state
        Source of the noise. None: entropy of the operating system, as a model that leaves the house needs.

    Attributes
    ----------
    estimator_
        The trained classifier. It gives exact probabilities: never hand it out with the model.
    classes_
        Class labels, sorted.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> X = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    >>> DefendedOutputs(release="label_only", setting="on").fit(X, [0, 0, 1, 1]).predict_proba(X[:1])
    array([[1., 0.]])
    """

    classes_: NDArray[Any]
    estimator_: Recipe
    n_features_in_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        release: str = "rounding",
        setting: Setting = 2,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.release = release
        self.setting = setting
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, patients: IntArray | None = None) -> DefendedOutputs:
        """Train on samples `X` [samples, genes] with labels `y` [samples] of `patients` [samples].

        Raises
        ------
        ConfigError
            If there is no such release, or its setting is impossible.
        """
        get_release(self.release, self.setting)
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self._secret = (
            np.random.SeedSequence().entropy
            if self.random_state is None
            else int(check_random_state(self.random_state).randint(2**31 - 1))
        )
        estimator = LogisticRegression() if self.estimator is None else clone(self.estimator)
        self.estimator_ = fit_recipe(estimator, X, y, patients=patients)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return what is given out, float64 [samples, classes], in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        release = get_release(self.release, self.setting)
        log_proba = log_probabilities(self.estimator_, X)
        if self.release != "output_noise":
            return release(log_proba, self.setting, np.random.default_rng(0))
        answers = zip(log_proba, X, strict=True)
        return np.stack([release(exact, self.setting, self._generator_of(row)) for exact, row in answers])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of the largest probability that is given out, [samples]."""
        codes = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels

    def _generator_of(self, row: NDArray[Any]) -> np.random.Generator:
        # As float32, so that a sample is the same query in whatever precision it comes.
        digest = hashlib.sha256(np.ascontiguousarray(row, dtype=np.float32).tobytes()).digest()
        return np.random.default_rng([self._secret, *np.frombuffer(digest, dtype="<u4").tolist()])
