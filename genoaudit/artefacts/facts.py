"""What fitted estimators of scikit-learn know of patients besides their answers: what is left out, what is told.

Both lists were read off the code of scikit-learn: an attribute is left out only where no answer, transformation or
check of being fitted asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from genoaudit.phrases import joined

if TYPE_CHECKING:
    from genoaudit.artefacts.parts import Told

_FOREST = ("_n_samples", "_n_samples_bootstrap", "_sample_weight", "oob_score_", "oob_decision_function_")
_BAGGING = ("_n_samples", "_max_samples", "_sample_weight", "oob_score_", "oob_decision_function_")
_SEARCH = ("cv_results_", "best_score_", "refit_time_")

UNUSED: Mapping[str, tuple[str, ...]] = {
    "StandardScaler": ("n_samples_seen_", "var_"),
    "MinMaxScaler": ("n_samples_seen_", "data_min_", "data_max_", "data_range_"),
    "MaxAbsScaler": ("n_samples_seen_", "max_abs_"),
    "PCA": ("n_samples_", "singular_values_"),
    "IncrementalPCA": ("n_samples_seen_", "singular_values_", "var_"),
    "TruncatedSVD": ("singular_values_",),
    "GaussianNB": ("class_count_", "epsilon_"),
    "MultinomialNB": ("class_count_", "feature_count_"),
    "ComplementNB": ("class_count_", "feature_count_", "feature_all_"),
    "BernoulliNB": ("class_count_", "feature_count_"),
    "CategoricalNB": ("category_count_",),
    "LinearDiscriminantAnalysis": ("priors_", "means_", "covariance_"),
    "QuadraticDiscriminantAnalysis": ("covariance_",),
    "RandomForestClassifier": _FOREST,
    "ExtraTreesClassifier": _FOREST,
    "BaggingClassifier": _BAGGING,
    "MLPClassifier": ("t_", "_optimizer", "validation_scores_", "best_validation_score_"),
    "SGDClassifier": ("t_",),
    "GridSearchCV": _SEARCH,
    "RandomizedSearchCV": _SEARCH,
}
"""Attributes that only further training or a look back at it asks for, by the class that has them."""

_SHARES = ("class_prior_", "class_log_prior_", "priors_")
_VALUES = ("nodes", "quantiles_", "bin_edges_", "bin_thresholds_")
_VALUES_OF = ("MinMaxScaler.min_", "MinMaxScaler.scale_", "MaxAbsScaler.scale_", "RobustScaler.center_")


def unused(estimator: Any) -> tuple[str, ...]:
    """Return the attributes of an estimator that its answers do not need; none of other libraries than scikit-learn.

    Examples
    --------
    >>> from sklearn.preprocessing import MaxAbsScaler
    >>> unused(MaxAbsScaler())
    ('n_samples_seen_', 'max_abs_')
    """
    kind = type(estimator)
    return UNUSED.get(kind.__name__, ()) if kind.__module__.startswith("sklearn.") else ()


def facts(told: Told) -> tuple[str, ...]:
    """Return what a file of parts tells of the patients, each with the attributes that tell it.

    Parameters
    ----------
    told
        What was found in the file.

    Returns
    -------
    Phrases in Markdown, without a number of patients or samples.
    """
    found = {
        "how many samples there were": {name for name in told.counts if _is_learnt(name.rpartition(".")[2])},
        "the shares of the classes, from which numbers can be worked out": _ending(told.names, _SHARES),
        "values at or between those of single patients": _ending(told.names, _VALUES)
        | told.names.intersection(_VALUES_OF),
    }
    listed = {what: joined([f"`{name}`" for name in sorted(names)]) for what, names in found.items() if names}
    return tuple(f"{what} ({names})" for what, names in listed.items())


def _is_learnt(attribute: str) -> bool:
    """Parameters, and the number of genes, may be as large as the number of samples by chance."""
    return attribute == "nodes" or (attribute.endswith("_") and attribute != "n_features_in_")


def _ending(names: Collection[str], attributes: Collection[str]) -> set[str]:
    return {name for name in names if name.rpartition(".")[2] in attributes}
