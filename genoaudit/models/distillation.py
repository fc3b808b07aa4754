"""Split-AI and self-distillation: a student that learns of every patient what models without him say.

Tang, Mahloujifar, Song, Shejwalkar, Nasr, Houmansadr, Mittal. Mitigating membership inference attacks by
self-distillation through a novel ensemble architecture. USENIX Security 2022.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from genoaudit.contracts import BoolArray, FloatArray, IntArray, Recipe
from genoaudit.errors import ConfigError
from genoaudit.models.answers import log_probabilities
from genoaudit.models.fitting import FitError, fit_recipe, patient_codes
from genoaudit.models.recipes import set_random_state

LEFT_OUT = 0.4
"""Share of the sub-models that a patient is left out of: 10 of 25 in the paper."""


class DistilledClassifier(ClassifierMixin, BaseEstimator):
    """Train sub-models that each leave out some patients, and a student on what they say of those they left out.

    Each patient is left out of two fifths of the sub-models. The soft label of a sample is the mean prediction of the
    sub-models without its patient; the student, of the same recipe, learns from soft labels alone. Its preprocessing
    still sees all samples. Where a classifier's `fit` takes no ``targets``, the student sees every sample once as each
    class, weighted by its soft label, which minimises the same cross-entropy.

    Patients of one class are left out in turns, so that every sub-model knows every class that has two patients or
    more. A sub-model without a class gives it probability 0, so the student hardly learns a class of a single patient:
    to predict it would be to tell of him.

    Parameters
    ----------
    estimator
        An unfitted classifier or Pipeline; None: logistic regression.
    models
        Number of sub-models.
    random_state
        Source of the splits and of the seeds of all models.

    Attributes
    ----------
    student_
        The trained student, whose classes are the positions in `classes_`; the sub-models are thrown away.
    classes_
        Class labels, sorted.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> X = np.array([[-1.0], [-0.5], [0.5], [1.0]] * 5)
    >>> DistilledClassifier(random_state=0).fit(X, ["normal", "normal", "tumour", "tumour"] * 5).predict([[2.0]])
    array(['tumour'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "models": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    classes_: NDArray[Any]
    student_: Recipe

    def __init__(
        self, estimator: Any = None, *, models: int = 5, random_state: int | np.random.RandomState | None = None
    ) -> None:
        self.estimator = estimator
        self.models = models
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, patients: ArrayLike | None = None) -> DistilledClassifier:
        """Train on samples `X` [samples, genes] with labels `y` [samples] of `patients` [samples].

        Raises
        ------
        ConfigError
            If the classifier's `fit` can learn no soft labels.
        ValueError
            A parameter out of range, or data that cannot be classified, such as one class or one patient only.
        """
        self._validate_params()
        recipe = LogisticRegression() if self.estimator is None else self.estimator
        if reason := cannot_learn_soft_labels(recipe):
            raise ConfigError(f"DistilledClassifier: {reason}.")
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, got 1 class.")
        people = patient_codes(patients, len(codes))
        if people.max() == 0:
            raise FitError(f"{type(self).__name__} needs samples of at least 2 patients, got 1 patient.")
        random = check_random_state(self.random_state)
        left_out = leave_out(people, codes, models=self.models, rng=np.random.default_rng(_seed(random)))
        seed = _seed(random)
        targets = np.zeros((len(codes), len(self.classes_)))
        for model, without in enumerate(left_out):
            if without.all() or not without.any():  # so few patients that a sub-model has none, or has them all
                continue
            own = set_random_state(recipe, seed, "sub-model", model)
            targets[without] += _predictions(own, X, codes, people, without=without, classes=len(self.classes_))
        targets[targets.sum(axis=1) == 0] = 1.0  # nobody else can say anything: an even label
        targets /= targets.sum(axis=1, keepdims=True)
        student = set_random_state(recipe, seed, "student")
        self.student_ = fit_soft(student, X, codes, patients=people, targets=targets)
        return self

    def predict_log_proba(self, X: Any) -> FloatArray:
        """Return the student's log-probabilities, float64 [samples, classes]."""
        check_is_fitted(self)
        return log_probabilities(self.student_, validate_data(self, X, reset=False))

    def predict_proba(self, X: Any) -> FloatArray:
        """Return probabilities, float64 [samples, classes], in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each sample [samples]."""
        codes = self.predict_log_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels


def leave_out(people: IntArray, codes: IntArray, *, models: int, rng: np.random.Generator) -> BoolArray:
    """Draw which samples each sub-model leaves out; bool [models, samples].

    Each patient, with all samples, is left out of ``max(1, round(0.4 * models))`` sub-models. The patients of a class,
    in random order, take their turns around a circle of the sub-models, so that no class is left out as a whole.

    Parameters
    ----------
    people
        Patient of each sample, from 0; [samples].
    codes
        Class of each sample; that of a patient is the class of his first sample; [samples].
    models
        Number of sub-models, at least 2.
    rng
        Source of the draw.

    Examples
    --------
    >>> leave_out(np.arange(3), np.zeros(3, int), models=5, rng=np.random.default_rng(0)).sum(axis=0)
    array([2, 2, 2])
    """
    turns = max(1, round(LEFT_OUT * models))
    classes = codes[np.unique(people, return_index=True)[1]]
    without = np.zeros((models, len(classes)), dtype=np.bool_)
    for code in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == code))
        circle = rng.permutation(models)
        places = np.arange(len(members) * turns) % models
        without[circle[places], np.repeat(members, turns)] = True
    return without[:, people]


def cannot_learn_soft_labels(recipe: Any) -> str | None:
    """Say why a recipe's classifier cannot learn soft labels, or None if it can.

    Examples
    --------
    >>> cannot_learn_soft_labels(LogisticRegression()) is None
    True
    """
    classifier = recipe.steps[-1][1] if hasattr(recipe, "steps") else recipe
    if has_fit_parameter(classifier, "targets") or has_fit_parameter(classifier, "sample_weight"):
        return None
    return f"fit of {type(classifier).__name__} takes neither 'targets' nor 'sample_weight', and so no soft labels"


def fit_soft(recipe: Recipe, X: Any, codes: IntArray, *, patients: IntArray, targets: FloatArray) -> Recipe:
    """Fit a recipe on soft labels [samples, classes], as targets or as weights of every sample under every class."""
    name, classifier = recipe.steps[-1] if hasattr(recipe, "steps") else ("", recipe)
    if has_fit_parameter(classifier, "targets"):
        return fit_recipe(recipe, X, codes, patients=patients, targets=targets)
    samples, classes = targets.shape
    weights = {f"{name}__sample_weight" if name else "sample_weight": targets.ravel()}
    fitted: Recipe = recipe.fit(np.repeat(X, classes, axis=0), np.tile(np.arange(classes), samples), **weights)
    return fitted


def _predictions(
    recipe: Recipe, X: Any, codes: IntArray, people: IntArray, *, without: BoolArray, classes: int
) -> FloatArray:
    """Train a sub-model and return what it says of the samples that it left out, [left out, classes]."""
    known, own = np.unique(codes[~without], return_inverse=True)
    said = np.zeros((int(without.sum()), classes))
    if known.size == 1:  # nothing to train: it knows no other answer
        said[:, known] = 1.0
        return said
    fit_recipe(recipe, X[~without], own, patients=people[~without])
    said[:, known] = np.exp(log_probabilities(recipe, X[without]))
    return said


def _seed(random: np.random.RandomState) -> int:
    return int(random.randint(2**31 - 1))
