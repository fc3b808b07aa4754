"""GA006: what is fitted on patients belongs inside the recipe.

A scaler, a normalisation or components fitted on everybody before the split carry every non-member into every model, so
that members and non-members differ less than they do in the world, and no guarantee of the training covers the step.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.data.backed import Expression, row_blocks

MOST_GENES = 0.9
"""Share of the genes that must show the trace of a step."""

_TOLERANCE = 5e-3  # published values are rounded to two or three decimals
_QUANTILES = np.linspace(0.0, 1.0, 101)
_RUNS, _RUN = 4, 500  # genes are looked at in a few runs over the whole matrix
_COMPONENTS = 50

_finding = partial(Finding, "GA006", "Preprocessing fitted outside the recipe")


def preprocessing(evidence: Evidence) -> Finding:
    """Look for values that were standardised, rescaled, centred or rotated over the whole cohort."""
    advice = "Give the values as they were before the step, and put the step into the recipe's Pipeline."
    if evidence.preprocessing_inside is False:
        return _finding("issue", "Preprocessing is declared to be fitted outside the recipe.", advice)
    if evidence.cohort is None:
        return _finding("not_applicable", "No expression was given.")
    step = _fitted_on_genes(evidence.cohort.X)
    if step:
        return _finding("issue", f"Over the whole cohort, {step}: the step was fitted on everybody.", advice)
    if _same_distribution(evidence.cohort.X):
        return _finding(
            "tip",
            "All samples have the same distribution of values, as after quantile normalisation over the whole cohort.",
            "Normalise to a fixed reference instead: each sample now depends a little on all the others.",
        )
    return _finding(
        "passed", "The values bear no trace of a scaler, components or quantiles fitted on the whole cohort."
    )


def _fitted_on_genes(X: Expression) -> str | None:
    starts = np.unique(np.linspace(0, max(X.shape[1] - _RUN, 0), _RUNS).astype(np.intp))
    genes = np.hstack([X[:, int(start) : int(start) + _RUN] for start in starts]).astype(np.float64)
    genes = genes[:, np.ptp(genes, axis=0) > 0]
    if genes.shape[1] < 3:
        return None
    sd = genes.std(axis=0)
    centred = np.abs(genes.mean(axis=0)) < _TOLERANCE * sd
    median_centred = np.abs(np.median(genes, axis=0)) < _TOLERANCE * sd
    # Divided by n or by n - 1.
    scaled = (np.abs(sd - 1) < _TOLERANCE) | (np.abs(genes.std(axis=0, ddof=1) - 1) < _TOLERANCE)
    unit = (np.abs(genes.min(axis=0)) < 1e-6) & (np.abs(genes.max(axis=0) - 1) < 1e-6)
    traces = {
        "genes have mean 0 and standard deviation 1": centred & scaled,
        "columns have mean 0 and are uncorrelated, as principal components are": _uncorrelated(genes) & centred,
        "genes have mean 0": centred,
        "genes have median 0": median_centred,
        "genes run from 0 to 1": unit,
    }
    return next(
        (f"{found.mean():.0%} of the {text}" for text, found in traces.items() if found.mean() >= MOST_GENES), None
    )


def _uncorrelated(genes: FloatArray) -> BoolArray:
    """Say for every column whether the first columns are uncorrelated with each other, as no genes are."""
    samples, columns = genes.shape
    first = min(_COMPONENTS, columns, samples - 1)
    largest = np.abs(np.atleast_2d(np.corrcoef(genes[:, :first], rowvar=False))[~np.eye(first, dtype=bool)]).max(
        initial=0.0
    )
    return np.full(columns, bool(largest < _TOLERANCE))


def _same_distribution(X: Expression) -> bool:
    quantiles = np.hstack([np.quantile(rows, _QUANTILES, axis=1) for _, rows in row_blocks(X)])
    middle = np.median(quantiles, axis=1)
    spread = max(float(middle[75] - middle[25]), 1e-300)
    return bool(np.abs(quantiles - middle[:, np.newaxis])[5:-5].max() < _TOLERANCE * spread)
