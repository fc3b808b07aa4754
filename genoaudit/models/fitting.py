"""What `fit` is told besides samples and classes: whose the samples are, and soft labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genoaudit.contracts import IntArray, Recipe
from genoaudit.errors import ConfigError


class FitError(ConfigError, ValueError):
    """Parameters or arguments of `fit` that do not go together; a `ValueError` too, as scikit-learn expects."""


def fit_recipe(recipe: Recipe, X: Any, y: Any, *, patients: Any = None, targets: Any = None) -> Recipe:
    """Fit a classifier or a Pipeline, handing `patients` and `targets` to the steps that ask for them.

    Parameters
    ----------
    recipe
        Unfitted classifier or Pipeline; it is fitted itself, not a copy.
    X, y
        Samples [samples, genes] and their classes [samples].
    patients
        Code of each sample's patient, int [samples]; None: every sample is a patient of its own. Each step whose `fit`
        takes ``patients`` gets them; to others they mean nothing.
    targets
        Probabilities that the classifier learns in place of `y`, [samples, classes].

    Returns
    -------
    The fitted recipe.

    Raises
    ------
    FitError
        If there are `targets` and the classifier's `fit` does not take them.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> fit_recipe(LogisticRegression(), [[0.0], [1.0]], ["a", "b"], patients=[0, 1]).predict([[2.0]])
    array(['b'], dtype='<U1')
    """
    from sklearn.pipeline import Pipeline

    steps = recipe.steps if isinstance(recipe, Pipeline) else [("", recipe)]
    extra: dict[str, Any] = {}
    for name, step in steps:
        if patients is not None and _takes(step, "patients"):
            extra[f"{name}__patients" if name else "patients"] = patients
    if targets is not None:
        name, classifier = steps[-1]
        if not _takes(classifier, "targets"):
            raise FitError(
                f"{type(classifier).__name__} cannot learn soft labels: its fit takes no 'targets'. Use a network "
                "such as MLPClassifier."
            )
        extra[f"{name}__targets" if name else "targets"] = targets
    fitted: Recipe = recipe.fit(X, y, **extra)
    return fitted


def _takes(step: Any, parameter: str) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    return hasattr(step, "fit") and bool(has_fit_parameter(step, parameter))


def patient_codes(patients: ArrayLike | None, samples: int) -> IntArray:
    """Return the number of each sample's patient, from 0, in ascending order of the codes given.

    Parameters
    ----------
    patients
        Code of each sample's patient, [samples]; None: every sample is a patient of its own.
    samples
        Number of samples.

    Returns
    -------
    int [samples]; every number from 0 to the largest occurs.

    Raises
    ------
    FitError
        If there is not one whole number or text for each sample.

    Examples
    --------
    >>> patient_codes([7, 3, 7], 3).tolist(), patient_codes(None, 3).tolist()
    ([1, 0, 1], [0, 1, 2])
    """
    if patients is None:
        return np.arange(samples)
    given = np.asarray(patients)
    if given.shape != (samples,) or given.dtype.kind not in "iuUO":
        raise FitError(
            f"patients must be one whole number or text for each of {samples} samples, found shape {given.shape} of "
            f"type {given.dtype}."
        )
    codes: IntArray = np.unique(given.astype(str) if given.dtype.kind == "O" else given, return_inverse=True)[1].astype(
        np.intp
    )
    return codes


def soft_labels(targets: ArrayLike, samples: int, classes: int) -> NDArray[np.float32]:
    """Return soft labels as float32 [samples, classes].

    Raises
    ------
    FitError
        If the shape is another, or a row is no probability distribution.
    """
    given = np.asarray(targets, dtype=np.float32)
    if given.shape != (samples, classes):
        raise FitError(f"targets must have shape {(samples, classes)} (samples, classes), found {given.shape}.")
    wrong = ~((given >= 0).all(axis=1) & (np.abs(given.sum(axis=1) - 1) < 1e-3))
    if wrong.any():
        raise FitError(
            f"targets must hold probabilities that sum to 1 in every row, found {wrong.sum()} rows that do not (first: "
            f"row {np.flatnonzero(wrong)[0]})."
        )
    return given
