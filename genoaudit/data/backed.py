"""Expression that stays in its file: rows and genes are read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from genoaudit.contracts import IntArray, Scale
from genoaudit.data.logs import log_values, per_million
from genoaudit.errors import DataError

MEMORY_SHARE = 0.2
"""Share of the machine's memory beyond which a matrix stays in its file: an audit needs a few copies of it."""

_ROWS = 256
_GENES = 2048


@dataclass(frozen=True, eq=False)
class BackedMatrix:
    """The ``X`` of an .h5ad file, dense or sparse, as float32 [samples, genes]; only what is asked for is read.

    It slices as ``X[rows, a:b]`` and ``X[rows]`` like an array, and `numpy.asarray` reads all of it. The file is opened
    anew for every read, so a matrix can be sent to another process.

    Parameters
    ----------
    path
        The file.
    rows
        The file's row of each row of this matrix.
    genes
        Number of genes.
    log_scale
        If given, values of this scale are brought to a log-like one as they are read; see `logged`.
    factors
        What takes counts to counts per million, [samples, 1]; for counts only.
    """

    path: Path
    rows: IntArray
    genes: int
    log_scale: Scale | None = None
    factors: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Samples, genes."""
        return self.rows.size, self.genes

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def size(self) -> int:
        """Number of values."""
        return self.rows.size * self.genes

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """What reading gives."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return int(self.rows.size)

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        wanted, columns = key if isinstance(key, tuple) else (key, slice(None))
        begin, end, step = columns.indices(self.genes)
        if step != 1:
            msg = "genes are read in runs: X[rows, a:b]."
            raise IndexError(msg)
        rows = np.atleast_1d(self.rows[wanted])
        values = self._read(rows, begin, end)
        if self.log_scale is not None:
            factors = None if self.factors is None else np.atleast_2d(self.factors[wanted])
            values = log_values(values, self.log_scale, factors=factors)
        return values

    def __array__(self, dtype: DTypeLike | None = None, *, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def take(self, rows: IntArray) -> BackedMatrix:
        """Return the matrix of some rows, read no sooner than this one."""
        factors = None if self.factors is None else self.factors[rows]
        return replace(self, rows=self.rows[rows], factors=factors)

    def logged(self, scale: Scale) -> BackedMatrix:
        """Return the same samples on a log-like scale, value for value what `LogTransform` gives.

        Counts need each sample's library size, for which the file is read once.
        """
        factors = None
        if scale == "counts":
            libraries = [block.sum(axis=1, dtype=np.float64) for _, block in row_blocks(self)]
            factors = per_million(np.concatenate(libraries))
        return replace(self, log_scale=scale, factors=factors)

    def _read(self, rows: IntArray, begin: int, end: int) -> NDArray[np.float32]:
        import h5py
        from anndata.io import sparse_dataset

        # The file's own order, each row once: what HDF5 wants, and what disks like.
        ordered, place = np.unique(rows, return_inverse=True)
        some: Any = slice(None) if ordered.size * 2 > ordered[-1] - ordered[0] else ordered
        first = int(ordered[0])
        if isinstance(some, slice):
            some, place = slice(first, int(ordered[-1]) + 1), rows - first
        try:
            with h5py.File(self.path, "r") as file:
                stored = file["X"]
                found = stored if isinstance(stored, h5py.Dataset) else sparse_dataset(stored)
                values = found[some, begin:end]
                values = values.toarray() if hasattr(values, "toarray") else values
        except (OSError, KeyError) as error:
            problem = "cannot be read any more. Leave the file in its place and as it is until the audit has ended."
            raise DataError(self.path.name, [problem]) from error
        return np.ascontiguousarray(values[place], dtype=np.float32)


Expression: TypeAlias = NDArray[np.float32] | BackedMatrix
"""Values [samples, genes], in memory or in a file; slices alike."""


def stored_shape(path: Path) -> tuple[int, int]:
    """Return samples and genes of an .h5ad file's ``X``, (0, 0) if it has none."""
    import h5py

    with h5py.File(path, "r") as file:
        if "X" not in file:
            return 0, 0
        stored = file["X"]
        samples, genes = stored.shape if isinstance(stored, h5py.Dataset) else stored.attrs["shape"]
        return int(samples), int(genes)


def is_too_large(samples: int, genes: int) -> bool:
    """Say whether a matrix of this size should stay in its file, by this machine's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 4.0 * samples * genes > MEMORY_SHARE * memory


def row_blocks(X: Expression) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield all samples, a few at a time, each with where they are."""
    step = _ROWS if isinstance(X, BackedMatrix) else max(len(X), 1)
    for begin in range(0, len(X), step):
        rows = slice(begin, begin + step)
        yield rows, X[rows]


def column_blocks(X: Expression) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield all genes, a few at a time, each with where they are."""
    step = _GENES if isinstance(X, BackedMatrix) else max(X.shape[1], 1)
    for begin in range(0, X.shape[1], step):
        genes = slice(begin, begin + step)
        yield genes, X[:, genes]
