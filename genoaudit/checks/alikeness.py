"""How alike samples are, from their Gram matrix: pairs of patients nearer to each other than their surroundings allow.

Tumours of one subtype all resemble one another, so that a large correlation alone says little. A pair stands out when
the distance to the nearest sample is small against the distance to the sixth nearest (as in the ratio test of Lowe,
International Journal of Computer Vision 2004): neighbours of a crowd are about equally far, a second sample of the same
person is not. What ratio is unusual is measured on the cohort itself, by median and median absolute deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.data.backed import row_blocks
from genoaudit.data.logs import log_values, per_million

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

NEIGHBOUR = 6
"""The neighbour that the nearest one is measured against: beyond a handful of copies, within the same type."""

OUTLYING = 7.0
"""Robust standard deviations below the median from which a ratio stands out."""

_GENES_AT_ONCE = 2048
_SAMPLES_AT_ONCE = 512
_SMALLEST = 1e-6  # ratio of exact copies, whose distance is zero but for rounding
_NORMAL_MAD = 0.6744897501960817  # median absolute deviation of a standard normal


@dataclass(frozen=True, eq=False)
class AlikePairs:
    """Samples of different patients that are each other's nearest.

    Parameters
    ----------
    first, second
        Sample numbers; [pairs].
    ratio
        Distance to each other over the distance to the sixth nearest sample of another patient, the larger of the two;
        [pairs].
    deviation
        Robust standard deviations by which the logarithm of `ratio` lies below the cohort's median; [pairs].
    """

    first: IntArray
    second: IntArray
    ratio: FloatArray
    deviation: FloatArray

    def count(self, *, least: float = 0.0, below: float = np.inf, outlying: float = -np.inf) -> int:
        """Count the pairs with a ratio in [least, below) that stand out by more than `outlying`."""
        return int(((self.ratio >= least) & (self.ratio < below) & (self.deviation > outlying)).sum())


def sample_gram(cohort: Cohort) -> FloatArray:
    """Return inner products of log-like expression less gene means, a block of genes at a time; [samples, samples]."""
    factors = None
    if cohort.scale == "counts":
        factors = per_million(np.concatenate([rows.sum(axis=1, dtype=np.float64) for _, rows in row_blocks(cohort.X)]))
    gram = np.zeros((cohort.n_samples, cohort.n_samples))
    for start in range(0, cohort.n_genes, _GENES_AT_ONCE):
        values = cohort.X[:, start : start + _GENES_AT_ONCE]
        block = log_values(values, cohort.scale, factors=factors).astype(np.float64)
        block -= block.mean(axis=0)
        gram += block @ block.T
    return gram


def without(gram: FloatArray, labels: Sequence[NDArray[Any]]) -> FloatArray:
    """Return the Gram matrix of what is left of the samples after fitting the mean of every label of every variable.

    Parameters
    ----------
    gram
        Inner products; [samples, samples].
    labels
        Variables whose levels are fitted together, by least squares; each [samples].
    """
    columns = [np.ones((len(gram), 1)), *((label[:, np.newaxis] == np.unique(label)) for label in labels)]
    basis, size, _ = np.linalg.svd(np.hstack(columns).astype(np.float64), full_matrices=False)
    basis = basis[:, size > 1e-8 * size[0]]
    left = gram - basis @ (basis.T @ gram)
    return np.asarray(left - (left @ basis) @ basis.T)


def alike_pairs(gram: FloatArray, patients: IntArray) -> AlikePairs:
    """Find mutual nearest neighbours of different patients, and how much they stand out in the cohort.

    Parameters
    ----------
    gram
        Inner products of samples; [samples, samples].
    patients
        Patient code of each sample; [samples].
    """
    samples = np.arange(len(gram))
    rank = min(NEIGHBOUR - 1, len(np.unique(patients)) // 4)
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-12 * np.diag(gram).max() + 1e-300))
    nearest, near, far = np.empty_like(samples), np.empty(len(gram)), np.empty(len(gram))
    for start in range(0, len(gram), _SAMPLES_AT_ONCE):
        rows = slice(start, start + _SAMPLES_AT_ONCE)
        distance = np.sqrt(np.maximum(2 - 2 * gram[rows] / np.outer(norm[rows], norm), 0.0))
        distance[patients[rows, np.newaxis] == patients] = np.inf
        nearest[rows], near[rows] = distance.argmin(axis=1), distance.min(axis=1)
        far[rows] = np.partition(distance, rank, axis=1)[:, rank]
    # Without a sixth neighbour of another patient there is no crowd to stand out from.
    log_ratio = np.log(np.maximum(near / np.where(np.isfinite(far) & (far > 0), far, np.maximum(near, 1.0)), _SMALLEST))
    centre = np.median(log_ratio)
    spread = np.median(np.abs(log_ratio - centre)) / _NORMAL_MAD
    first = np.flatnonzero((nearest[nearest] == samples) & (samples < nearest))
    # The larger of the two counts, so that an outlier next to a crowd is not taken for the twin of one in it.
    ratio = np.maximum(log_ratio[first], log_ratio[nearest[first]])
    return AlikePairs(first, nearest[first], np.exp(ratio), (centre - ratio) / max(float(spread), 1e-12))
