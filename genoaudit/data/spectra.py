"""Functional spectra: what a sample's expression says about gene sets, as enrichment scores.

Gao, Wang, Zhang, et al. DeepCC: a novel deep learning-based framework for cancer molecular subtype classification.
Oncogenesis 8:44, 2019. Subramanian et al. Gene set enrichment analysis. PNAS 102:15545, 2005.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.data.logs import FloatMatrix

_BLOCK = 64
"""Samples ranked at once, which bounds the memory that their sorted copies take."""


class FunctionalSpectra(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turn log-like expression into the enrichment score of each gene set in each sample.

    A sample's genes are ranked by their value, highest first, the first column first among equals. Down the ranking a
    sum rises at each gene of the set, by the share of its absolute value in that of the whole set, and falls at every
    other gene by one in the number of those. The score is the largest deviation of this sum from 0, with its sign, the
    upper one where both are equal: in [-1, 1], higher where the set's genes are among the most expressed. A set whose
    values are all 0 rises by equal shares.

    Parameters
    ----------
    gene_sets
        The gene sets, as rows of set number (from 0, none left out) and column of a gene; int [rows, 2], see
        `genoaudit.data.gene_sets.columns_of_sets`. An array rather than a nested tuple: sets have up to a million genes
        together, and an estimator's parameters are copied for every model.
    centring
        ``"members"``, as published: values are taken relative to the gene's mean over the samples seen in `fit`, which
        is part of what a model can leak about them. ``"none"``: values as given; nothing is fitted, nothing can leak,
        and scores tell the sets of highly expressed genes from others in all samples alike.

    Attributes
    ----------
    mean_
        Mean of each gene, float64 [genes]; only with ``centring="members"``.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> sets = [(0, 0), (0, 1), (1, 3)]
    >>> FunctionalSpectra(sets, centring="none").fit_transform([[3.0, 1.0, 2.0, 0.5], [0.0, 0.0, 1.0, 2.0]])
    array([[ 0.75, -1.  ],
           [-1.  ,  1.  ]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gene_sets": ["array-like"],
        "centring": [StrOptions({"members", "none"})],
    }

    mean_: FloatArray
    n_features_in_: int

    def __init__(self, gene_sets: ArrayLike = ((0, 0),), *, centring: Literal["members", "none"] = "members") -> None:
        self.gene_sets = gene_sets
        self.centring = centring

    def fit(self, X: Any, y: Any = None) -> FunctionalSpectra:
        """Check the sets, and learn the genes' means from the member samples if `centring` asks for them.

        Raises
        ------
        ValueError
            A gene set without genes, a column that is not there, or the same gene twice in a set.
        """
        self._validate_params()
        X = validate_data(self, X, dtype=np.float32)
        self._columns = checked_columns(self.gene_sets, genes=self.n_features_in_)
        if self.centring == "members":
            self.mean_ = X.mean(axis=0, dtype=np.float64)
        return self

    def transform(self, X: Any) -> FloatMatrix:
        """Return enrichment scores, float32 [samples, sets]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        scores = np.empty((len(X), len(self._columns)), dtype=np.float32)
        for start in range(0, len(X), _BLOCK):
            values = X[start : start + _BLOCK].astype(np.float64)
            if self.centring == "members":
                values -= self.mean_
            scores[start : start + _BLOCK] = enrichment_scores(values, self._columns)
        return scores

    @property
    def _n_features_out(self) -> int:
        return len(self._columns)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def enrichment_scores(values: FloatArray, columns: list[IntArray]) -> FloatArray:
    """Return the signed largest deviation of each set's running sum, float64 [samples, sets].

    The sum is highest just after a gene of the set and lowest just before one, so those places alone are looked at.

    Parameters
    ----------
    values
        Values by which genes are ranked and weighted, [samples, genes].
    columns
        Columns of the genes of each set, each at least one and none twice.
    """
    samples, genes = values.shape
    order = np.argsort(-values, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(genes)[np.newaxis], axis=1)
    scores = np.empty((samples, len(columns)))
    for number, own in enumerate(columns):
        places = rank[:, own]
        down = np.argsort(places, axis=1)
        weight = np.abs(np.take_along_axis(values[:, own], down, axis=1))
        weight[weight.sum(axis=1) == 0] = 1.0
        reached = np.cumsum(weight, axis=1)
        reached = reached / reached[:, -1:]
        before = np.concatenate([np.zeros((samples, 1)), reached[:, :-1]], axis=1)
        others = np.take_along_axis(places, down, axis=1) - np.arange(len(own))
        fallen = others / max(genes - len(own), 1)
        highest, lowest = (reached - fallen).max(axis=1), (before - fallen).min(axis=1)
        scores[:, number] = np.where(highest >= -lowest, highest, lowest)
    return scores


def checked_columns(gene_sets: ArrayLike, *, genes: int) -> list[IntArray]:
    """Return the columns of each set."""
    rows = np.asarray(gene_sets)
    where = "The 'gene_sets' parameter of FunctionalSpectra must"
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows) or rows.dtype.kind not in "iu":
        raise ValueError(f"{where} be whole numbers [rows, 2], found shape {rows.shape} of type {rows.dtype}.")
    numbers, columns = rows.T
    outside = np.flatnonzero((columns < 0) | (columns >= genes))
    if len(outside):
        raise ValueError(
            f"{where} name columns from 0 to {genes - 1}, found {len(outside)} rows that do not (first: row "
            f"{outside[0]}, column {columns[outside[0]]}). The sets belong to a cohort with other genes."
        )
    if not np.array_equal(np.unique(numbers), np.arange(numbers.max() + 1)):
        raise ValueError(f"{where} number the sets from 0 without gaps.")
    if len(np.unique(rows, axis=0)) < len(rows):
        raise ValueError(f"{where} name a gene once in each set.")
    in_order: NDArray[np.intp] = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers))[:-1]
    return [own.astype(np.intp) for own in np.split(columns[in_order], ends)]
