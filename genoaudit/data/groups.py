"""Samples' covariates as groups of patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

CLASS = "class"
MISSING = "(missing)"
VARIES = "(varies)"
_MOST_LEVELS = 10
_QUANTILES = 4


def patient_classes(cohort: Cohort) -> NDArray[np.str_]:
    """Return each patient's class, or classes joined by `` + `` where samples differ; text [patients]."""
    names = pd.Series(np.asarray(cohort.classes)[cohort.y])
    joined = names.groupby(cohort.patients).agg(lambda found: " + ".join(sorted(set(found))))
    return np.asarray(joined.to_numpy(), dtype=np.str_)


def patient_groups(cohort: Cohort, covariates: Sequence[str] = ()) -> dict[str, NDArray[np.str_]]:
    """Return, for the class and every named covariate of the cohort, each patient's group; text [patients].

    A numeric covariate of more than ten values is cut into quarters. A patient whose samples differ is in the group
    ``(varies)``, one without a value in ``(missing)``: nobody is left out.
    """
    groups = {CLASS: patient_classes(cohort)}
    for name in covariates:
        levels = _levels(cohort.obs[name])
        per_patient = levels.groupby(cohort.patients).agg(_only)
        groups[name] = np.asarray(per_patient.to_numpy(), dtype=np.str_)
    return groups


def _levels(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > _MOST_LEVELS:
        column = pd.qcut(column, _QUANTILES, duplicates="drop", precision=3)
    text = column.astype(object).where(column.notna(), MISSING).astype(str).str.strip()
    return text.where(text != "", MISSING).reset_index(drop=True)


def _only(found: pd.Series) -> str:
    return str(found.iloc[0]) if found.nunique() == 1 else VARIES
