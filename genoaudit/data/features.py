"""Few coordinates of a sample's expression: what an adversary who holds the sample knows of it without any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.data.logs import log_values, per_million
from genoaudit.randomness import random_state

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

COMPONENTS = 10


def expression_features(cohort: Cohort, *, components: int = COMPONENTS, seed: int = 0) -> FloatArray:
    """Return the leading principal components of log-like expression, standardised; [samples, components].

    They are fitted on all samples alike and know nothing of membership.

    Examples
    --------
    >>> from genoaudit.data.simulate import simulate_cohort
    >>> expression_features(simulate_cohort(patients=30, genes=50, classes=2, repeat_share=0.0)).shape
    (30, 10)
    """
    from sklearn.decomposition import PCA

    X = np.asarray(cohort.X)
    factors = per_million(X.sum(axis=1, dtype=np.float64)) if cohort.scale == "counts" else None
    values = log_values(X, cohort.scale, factors=factors)
    most = min(components, *(size - 1 for size in values.shape))
    found = PCA(most, svd_solver="randomized", random_state=random_state(seed, "features")).fit_transform(values)
    return np.asarray(found / np.maximum(found.std(axis=0), np.finfo(np.float32).tiny), dtype=np.float64)
