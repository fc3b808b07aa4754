"""From declared expression values to network inputs: a log step that fits nothing, then a scaler that may.

Both are scikit-learn transformers so that they sit inside a recipe's Pipeline, where every model refits them on its own
members. What a scaler learns from the members is part of what a model can leak about them.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from genoaudit.contracts import FloatArray, Scale
from genoaudit.data.logs import AMOUNTS, FloatMatrix, ScaleError, log_values, per_million

Scaling = Literal["members", "sample", "none"]
"""Which rows a scaler learns from: the member samples, the sample's own genes, or nothing."""


class LogTransform(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Bring values of a declared scale to a log-like scale, each sample on its own.

    ===================================  ================================================
    scale                                output
    ===================================  ================================================
    ``counts``                           log2(CPM + 1), CPM from the sample's own library
    ``cpm``, ``tpm``, ``rsem``           log2(x + 1)
    ``intensity``                        log2(max(x, 20))
    ``ratio``                            log2(max(x, 0.01))
    ``log2``, ``log_ratio``, ``zscore``  x
    ===================================  ================================================

    Nothing is fitted: the output of a sample depends on that sample alone. The library size is the sum over the genes
    given, accumulated in float64.

    Parameters
    ----------
    scale
        The declared scale of the values, one of `genoaudit.contracts.Scale`.

    Attributes
    ----------
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> LogTransform("cpm").fit_transform([[0.0, 1.0, 7.0]])
    array([[0., 1., 3.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"scale": [StrOptions(set(get_args(Scale)))]}

    def __init__(self, scale: Scale = "log2") -> None:
        self.scale = scale

    def fit(self, X: Any, y: Any = None) -> LogTransform:
        """Check the values; learn nothing but the number and names of the genes.

        Raises
        ------
        ScaleError
            Negative values on a scale of amounts (counts, cpm, tpm, rsem).
        """
        self._validate_params()
        X = validate_data(self, X, dtype=np.float32)
        self._reject_negative(X)
        return self

    def transform(self, X: Any) -> FloatMatrix:
        """Return log-like values, float32 [samples, genes].

        Raises
        ------
        ScaleError
            Negative values on a scale of amounts, or a sample without a single count.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        self._reject_negative(X)
        factors = per_million(X.sum(axis=1, dtype=np.float64)) if self.scale == "counts" else None
        return log_values(X, self.scale, factors=factors)

    def _reject_negative(self, X: FloatMatrix) -> None:
        if self.scale not in AMOUNTS or X.min() >= 0:
            return
        rows, columns = np.nonzero(X < 0)
        first = f"row {rows[0]}, column {self._column(int(columns[0]))}: {X[rows[0], columns[0]]:g}"
        # The first words are scikit-learn's for this situation; its estimator checks look for them.
        problem = (
            f"Negative values in data passed to {type(self).__name__}: {len(rows)} of {X.size} (first: {first}), but "
            f"scale {self.scale!r} holds amounts. Declare the scale the values are on: 'log2' if they are logarithms."
        )
        raise ScaleError("expression matrix", [problem])

    def _column(self, column: int) -> str:
        names = getattr(self, "feature_names_in_", None)
        return str(column) if names is None else repr(names[column])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.scale in AMOUNTS
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class ExpressionScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise log-like expression per gene over the members, or per sample over its own genes.

    Standardised rows have squared length close to the number of genes, so a step of gradient descent would grow with
    it. Multiplied by ``gain / sqrt(genes)`` a row has squared length close to ``gain ** 2`` whether there are 200 genes
    or 60,000, and one learning rate serves both.

    Parameters
    ----------
    scaling
        ``"members"``: mean and standard deviation of each gene over the rows seen in `fit`. ``"sample"``: mean and
        standard deviation of each sample over its own genes; nothing is fitted, nothing can leak. ``"none"``: values as
        given, without gain. The standard deviation is the population one; constant genes (or samples) get divisor 1.
    gain
        Root mean square length of a standardised row; None leaves standardised values as they are.

    Attributes
    ----------
    mean_, sd_
        Mean and divisor of each gene, float64 [genes]; only with ``scaling="members"``.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> ExpressionScaler(gain=None).fit_transform([[1.0, 5.0], [3.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> ExpressionScaler("sample", gain=10.0).fit_transform([[1.0, 3.0, 3.0, 1.0]])
    array([[-5.,  5.,  5., -5.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "scaling": [StrOptions(set(get_args(Scaling)))],
        "gain": [Interval(Real, 0, None, closed="neither"), None],
    }

    mean_: FloatArray
    sd_: FloatArray

    def __init__(self, scaling: Scaling = "members", *, gain: float | None = 10.0) -> None:
        self.scaling = scaling
        self.gain = gain

    def fit(self, X: Any, y: Any = None) -> ExpressionScaler:
        """Learn the genes' means and standard deviations from the member samples, if `scaling` asks for them."""
        self._validate_params()
        X = validate_data(self, X, dtype=np.float32)
        if self.scaling == "members":
            self.mean_, self.sd_ = _column_mean_and_sd(X)
        return self

    def transform(self, X: Any) -> FloatMatrix:
        """Return scaled values, float32 [samples, genes]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        if self.scaling == "none":
            unchanged: FloatMatrix = X
            return unchanged
        if self.scaling == "members":
            mean, sd = self.mean_, self.sd_
        else:
            mean, sd = (column[:, np.newaxis] for column in _column_mean_and_sd(X.T))
        factor = 1.0 if self.gain is None else self.gain / math.sqrt(X.shape[1])
        # Computed in float64 block by block and rounded once per step: no float64 copy of the whole matrix.
        scaled: FloatMatrix = np.empty_like(X)
        np.subtract(X, mean, out=scaled, casting="same_kind")
        np.multiply(scaled, factor / sd, out=scaled, casting="same_kind")
        return scaled

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _column_mean_and_sd(X: FloatMatrix) -> tuple[FloatArray, FloatArray]:
    """Return mean and divisor per column, accumulated in float64; constant up to rounding means divisor 1."""
    fitted = StandardScaler().fit(X)
    return fitted.mean_, fitted.scale_
