"""Samples' covariates as groups of patients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

CLASS = "class"
SAMPLES = "number of samples"
MISSING = "(missing)"
VARIES = "(varies)"
_MOST_LEVELS = 10
_MANY_SAMPLES = 4
_MOST_GROUPS = 40
_QUANTILES = 4


def patient_classes(cohort: Cohort) -> NDArray[np.str_]:
    """Return each patient's class, or classes joined by `` + `` where samples differ; text [patients]."""
    names = pd.Series(np.asarray(cohort.classes)[cohort.y])
    joined = names.groupby(cohort.patients).agg(lambda found: " + ".join(sorted(set(found))))
    return np.asarray(joined.to_numpy(), dtype=np.str_)


def patient_groups(cohort: Cohort, covariates: Sequence[str] = ()) -> dict[str, NDArray[np.str_]]:
    """Return, for the class, the number of samples and every named covariate, each patient's group; text [patients].

    The number of samples is left out where all patients have as many.

    A numeric covariate of more than ten values is cut into quarters. A patient whose samples differ is in the group
    ``(varies)``, one without a value in ``(missing)``: nobody is left out.
    """
    groups = {CLASS: patient_classes(cohort)}
    samples = np.bincount(cohort.patients)
    if np.unique(samples).size > 1:
        groups[SAMPLES] = np.array([f"{n:d}" if n < _MANY_SAMPLES else f"{_MANY_SAMPLES} or more" for n in samples])
    for name in covariates:
        if name not in cohort.obs.columns:
            there = ", ".join(map(str, cohort.obs.columns)) or "none"
            msg = f"no covariate {name!r} to group by; the cohort has: {there}."
            raise ConfigError(msg)
        levels = _levels(cohort.obs[name])
        if levels.nunique() > _MOST_GROUPS:
            problem = (
                f"{levels.nunique()} different values in group column {name!r}, more than {_MOST_GROUPS}: too many for "
                "groups. Is it an identifier? Leave it out of groups, or cut it into a few levels."
            )
            raise DataError(cohort.source, [problem])
        per_patient = levels.groupby(cohort.patients).agg(_only)
        groups[name] = np.asarray(per_patient.to_numpy(), dtype=np.str_)
    return groups


def _levels(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > _MOST_LEVELS:
        column = _quarters(column)
    text = column.astype(object).where(column.notna(), MISSING).astype(str).str.strip()
    return text.where(text != "", MISSING).reset_index(drop=True)


def _quarters(column: pd.Series) -> pd.Series:
    edges = np.unique(column.quantile(np.linspace(0, 1, _QUANTILES + 1))).tolist()
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return pd.Series(pd.cut(column, bins=edges, labels=names, include_lowest=True))


def _only(found: pd.Series) -> str:
    return str(found.iloc[0]) if found.nunique() == 1 else VARIES
