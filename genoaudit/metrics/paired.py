"""What a protection costs in accuracy: the same splits trained with and without it, compared model by model.

The splits of a design are drawn independently of each other, while the two models of a complementary pair are not:
whoever is not in the one is in the other. A pair is therefore one observation. What varies from pair to pair is who was
drawn and the chances of training; the patients are the same all along. So an interval here covers the mean over all
splits *of this cohort*. It says nothing of other patients, where accuracy varies more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate


def model_accuracy(proba: NDArray[np.float32], y: IntArray, non_member_samples: BoolArray) -> FloatArray:
    """Return each model's accuracy on the samples of its non-members.

    Parameters
    ----------
    proba
        Probabilities; [models, samples, classes]. Of equally probable classes the first is the prediction.
    y
        True class codes; [samples].
    non_member_samples
        Whether the sample's patient is a non-member of the model; [models, samples].

    Returns
    -------
    Accuracies in [0, 1]; float64 [models].

    Raises
    ------
    ConfigError
        If shapes disagree, a probability is not finite, or a model has no non-member.

    Examples
    --------
    >>> proba = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]], dtype=np.float32)
    >>> model_accuracy(proba, np.array([0, 1, 1]), np.array([[False, True, True]]))
    array([0.5])
    """
    if proba.ndim != 3 or non_member_samples.shape != proba.shape[:2] or y.shape != proba.shape[1:2]:
        raise ConfigError(
            f"proba {proba.shape}, y {y.shape} and non_member_samples {non_member_samples.shape} must be [models, "
            "samples, classes], [samples] and [models, samples]."
        )
    if not np.isfinite(proba).all():
        raise ConfigError("some probabilities are not finite. A model diverged; mend that first.")
    samples = non_member_samples.sum(axis=1)
    if not samples.all():
        empty = np.flatnonzero(samples == 0)
        raise ConfigError(
            f"{empty.size} of {samples.size} models have no non-member (first: model {empty[0]}). Leave them out."
        )
    hits = (proba.argmax(axis=2) == y) & non_member_samples
    return np.asarray(hits.sum(axis=1) / samples)


def mean_with_interval(values_by_pair: FloatArray) -> Estimate:
    """Estimate a mean over splits from independent pairs of models.

    Parameters
    ----------
    values_by_pair
        One value for each complementary pair; [pairs].

    Returns
    -------
    The mean and Student's 95 % t interval of it, for this cohort and not for other patients. Limits are None with fewer
    than two pairs, and all is None without any. The interval is not cut at the ends of a scale.

    Raises
    ------
    ConfigError
        If a value is not finite.

    Examples
    --------
    >>> found = mean_with_interval(np.array([0.8, 0.84, 0.82]))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.82, 0.77, 0.87)
    >>> mean_with_interval(np.array([0.8])).low is None
    True
    """
    if values_by_pair.ndim != 1 or not np.isfinite(values_by_pair).all():
        unknown = int((~np.isfinite(values_by_pair)).sum())
        raise ConfigError(
            f"values must be finite, one for each pair; found shape {values_by_pair.shape}, {unknown} not finite."
        )
    pairs = values_by_pair.size
    if not pairs:
        return Estimate(None, None, None)
    value = float(values_by_pair.mean())
    if pairs < 2:
        return Estimate(value, None, None)
    margin = float(stats.t.ppf(0.975, pairs - 1) * values_by_pair.std(ddof=1) / np.sqrt(pairs))
    return Estimate(value, value - margin, value + margin)


def paired_loss(accuracy_without: FloatArray, accuracy_with: FloatArray, pair: IntArray) -> Estimate:
    """Estimate what a protection costs: mean accuracy without it minus with it, of models with the same members.

    Taking differences model by model removes what the two have in common, above all how hard the non-members of that
    split are; the interval is narrower than that of either accuracy.

    Parameters
    ----------
    accuracy_without, accuracy_with
        Accuracy of each model of one design, trained without and with the protection; [models].
    pair
        Code of each model's complementary pair; [models].

    Returns
    -------
    The mean loss, positive where the protection costs accuracy, with its 95 % interval as in `mean_with_interval`: over
    splits of this cohort, not over other patients.

    Raises
    ------
    ConfigError
        If there are not as many of each, or a value is not finite.

    Examples
    --------
    >>> without, protected = np.array([0.9, 0.8, 0.7, 0.8]), np.array([0.8, 0.8, 0.7, 0.6])
    >>> loss = paired_loss(without, protected, np.array([0, 0, 1, 1]))
    >>> round(loss.value, 3), round(loss.low, 3), round(loss.high, 3)
    (0.075, -0.243, 0.393)
    """
    if accuracy_without.shape != accuracy_with.shape:
        raise ConfigError(
            f"accuracies without {accuracy_without.shape} and with {accuracy_with.shape} the protection must be of the "
            "same models."
        )
    return mean_with_interval(_mean_by_pair(accuracy_without - accuracy_with, pair))


def _mean_by_pair(values: FloatArray, pair: IntArray) -> FloatArray:
    if values.ndim != 1 or pair.shape != values.shape:
        raise ConfigError(f"values {values.shape} and pair {pair.shape} must both be [models].")
    codes = np.unique(pair, return_inverse=True)[1]
    return np.asarray(np.bincount(codes, weights=values) / np.bincount(codes))


def mean_accuracy(accuracies: FloatArray, pair: IntArray) -> Estimate:
    """Average the accuracy of models [models] over complementary pairs, with the interval of `mean_with_interval`.

    Examples
    --------
    >>> round(mean_accuracy(np.array([0.9, 0.8, 0.7, 0.8]), np.array([0, 0, 1, 1])).value, 3)
    0.8
    """
    return mean_with_interval(_mean_by_pair(accuracies, pair))
