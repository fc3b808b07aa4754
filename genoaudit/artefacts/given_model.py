"""A stranger's fitted model, made to answer for a cohort: its genes in its order, its classes by the cohort's names.

Values are handed over as they stand in the cohort's file. Whatever the model needs done to them is part of the model,
or else its users would have to know it as well.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from genoaudit.contracts import FloatArray, IntArray, Recipe
from genoaudit.errors import ConfigError, DataError, TrainingError
from genoaudit.models.answers import log_probabilities
from genoaudit.phrases import count, some

if TYPE_CHECKING:
    from genoaudit.artefacts.torch_file import Outputs
    from genoaudit.data.cohort import Cohort

ModelKind = Literal["sklearn", "xgboost", "torch"]

SUFFIXES: Mapping[str, ModelKind] = {
    ".skops": "sklearn",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".safetensors": "torch",
    ".pt": "torch",
    ".pth": "torch",
}
"""What a file's ending says of the model in it."""

PICKLED = (".pkl", ".pickle", ".joblib", ".dill", ".sav")
"""Endings of files that hold pickles."""


@dataclass(frozen=True)
class Reading:
    """What a model's file does not say.

    Parameters
    ----------
    trusted
        Types that skops may make beyond its own list; scikit-learn only.
    constructor, arguments, outputs
        What makes the module, and what it gives; torch only.
    """

    trusted: tuple[str, ...] = ()
    constructor: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    outputs: Outputs = "logits"


def read_given(
    content: bytes, name: str, kind: ModelKind, reading: Reading, *, classes: int
) -> tuple[Any, tuple[str, ...]]:
    """Read a fitted classifier from the bytes of a file; nothing in it is run.

    Parameters
    ----------
    content, name, kind
        The file, what it is called in messages, and what its ending says it is.
    reading
        What it does not say.
    classes
        Number of the cohort's classes, for models that do not know theirs.

    Returns
    -------
    The classifier (``predict_log_proba`` or ``predict_proba``, ``classes_``), and notes for the reader of an audit.

    Raises
    ------
    DataError, ConfigError
        If the file is not sound, or what it does not say is missing.
    """
    if kind == "sklearn":
        from genoaudit.artefacts.skops_file import read_skops

        return read_skops(content, name, trusted=reading.trusted)
    if kind == "xgboost":
        from genoaudit.artefacts.xgboost_file import read_booster

        return read_booster(content, name), ()
    from genoaudit.artefacts.torch_file import module_classifier, read_state

    state = read_state(content, name)
    if reading.constructor is None:
        msg = (
            f"target.constructor is missing: {name} holds weights alone. Name the function that makes the module, "
            "constructor = 'module:function', and its keywords under target.arguments."
        )
        raise ConfigError(msg)
    made = module_classifier(
        state,
        name,
        constructor=reading.constructor,
        arguments=reading.arguments,
        outputs=reading.outputs,
        classes=classes,
    )
    return made, ()


def for_cohort(
    model: Any,
    cohort: Cohort,
    *,
    source: str,
    classes: Sequence[str] | None = None,
    columns: Sequence[int] | None = None,
) -> Recipe:
    """Make a fitted model answer for the samples of a cohort.

    Genes are chosen and ordered as given, or else by the names that the model itself has; a model that knows no names
    takes all genes in the order of the cohort's file. Classes are found by the names of the model's labels, or are
    given.

    Parameters
    ----------
    model
        Fitted; with ``predict_log_proba`` or ``predict_proba``, and ``classes_``.
    cohort
        Whose samples it is asked about.
    source
        What the model is called in messages.
    classes
        The cohort's classes in the order of the model's outputs.
    columns
        The cohort's column of each of its genes, in its order; see `columns_of`.

    Returns
    -------
    A fitted classifier of the cohort's expression [samples, genes] whose ``classes_`` are the cohort's class codes. One
    that ends in logistic regression or in a network of this package is a Pipeline, whose parameters can be read.

    Raises
    ------
    DataError
        If genes or classes do not go together.
    """
    chosen = _genes(model, cohort, source, columns)
    order = _order(model, cohort.classes, source, classes)
    return _readable(model, chosen, order) or AdaptedModel(model, chosen, order)


class ChosenGenes(TransformerMixin, BaseEstimator):
    """The columns that a model takes, in its order, under the names that it knows.

    Parameters
    ----------
    columns
        Column of the cohort for each gene of the model; None: all, as they are.
    names
        Names that the model was fitted with; None: it takes an array.
    """

    def __init__(self, columns: IntArray | None = None, names: Sequence[str] | None = None) -> None:
        self.columns = columns
        self.names = names

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, _X: Any, _y: Any = None) -> ChosenGenes:
        """Learn nothing."""
        return self

    def transform(self, X: NDArray[np.float32]) -> NDArray[np.float32] | pd.DataFrame:
        """Return the model's columns of samples `X` [samples, genes]."""
        chosen = X if self.columns is None else np.ascontiguousarray(X[:, self.columns])
        return chosen if self.names is None else pd.DataFrame(chosen, columns=list(self.names))


class AdaptedModel(ClassifierMixin, BaseEstimator):
    """A fitted model that takes the cohort's samples and answers in its classes.

    Parameters
    ----------
    model
        The model as it was given.
    genes
        What of a sample it takes.
    order
        Column of its outputs for each of the cohort's classes; [classes].
    """

    def __init__(self, model: Any, genes: ChosenGenes, order: IntArray) -> None:
        self.model = model
        self.genes = genes
        self.order = order

    @property
    def classes_(self) -> IntArray:
        """The cohort's class codes."""
        return np.arange(len(self.order))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, _X: Any, _y: Any) -> AdaptedModel:
        """Leave the model as it was given, as scikit-learn's frozen estimators do."""
        return self

    def predict_log_proba(self, X: NDArray[np.float32]) -> FloatArray:
        """Return log-probabilities of the cohort's classes, float64 [samples, classes]."""
        given = log_probabilities(self.model, self.genes.transform(X))
        if given.shape[1] != len(self.order):
            msg = f"it gives {given.shape[1]} numbers for each sample, and {len(self.order)} classes are named for it."
            raise TrainingError(msg)
        return np.asarray(given[:, self.order])

    def predict_proba(self, X: NDArray[np.float32]) -> FloatArray:
        """Return probabilities of the cohort's classes, float64 [samples, classes]."""
        return np.exp(self.predict_log_proba(X))

    def gradient_norms(self, X: NDArray[np.float32], y: IntArray) -> FloatArray | None:
        """Return gradient norms of samples of classes `y`, [samples]; None where the model cannot say."""
        if not hasattr(self.model, "gradient_norms"):
            return None
        norms: FloatArray | None = self.model.gradient_norms(self.genes.transform(X), self.order[y])
        return norms


def columns_of(names: Sequence[str], genes: Sequence[str], source: str) -> tuple[int, ...]:
    """Return the cohort's column of each gene that a model was trained on.

    Raises
    ------
    DataError
        If the cohort lacks any.

    Examples
    --------
    >>> columns_of(["TP53", "GATA3"], ["GATA3", "ESR1", "TP53"], "model")
    (2, 0)
    """
    column_of = {gene: column for column, gene in enumerate(genes)}
    lacking = [name for name in names if name not in column_of]
    if lacking:
        problem = (
            f"was trained on {count(len(names), 'gene')}, of which the cohort lacks {len(lacking):,} "
            f"({some(lacking)}). Use a cohort with all of them under these names, or say which of its genes are meant "
            "in a text file, in the model's order: genes = 'genes.txt' under [target]."
        )
        raise DataError(source, [problem])
    return tuple(column_of[name] for name in names)


def _readable(model: Any, genes: ChosenGenes, order: IntArray) -> Recipe | None:
    """Return a model whose parameters can be read as a Pipeline, with its classes in the cohort's order."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from genoaudit.models.mlp import MLPClassifier

    steps = list(model.steps) if isinstance(model, Pipeline) else [("classifier", model)]
    name, classifier = steps[-1]
    as_it_is = bool((order == np.arange(len(order))).all())
    if not (type(classifier) is LogisticRegression or (type(classifier) is MLPClassifier and as_it_is)):
        return None
    own = copy.copy(classifier)
    own.classes_ = np.arange(len(order))
    if not as_it_is and len(order) == 2:  # one row of coefficients, those of the second class
        own.coef_, own.intercept_ = -classifier.coef_, -classifier.intercept_
    elif not as_it_is:
        own.coef_, own.intercept_ = classifier.coef_[order], classifier.intercept_[order]
    # A recipe of this package that takes all genes stays one that the exact engines know.
    chosen = [] if genes.columns is None and genes.names is None else [("chosen genes", genes)]
    recipe: Recipe = Pipeline([*chosen, *steps[:-1], (name, own)])
    return recipe


def _genes(model: Any, cohort: Cohort, source: str, given: Sequence[int] | None) -> ChosenGenes:
    named = getattr(model, "feature_names_in_", None)
    names = None if named is None else [str(name) for name in named]
    takes = len(names) if names is not None else getattr(model, "n_features_in_", None)
    if given is None and names is not None:
        given = columns_of(names, cohort.genes, source)
    offered = cohort.n_genes if given is None else len(given)
    if takes is not None and offered != takes:
        has = f"the cohort has {offered:,}" if given is None else f"{offered:,} are listed"
        problem = (
            f"takes {count(takes, 'gene')}, and {has}. Name them in a text file, in the model's order: "
            "genes = 'genes.txt' under [target]."
        )
        raise DataError(source, [problem])
    # Boosters and modules take arrays; names only served to find their columns.
    shown = names if hasattr(model, "get_params") else None
    everything = given is None or list(given) == list(range(cohort.n_genes))
    return ChosenGenes(None if everything else np.asarray(given, dtype=np.intp), shown)


def _order(model: Any, classes: Sequence[str], source: str, given: Sequence[str] | None) -> IntArray:
    """Find the column of the model's outputs for each of the cohort's classes."""
    labels = [_label(label) for label in np.asarray(model.classes_).tolist()]
    own = labels if given is None else list(given)
    problems = []
    if len(own) != len(labels):
        problems.append(f"has {count(len(labels), 'class', 'classes')}, and target.classes names {len(own):,}.")
    repeated = sorted({name for name in own if own.count(name) > 1})
    if repeated:
        problems.append(f"target.classes names {some(repeated)} more than once.")
    foreign = [name for name in own if name not in classes]
    if foreign and given is None and all(label.isdecimal() for label in labels) and len(labels) == len(classes):
        problems.append(_coded(labels, classes))
    elif foreign:
        problems.append(
            f"knows {count(len(foreign), 'class', 'classes')} that the cohort has not ({some(foreign)}); the "
            f"cohort has {some(classes)}."
        )
    unknown = [name for name in classes if name not in own]
    if unknown and not foreign:
        problems.append(
            f"does not know {count(len(unknown), 'class', 'classes')} of the cohort ({some(unknown)}). It would tell "
            "their patients from members by that alone; leave them out of the cohort."
        )
    if problems:
        raise DataError(source, problems)
    return np.array([own.index(name) for name in classes], dtype=np.intp)


def _coded(labels: Sequence[str], classes: Sequence[str]) -> str:
    listed = ", ".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in classes)
    return (
        f"numbers its classes from {labels[0]} to {labels[-1]}. Say which is which, in the order of its outputs. If "
        f"they were numbered in alphabetical order, as scikit-learn's LabelEncoder does: classes = [{listed}]"
    )


def _label(label: Any) -> str:
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)
