"""Keep the genes that vary most among the members: a common step, and part of what a model can leak about them."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from genoaudit.contracts import BoolArray, FloatArray


class VariableGenes(SelectorMixin, BaseEstimator):
    """Keep the genes of largest variance among the samples seen in `fit`.

    Parameters
    ----------
    genes
        How many to keep; all of them where there are no more. Of equally variable genes the first are kept.

    Attributes
    ----------
    variances_
        Population variance of each gene among the samples seen in `fit`, float64 [genes].
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> VariableGenes(2).fit_transform([[1.0, 5.0, 0.0], [3.0, 5.0, 9.0]])
    array([[1., 0.],
           [3., 9.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"genes": [Interval(Integral, 1, None, closed="left")]}

    variances_: FloatArray

    def __init__(self, genes: int = 2000) -> None:
        self.genes = genes

    def fit(self, X: Any, y: Any = None) -> VariableGenes:
        """Measure each gene's variance."""
        self._validate_params()
        self.variances_ = gene_variances(validate_data(self, X, dtype=np.float32))
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the chosen genes in their order, float32 [samples, chosen]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return np.ascontiguousarray(X[:, self._get_support_mask()])

    def _get_support_mask(self) -> BoolArray:
        check_is_fitted(self)
        return most_variable(self.variances_, self.genes)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def gene_variances(X: NDArray[np.float32]) -> FloatArray:
    """Return the population variance of every column, accumulated in float64; each depends on its own column alone."""
    return np.asarray(StandardScaler(with_std=True).fit(X).var_, dtype=np.float64)


def most_variable(variances: FloatArray, genes: int) -> BoolArray:
    """Mark the `genes` largest variances, the first of equals.

    Examples
    --------
    >>> most_variable(np.array([1.0, 3.0, 3.0, 2.0]), 2)
    array([False,  True,  True, False])
    """
    chosen = np.zeros(variances.size, dtype=np.bool_)
    chosen[np.argsort(-variances, kind="stable")[:genes]] = True
    return chosen
