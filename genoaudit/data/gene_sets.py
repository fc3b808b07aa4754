"""Gene sets from GMT files, such as MSigDB's (Liberzon et al., Bioinformatics 2011), and where their genes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from genoaudit.contracts import IntArray
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_lines
from genoaudit.phrases import count

_MOST_BYTES = 1 << 28


def read_gmt(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the genes of each gene set of a GMT file, in the order of the file.

    A line holds the set's name, a description and its genes, separated by tabs. A gene that a line names twice counts
    once; blank lines and empty fields at the end of a line do not matter.

    Raises
    ------
    DataError
        If the file cannot be read or holds no set, a line has no genes, or a set's name occurs twice.
    """
    lines = read_lines(path, most=_MOST_BYTES)
    sets: dict[str, tuple[str, ...]] = {}
    short, repeated = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *others = (field.strip() for field in line.split("\t"))
        genes = tuple(dict.fromkeys(gene for gene in others[1:] if gene))
        if not name or not genes:
            short.append(number)
        elif name in sets:
            repeated.append(number)
        else:
            sets[name] = genes
    problems = []
    if short:
        problems.append(
            f"{count(len(short), 'line')} without a name or without genes (first: line {short[0]}). Write name, "
            "description and genes, separated by tabs."
        )
    if repeated:
        problems.append(
            f"{count(len(repeated), 'line')} with the name of an earlier set (first: line {repeated[0]}). Give every "
            "set its own name."
        )
    if not sets and not problems:
        problems.append("holds no gene set.")
    if problems:
        raise DataError(path.name, problems)
    return sets


def columns_of_sets(gene_sets: Mapping[str, Sequence[str]], genes: Sequence[str], *, min_genes: int = 10) -> IntArray:
    """Find gene sets among the columns of a cohort, for `genoaudit.data.spectra.FunctionalSpectra`.

    Parameters
    ----------
    gene_sets
        Genes of each set by name.
    genes
        Names of the cohort's columns, compared letter by letter.
    min_genes
        A set with fewer genes among the columns is dropped.

    Returns
    -------
    A row for each gene of each set that is kept: number of the set, counted among those kept, and column of the gene;
    int [rows, 2].

    Raises
    ------
    ConfigError
        If no set is left.

    Examples
    --------
    >>> sets = {"cycle": ("MKI67", "TOP2A"), "immune": ("CD3E", "PTPRC")}
    >>> columns_of_sets(sets, ("TOP2A", "CD3E", "MKI67"), min_genes=2).tolist()
    [[0, 2], [0, 0]]
    """
    column_of = {gene: column for column, gene in enumerate(genes)}
    present = [[column_of[gene] for gene in dict.fromkeys(own) if gene in column_of] for own in gene_sets.values()]
    kept = [columns for columns in present if len(columns) >= max(1, min_genes)]
    if not kept:
        most = max(map(len, present), default=0)
        raise ConfigError(
            f"none of {count(len(present), 'gene set')} has {min_genes} of the cohort's {len(genes)} genes; the "
            f"largest overlap is {most}. Take gene sets that name genes as the cohort does, or lower min_genes."
        )
    return np.array([(number, column) for number, columns in enumerate(kept) for column in columns], dtype=np.intp)
