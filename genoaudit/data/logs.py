"""Values of a declared scale to a log-like one, each sample on its own: nothing is fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import FloatArray, Scale
from genoaudit.errors import DataError

FloatMatrix = NDArray[np.float32]

INTENSITY_FLOOR = 20.0
"""Smallest microarray signal told apart from background; average differences below it are often negative."""

RATIO_FLOOR = 0.01
"""Smallest two-colour ratio taken at its word; it keeps the logarithm of a zero ratio finite."""

AMOUNTS = ("counts", "cpm", "tpm", "rsem")
"""Scales without negative values."""


class ScaleError(DataError, ValueError):
    """Values that the declared scale cannot hold; a `ValueError` too, as scikit-learn expects of a transformer."""


def log_values(X: FloatMatrix, scale: Scale, *, factors: FloatMatrix | None = None) -> FloatMatrix:
    """Return log-like values of some samples and genes; see `genoaudit.data.preprocessing.LogTransform`.

    Parameters
    ----------
    X
        Values on `scale`, [samples, genes].
    scale
        The declared scale.
    factors
        For counts: what takes each sample to counts per million, [samples, 1]; see `per_million`.

    Examples
    --------
    >>> log_values(np.array([[0.0, 1.0, 7.0]], dtype=np.float32), "tpm")
    array([[0., 1., 3.]], dtype=float32)
    """
    if scale in AMOUNTS:
        return _log2_plus_one(X if factors is None else X * factors)
    if scale == "intensity":
        return _log2(np.maximum(X, np.float32(INTENSITY_FLOOR)))
    if scale == "ratio":
        return _log2(np.maximum(X, np.float32(RATIO_FLOOR)))
    return X


def per_million(library: FloatArray) -> FloatMatrix:
    """Return what takes samples of these library sizes [samples] to counts per million, float32 [samples, 1].

    Raises
    ------
    ScaleError
        If a library is empty.
    """
    empty = np.flatnonzero(library == 0)
    if len(empty):
        problem = (
            f"{len(empty)} of {len(library)} samples have no counts at all (first: row {empty[0]}), so counts per "
            "million do not exist for them. Remove these samples, or check that the matrix holds the right genes."
        )
        raise ScaleError("expression matrix", [problem])
    factor: FloatMatrix = (1e6 / library).astype(np.float32)[:, np.newaxis]
    return factor


def _log2_plus_one(X: FloatMatrix) -> FloatMatrix:
    return _log2(X + np.float32(1))


def _log2(fresh: FloatMatrix) -> FloatMatrix:
    """Take logarithms in place; `fresh` must not be the caller's array."""
    return np.log2(fresh, out=fresh)
