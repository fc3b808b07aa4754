"""How well the models classify patients they have not seen, with an error over patients and models.

`utility` shows how models differ. A claim about the recipe, or about one model, on other patients of the same kind
takes an interval: two-way over patients and complementary pairs of models, from the influence of every patient in every
model (see `two_way`). Of a single model it is over patients alone. Patients count with all their samples, as they vary
together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import effective_clopper_pearson, pair_codes
from genoaudit.metrics.two_way import ONE_SIDED, TWO_SIDED, TwoWay, two_way, z


@dataclass(frozen=True)
class UnseenUtility:
    """Rates of right predictions on samples of non-members, mean over models.

    Parameters
    ----------
    accuracy
        Share of the samples.
    balanced_accuracy
        Mean over the classes that non-members have of the share of their samples.
    """

    accuracy: Estimate
    balanced_accuracy: Estimate


def unseen_utility(
    proba: NDArray[np.float32], y: IntArray, patients: IntArray, members: BoolArray, partner: IntArray
) -> UnseenUtility:
    """Measure accuracy on patients that a model has not seen.

    Parameters
    ----------
    proba
        Probabilities; [models, samples, classes]. Of equally probable classes the first is the prediction.
    y
        True class codes; [samples].
    patients
        Patient of each sample, 0 .. patients - 1; [samples].
    members
        Membership; [models, patients], a non-member in every model.
    partner
        Complementary model of each model, -1 if none; [models].

    Returns
    -------
    Each value equals that of `genoaudit.metrics.utility.utility` on non-members. Limits are Clopper and Pearson's with
    the effective number of patients that gives a rate this error (Korn and Graubard, Survey Methodology 1998).

    Raises
    ------
    ConfigError
        If shapes disagree, a probability is not finite, or a model has no non-member.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, held = np.arange(60) % 2, np.tile(np.arange(60) % 4 < 2, (1, 1))
    >>> proba = np.where(rng.random((1, 60, 1)) < 0.9, np.eye(2)[y], np.eye(2)[1 - y]).astype(np.float32)
    >>> found = unseen_utility(proba, y, np.arange(60), held, np.array([-1])).accuracy
    >>> found.low < found.at_least < found.value < found.at_most < found.high
    True
    """
    _check(proba, y, patients, members)
    hits, pair = proba.argmax(axis=2) == y, pair_codes(partner)
    samples = _by_patient(np.ones_like(hits[:1], dtype=np.float64), patients)[0]
    classes = [code for code in np.unique(y) if (~members & _has(y == code, patients, members.shape[1])).any()]
    overall = _share(_by_patient(hits, patients), samples, ~members)
    recalls = [
        _share(_by_patient(hits & (y == code), patients), _by_patient((y == code)[None], patients)[0], ~members)
        for code in classes
    ]
    return UnseenUtility(
        accuracy=_estimate(overall.value, overall.influence, overall.patients, pair),
        balanced_accuracy=_balanced(recalls, pair),
    )


@dataclass(frozen=True, eq=False)
class _Share:
    """A share in every model, [models], NaN without patients; influences, [models, patients]; patients, [models]."""

    value: FloatArray
    influence: FloatArray
    patients: IntArray


def _share(hits: FloatArray, samples: FloatArray, unseen: BoolArray) -> _Share:
    """Right samples over samples among the unseen patients of each model: a ratio of sums over patients."""
    counted = np.where(unseen, samples, 0.0)
    total, units = counted.sum(axis=1), (counted > 0).sum(axis=1)
    value = np.divide(np.where(unseen, hits, 0).sum(axis=1), total, out=np.full(total.size, np.nan), where=total > 0)
    residual = np.where(counted > 0, hits - np.nan_to_num(value)[:, None] * samples, 0.0)
    # Squares are around the mean of so many patients.
    unbiased = np.sqrt(units / np.maximum(units - 1, 1))
    return _Share(value, residual * (unbiased / np.maximum(total, 1))[:, None], units)


def _balanced(recalls: list[_Share], pair: IntArray) -> Estimate:
    """Mean over the classes that are there in each model; few patients of one class count as few."""
    present = np.array([recall.patients > 0 for recall in recalls])
    classes = present.sum(axis=0)
    value = np.nansum([recall.value for recall in recalls], axis=0) / classes
    influence = np.sum([recall.influence for recall in recalls], axis=0) / classes[:, None]
    each = np.array([1 / np.maximum(recall.patients, 1) for recall in recalls])
    return _estimate(value, influence, classes**2 / np.where(present, each, 0).sum(axis=0), pair)


def _estimate(value: FloatArray, influence: FloatArray, units: FloatArray | IntArray, pair: IntArray) -> Estimate:
    mean = float(value.mean())
    error = two_way(influence.mean(axis=0), (value - mean) / value.size, pair)
    ends: list[float] = []
    for tail in (TWO_SIDED, ONE_SIDED):
        ends += _limits(mean, error, units, tail)
    return Estimate(mean, *ends)


def _limits(mean: float, error: TwoWay, units: FloatArray | IntArray, tail: float) -> tuple[float, float]:
    fewest, most = max(int(units.min()), 1), max(round(float(units.sum())), 1)
    width = error.margin(tail) / z(tail)
    low, high = effective_clopper_pearson(mean, width, fewest, most=max(fewest, most), level=1 - 2 * tail)
    return min(float(low), mean), max(float(high), mean)


def _by_patient(values: FloatArray | BoolArray, patients: IntArray) -> FloatArray:
    """Sum over the samples of each patient; [models, patients]."""
    count = int(patients.max()) + 1
    return np.array([np.bincount(patients, weights=row, minlength=count) for row in values])


def _has(samples: BoolArray, patients: IntArray, count: int) -> BoolArray:
    """Whether each patient has such a sample; [patients]."""
    return np.asarray(np.bincount(patients, weights=samples, minlength=count) > 0)


def _check(proba: NDArray[np.float32], y: IntArray, patients: IntArray, members: BoolArray) -> None:
    fits = proba.ndim == 3 and y.shape == patients.shape == proba.shape[1:2] and members.shape[:1] == proba.shape[:1]
    if not fits or members.ndim != 2 or members.shape[1] != int(patients.max()) + 1:
        raise ConfigError(
            f"proba {proba.shape}, y {y.shape}, patients {patients.shape} and members {members.shape} must be [models, "
            "samples, classes], [samples], [samples] and [models, patients]."
        )
    if not np.isfinite(proba).all():
        raise ConfigError("some probabilities are not finite. A model diverged; mend that first.")
    full = np.flatnonzero(members.all(axis=1))
    if full.size:
        raise ConfigError(f"{full.size} models have no non-member (first: model {full[0]}). Leave them out.")
