"""A fitted model in memory, asked about every sample of a cohort."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.artefacts.given_model import columns_of, for_cohort
from genoaudit.contracts import BoolArray, FloatArray, Recipe
from genoaudit.data.backed import row_blocks
from genoaudit.data.membership import Membership
from genoaudit.data.target import Target, TargetKind
from genoaudit.errors import ConfigError, DataError, GenoauditError, TrainingError
from genoaudit.models.answers import log_probabilities

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def target_of(
    model: Any,
    cohort: Cohort,
    members: BoolArray | Membership,
    *,
    classes: Sequence[str] | None = None,
    genes: Sequence[str] | None = None,
    source: str = "model",
    kind: TargetKind = "sklearn",
) -> Target:
    """Make a target of a fitted model in memory, for `audit_target`.

    Parameters
    ----------
    model
        Any fitted classifier with ``classes_`` and ``predict_log_proba`` or ``predict_proba``.
    cohort
        Its members and other patients.
    members
        Which patients it was trained on, bool [patients], or as `genoaudit.data.membership` reads it.
    classes
        The cohort's classes in the order of the model's outputs, where its labels are not their names.
    genes
        Names of the model's genes in its order, where it does not know them.
    source, kind
        What it is called in the report.

    Raises
    ------
    DataError
        If the model does not go with the cohort, or its answers are no probabilities.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from genoaudit.data.simulate import simulate_cohort
    >>> cohort = simulate_cohort(patients=40, genes=20, classes=2, seed=0)
    >>> members = np.arange(40) % 2 == 0
    >>> rows = members[cohort.patients]
    >>> model = GaussianNB().fit(cohort.X[rows], np.array(cohort.classes)[cohort.y[rows]])
    >>> target_of(model, cohort, members).log_proba.shape == (cohort.n_samples, 2)
    True
    """
    known = members if isinstance(members, Membership) else Membership(np.asarray(members, dtype=np.bool_), "")
    if known.members.shape != (cohort.n_patients,):
        msg = f"members must say yes or no of each of {cohort.n_patients} patients, got shape {known.members.shape}."
        raise ConfigError(msg)
    columns = None if genes is None else columns_of(genes, cohort.genes, source)
    adapted = for_cohort(model, cohort, source=source, classes=classes, columns=columns)
    log_proba, told = ask_all(adapted, cohort, source)
    return Target(known.members, log_proba, source, kind=kind, members_by=known.given_by, model=adapted, notes=told)


def ask_all(model: Recipe, cohort: Cohort, source: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Ask a fitted model about every sample of a cohort.

    Returns
    -------
    Log-probabilities [samples, classes], and what the model warned about.

    Raises
    ------
    DataError
        If it raises, or its answers are no probabilities of the cohort's classes.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            log_proba = np.concatenate([log_probabilities(model, block) for _, block in row_blocks(cohort.X)])
        except TrainingError as error:
            raise DataError(source, [f"does not answer as a classifier: {error}"]) from error
        except GenoauditError:
            raise
        except (Exception, SystemExit) as error:  # a model may be anybody's code
            # It has seen values alone, so its words cannot hold an identifier.
            said = (str(error).splitlines() or [""])[0][:300]
            problem = f"raised {type(error).__name__} when asked about the samples: {said}"
            raise DataError(source, [problem]) from error
    if log_proba.shape[1] != len(cohort.classes):
        problem = f"gives {log_proba.shape[1]} numbers for each sample; the cohort has {len(cohort.classes)} classes."
        raise DataError(source, [problem])
    told = {f"{source} warned when asked: {str(warning.message).splitlines()[0]}" for warning in caught}
    return log_proba, tuple(sorted(told))
