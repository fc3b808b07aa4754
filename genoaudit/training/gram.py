"""The Gram matrix K of all rows of a pool, in blocks of genes, for every scaling; and roots of K.

K is all that exact training needs of the genes. A pool comes as `Blocks`, a function that starts a pass over blocks of
genes, so that a backed file never has to fit in memory. Sums across blocks are float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.linalg import blas, eigh, lapack, solve_triangular

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.errors import DataError

Blocks: TypeAlias = Callable[[], Iterator[NDArray[Any]]]
"""Starts a pass: yields the pool's columns in order, each block [rows, some genes]."""

RANK_TOLERANCE = 1e-10
"""Eigenvalues below this share of the largest are rounding."""


CHOLESKY_MARGIN = 1e-7
"""Share of the largest diagonal element that every pivot must keep for a triangular root to be taken."""


def gene_blocks(X: Any, *, genes: int = 2048) -> Blocks:
    """Cut anything that slices as ``X[:, a:b]`` into dense blocks of at most `genes` columns.

    Examples
    --------
    >>> [block.shape for block in gene_blocks(np.zeros((3, 5)), genes=2)()]
    [(3, 2), (3, 2), (3, 1)]
    """

    def start() -> Iterator[NDArray[Any]]:
        for begin in range(0, X.shape[1], genes):
            block = X[:, begin : begin + genes]
            yield np.asarray(block.toarray() if hasattr(block, "toarray") else block)

    return start


def gram(blocks: Blocks, *, gain: float | None = None) -> FloatArray:
    """Products of rows as they are (public constants, or no scaling); float64 [rows, rows].

    With a `gain`, rows are multiplied by ``gain / sqrt(genes)``, which makes the scale of K independent of the genes.
    """
    K, _, genes = _raw(blocks)
    return K if gain is None else K * (gain**2 / genes)


def sample_gram(blocks: Blocks, *, gain: float) -> FloatArray:
    """Products of rows, each standardised over its own genes and multiplied by ``gain / sqrt(genes)``.

    Local to a patient: nothing is fitted, so one K serves every model and DP is not touched.

    Raises
    ------
    DataError
        If a row is constant over its genes.
    """
    K, sums, genes = _raw(blocks)
    mean = sums / genes
    variance = np.diagonal(K) / genes - mean**2
    constant = np.flatnonzero(variance <= 1e-12 * np.maximum(np.diagonal(K) / genes, np.finfo(float).tiny))
    if constant.size:
        msg = f"{constant.size} rows are constant over all genes (first: row {constant[0]}). Remove them."
        raise DataError("the pool", [msg])
    deviation = np.sqrt(variance)
    standardised: FloatArray = (K / genes - np.outer(mean, mean)) / np.outer(deviation, deviation)
    return standardised * gain**2


def _raw(blocks: Blocks) -> tuple[FloatArray, FloatArray, int]:
    """Gram matrix, row sums and number of genes."""
    total: FloatArray | None = None
    sums: FloatArray | float = 0.0
    genes = 0
    for block in blocks():
        wide = np.ascontiguousarray(block, dtype=np.float64)
        total = _product(wide, total, add=True)
        sums = sums + wide.sum(1)
        genes += wide.shape[1]
    if total is None:
        raise DataError("the pool", ["there are no genes."])
    return _symmetric(total), np.asarray(sums), genes


def _product(block: NDArray[Any], out: NDArray[Any] | None, *, add: bool = False) -> NDArray[Any]:
    """Upper triangle of ``block @ block.T``, written to or added to `out`: half the work of a general product."""
    syrk = blas.dsyrk if block.dtype == np.float64 else blas.ssyrk
    into: dict[str, Any] = {} if out is None else {"c": out, "overwrite_c": 1, "beta": float(add)}
    product: NDArray[Any] = syrk(1.0, block.T, trans=1, **into)
    return product


def _symmetric(upper: NDArray[Any]) -> NDArray[Any]:
    full = np.triu(upper)
    full += np.triu(upper, 1).T
    return np.ascontiguousarray(full)


@dataclass(frozen=True, eq=False)
class MemberScaling:
    """A scaling fitted on the members of one model: ``(x - mean) * sqrt(weight)`` for every gene.

    A gene that was not selected weighs 0; one that is constant among the members weighs 1, as scikit-learn does.
    """

    mean: FloatArray
    weight: FloatArray

    def select(self, genes: BoolArray) -> MemberScaling:
        """Keep the given genes only."""
        return MemberScaling(self.mean, np.where(genes, self.weight, 0.0))

    @property
    def selected(self) -> int:
        """Number of genes that weigh anything."""
        return int(np.count_nonzero(self.weight))


def fit_members(blocks: Blocks, members: BoolArray) -> list[MemberScaling]:
    """Mean and 1 / variance of every gene among the members of each model, in one pass.

    Parameters
    ----------
    blocks
        The pool.
    members
        ``members[model, row]``. A model without members gets no meaningful scaling, but holds a place: rounding depends
        on the number of models and on a model's place among them.
    """
    share = members / np.maximum(members.sum(1, keepdims=True), 1)
    means, weights = [], []
    for block in blocks():
        wide = np.asarray(block, dtype=np.float64)
        centre = wide.mean(0)
        wide = wide - centre  # else E[x^2] - E[x]^2 cancels
        mean = share @ wide
        square = share @ wide**2
        variance = square - mean**2
        constant = variance <= 1e-12 * square
        weights.append(np.where(constant, 1.0, 1.0 / np.where(constant, 1.0, variance)))
        means.append(mean + centre)
    return [
        MemberScaling(mean, weight)
        for mean, weight in zip(np.concatenate(means, 1), np.concatenate(weights, 1), strict=True)
    ]


def member_gram(
    blocks: Blocks, scaling: MemberScaling, *, gain: float | None = None, dtype: DTypeLike = np.float32
) -> FloatArray:
    """Products of rows under a scaling fitted on members; float64 [rows, rows].

    Rows are centred gene by gene before they are multiplied, so nothing cancels; products within a block are of type
    `dtype`, sums across blocks float64. With a `gain`, rows are multiplied by ``gain / sqrt(selected genes)``.
    """
    return member_grams(blocks, [scaling], gain=gain, dtype=dtype)[0]


def member_grams(
    blocks: Blocks, scalings: Sequence[MemberScaling], *, gain: float | None = None, dtype: DTypeLike = np.float32
) -> list[FloatArray]:
    """Products of rows under several scalings, in one pass; see `member_gram`."""
    totals: list[FloatArray | None] = [None] * len(scalings)
    roots = [np.sqrt(scaling.weight) for scaling in scalings]
    begin = 0
    space = np.empty(0, dtype=dtype)  # reused: fresh pages cost as much as the arithmetic
    product: NDArray[Any] | None = None
    for block in blocks():
        genes = slice(begin, begin + block.shape[1])
        begin = genes.stop
        for index, (scaling, root) in enumerate(zip(scalings, roots, strict=True)):
            used = np.flatnonzero(root[genes])
            if used.size == 0:
                continue
            kept = block if used.size == block.shape[1] else block[:, used]
            if space.size < kept.size:
                space = np.empty(kept.size, dtype=dtype)
            scaled = space[: kept.size].reshape(kept.shape)
            np.subtract(kept, scaling.mean[genes][used].astype(block.dtype), out=scaled, casting="same_kind")
            scaled *= root[genes][used].astype(dtype)
            product = _product(scaled, product)
            total = totals[index]
            totals[index] = product.astype(np.float64) if total is None else np.add(total, product, out=total)
    return [_finished(total, scaling, gain) for total, scaling in zip(totals, scalings, strict=True)]


def _finished(total: FloatArray | None, scaling: MemberScaling, gain: float | None) -> FloatArray:
    if total is None:
        raise DataError("the pool", ["no gene was selected."])
    K = _symmetric(total)
    return K if gain is None else np.multiply(K, gain**2 / scaling.selected, out=K)


def factor(K: FloatArray) -> FloatArray:
    """Return L [rows, rank] with ``L @ L.T == K``: lower triangular where K is far from singular, else any root.

    Near-singular K (centred by members, duplicate rows) takes its eigenvectors, signs fixed: eigenvalues that are
    rounding are left out, nothing is added. Neither way depends on more than the last digits of K, so the draws made
    through a root are the same on every machine to float rounding; a pivoted root would not be.
    """
    lower = _cholesky(K)
    if lower is not None:
        return lower
    values, vectors = eigh(K, driver="evd")
    kept = values > RANK_TOLERANCE * values[-1]
    vectors = vectors[:, kept]
    largest = np.abs(vectors).argmax(0)
    signs = np.sign(vectors[largest, np.arange(largest.size)])
    return np.ascontiguousarray(vectors * (signs * np.sqrt(values[kept])))


@dataclass(frozen=True, eq=False)
class MemberRoot:
    """A root of K in coordinates of which the first ones span the members alone.

    Parameters
    ----------
    inside
        Coordinates of every row in the span of the members, [rows, members].
    beyond
        Coordinates of the other rows, in their order, outside of it, [others, rank].
    """

    inside: FloatArray
    beyond: FloatArray


def member_root(K: FloatArray, member: BoolArray) -> MemberRoot | None:
    """Return a root of K that starts with the members, or None where their products are close to singular."""
    own, others = np.flatnonzero(member), np.flatnonzero(~member)
    lower = _cholesky(K[np.ix_(own, own)])
    if lower is None:
        return None
    across = solve_triangular(lower, K[np.ix_(own, others)], lower=True, check_finite=False).T
    inside = np.empty((len(K), own.size))
    inside[own], inside[others] = lower, across
    rest = K[np.ix_(others, others)] - across @ across.T
    return MemberRoot(inside, quick_factor(rest) if others.size else rest)


def _cholesky(K: FloatArray) -> FloatArray | None:
    lower, failed = lapack.dpotrf(K, lower=1, clean=1)
    if failed or np.square(np.diagonal(lower)).min() <= CHOLESKY_MARGIN * np.diagonal(K).max():
        return None
    return np.ascontiguousarray(lower)


def quick_factor(K: FloatArray) -> FloatArray:
    """Return another root of K, many times faster: Cholesky with complete pivoting, stopped at the rank of K.

    For scalings fitted on members, where every model has its own K and a root serves one draw only.
    """
    packed, pivots, rank, _ = lapack.dpstrf(K, tol=RANK_TOLERANCE * float(np.diagonal(K).max()), lower=1)
    L = np.zeros((len(K), rank))
    L[pivots - 1] = np.tril(packed)[:, :rank]
    return L
