"""What the models are good for, beside what they leak: accuracy of members and of non-members."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def utility(proba: NDArray[np.float32], y: IntArray, member_samples: BoolArray) -> dict[str, dict[str, Estimate]]:
    """Measure how well the models classify samples of their members and of their non-members.

    Every metric is scikit-learn's, computed per model and averaged over models. Classes without a sample on a side are
    left out there: balanced accuracy, macro F1 and AUROC average over the classes that are present, and AUROC (one
    class against the rest) also needs a sample of another class.

    Parameters
    ----------
    proba
        Probabilities; [models, samples, classes].
    y
        True class codes; [samples].
    member_samples
        Whether the sample's patient is a member of the model; [models, samples].

    Returns
    -------
    Side (``"members"``, ``"non_members"``) -> metric (``METRICS``) -> estimate. The value is the mean over models;
    ``low`` and ``high`` are the 2.5 % and 97.5 % percentiles over models: the *spread* of models, not a confidence
    interval of their mean. A metric that no model allows has no value.

    Raises
    ------
    ConfigError
        If shapes disagree or a probability is not finite.

    Examples
    --------
    >>> proba = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]], dtype=np.float32)
    >>> sides = utility(proba, np.array([0, 1, 1, 0]), np.array([[True, True, False, False]]))
    >>> sides["members"]["accuracy"].value, sides["non_members"]["accuracy"].value
    (1.0, 0.0)
    """
    if proba.ndim != 3 or member_samples.shape != proba.shape[:2] or y.shape != proba.shape[1:2]:
        raise ConfigError(
            f"proba {proba.shape}, y {y.shape} and member_samples {member_samples.shape} must be [models, samples, "
            "classes], [samples] and [models, samples]."
        )
    if not np.isfinite(proba).all():
        raise ConfigError("some probabilities are not finite. A model diverged; mend that first.")
    sides = {"members": member_samples, "non_members": ~member_samples}
    found = {}
    for side, rows in sides.items():
        table = np.array([_model(model[own], y[own]) for model, own in zip(proba, rows, strict=True)])
        found[side] = {metric: _over_models(column) for metric, column in zip(METRICS, table.T, strict=True)}
    return found


def _model(proba: NDArray[np.float32], y: IntArray) -> tuple[float, ...]:
    """Metrics of one model on one side, in the order of `METRICS`; NaN where the side does not allow them."""
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support, roc_auc_score

    present = np.unique(y)
    if not present.size:
        return (np.nan,) * len(METRICS)
    predicted = proba.argmax(axis=1)
    # Mean recall of the present classes is balanced accuracy; scikit-learn's own warns about predicted absent classes.
    _, recall, f1, _ = precision_recall_fscore_support(y, predicted, labels=present, average="macro", zero_division=0)
    auroc = np.nan
    if present.size > 1:
        auroc = roc_auc_score(y[:, None] == present, proba[:, present], average="macro")
    return accuracy_score(y, predicted), recall, f1, auroc


def _over_models(values: FloatArray) -> Estimate:
    known = values[~np.isnan(values)]
    if not known.size:
        return Estimate(None, None, None)
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high))
