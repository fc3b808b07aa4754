"""Keep the genes of a public list: a choice that tells nothing of the members."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from genoaudit.contracts import BoolArray
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_lines


class ListedGenes(SelectorMixin, BaseEstimator):
    """Keep the columns of listed genes, in the order of the cohort; nothing is learnt from the samples.

    Parameters
    ----------
    columns
        Column numbers of the genes to keep, at least one, each in range; the first is 0.

    Attributes
    ----------
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> ListedGenes((2, 0)).fit_transform([[1.0, 5.0, 0.0], [3.0, 5.0, 9.0]])
    array([[1., 0.],
           [3., 9.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"columns": [list, tuple]}

    n_features_in_: int

    def __init__(self, columns: Sequence[int] = (0,)) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> ListedGenes:
        """Check that the columns are there."""
        self._validate_params()
        validate_data(self, X, dtype=np.float32)
        outside = [column for column in self.columns if not 0 <= column < self.n_features_in_]
        if outside or not self.columns:
            found = f"{len(outside)} outside (first: {outside[0]})" if outside else "none"
            raise ValueError(
                f"The 'columns' parameter of ListedGenes must hold numbers from 0 to {self.n_features_in_ - 1}, "
                f"found {found}."
            )
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the listed genes, float32 [samples, listed]."""
        check_is_fitted(self, "n_features_in_")
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return np.ascontiguousarray(X[:, self._get_support_mask()])

    def _get_support_mask(self) -> BoolArray:
        check_is_fitted(self, "n_features_in_")
        kept = np.zeros(self.n_features_in_, dtype=np.bool_)
        kept[list(self.columns)] = True
        return kept

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def read_gene_list(path: Path, genes: Sequence[str]) -> tuple[int, ...]:
    """Return the columns of the genes that a text file lists, one name per line, in the order of the cohort.

    Parameters
    ----------
    path
        The file, UTF-8; blank lines, white space around names and names given twice do not matter.
    genes
        The names of the cohort's columns.

    Raises
    ------
    ConfigError
        If the file cannot be read or lists nothing, or a name is not among the cohort's genes.
    """
    return tuple(sorted({column for _, _, column in _listed(path, genes)}))


def read_gene_order(path: Path, genes: Sequence[str]) -> tuple[int, ...]:
    """Return the columns of the genes that a text file lists, one name per line, in the order of the file.

    Raises
    ------
    ConfigError
        As `read_gene_list`, and if a gene is listed twice.
    """
    listed = _listed(path, genes)
    first = {name: number for number, name, _ in reversed(listed)}
    twice = [(number, name) for number, name, _ in listed if first[name] != number]
    if twice:
        number, name = twice[0]
        raise ConfigError(
            f"the gene list {str(path)!r} names {len(twice)} genes twice (first: line {number}, {name!r}). Each column "
            "of the model has one gene."
        )
    return tuple(column for _, _, column in listed)


def _listed(path: Path, genes: Sequence[str]) -> list[tuple[int, str, int]]:
    """Return line number, name and column of every name in a list."""
    try:
        lines = read_lines(path)
    except DataError as error:
        raise ConfigError(f"the gene list {str(path)!r} {error.problems[0]}") from None
    column_of = {gene: column for column, gene in enumerate(genes)}
    listed = [(number, name) for number, line in enumerate(lines, start=1) if (name := line.strip())]
    if not listed:
        raise ConfigError(f"the gene list {str(path)!r} names no gene. Write one name per line, as in the cohort.")
    unknown = {name: number for number, name in reversed(listed) if name not in column_of}
    if unknown:
        number, name = min((number, name) for name, number in unknown.items())
        among = len({name for _, name in listed})
        raise ConfigError(
            f"the gene list {str(path)!r} names {len(unknown)} of {among} genes that the cohort does not have "
            f"(first: line {number}, {name!r}). Use the cohort's names, or take them out of the list."
        )
    return [(number, name, column_of[name]) for number, name in listed]
