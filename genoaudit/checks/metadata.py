"""What is written of patients beside their expression, as a few levels per variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genoaudit.contracts import FloatArray, IntArray

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

CLASS = "class"
SAMPLES = "number of samples"

RARE = 5
"""Levels of fewer patients are taken together: alone they say nothing of membership, and point at people."""

_MOST_RARE = 0.5  # share of patients with rare levels, beyond which a variable is an identifier
_MOST_LEVELS = 10  # a number with more values is cut into quarters


def patient_levels(cohort: Cohort) -> dict[str, IntArray]:
    """Return a level code per patient for the class, the number of samples and every covariate; each [patients].

    Numbers of many values are cut into quarters, rare levels are one level, a missing value is a level, and so is a
    patient whose samples differ. Variables with one level are left out, and so are identifiers (most levels rare).
    """
    variables = {CLASS: pd.Series(cohort.y), SAMPLES: pd.Series(np.bincount(cohort.patients)[cohort.patients])}
    variables |= {str(name): cohort.obs[name] for name in cohort.obs.columns}
    found = {}
    for name, column in variables.items():
        text = _text(column.reset_index(drop=True))
        patient = text.groupby(cohort.patients).agg(lambda own: own.iloc[0] if own.nunique() == 1 else "(varies)")
        rare = patient.map(patient.value_counts()) < RARE
        codes, levels = pd.factorize(patient.mask(rare, "(rare)"), sort=True)
        if len(levels) > 1 and rare.mean() <= _MOST_RARE:
            found[name] = codes.astype(np.intp)
    return found


def _text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > _MOST_LEVELS:
        column = pd.Series(pd.qcut(column.astype(np.float64), 4, labels=False, duplicates="drop"))
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def indicators(levels: dict[str, IntArray]) -> FloatArray:
    """Return one column per level of every variable, 1 where the patient has it; [patients, levels]."""
    columns = [codes[:, np.newaxis] == np.arange(codes.max() + 1) for codes in levels.values()]
    return np.hstack(columns).astype(np.float64)
