"""Further queries of a sample: what a second measurement of the same material could have given.

An attacker may ask a model about a sample more than once, each time slightly changed; the answers together say more
than one (Carlini, Chien, Nasr, Song, Terzis, Tramer. Membership inference attacks from first principles. IEEE S&P
2022). For expression the natural change is technical: the same material measured again.

Between technical replicates, reads vary little more than Poisson sampling makes them (Marioni, Mason, Mane, Stephens,
Gilad. RNA-seq: an assessment of technical reproducibility and comparison with gene expression arrays. Genome Research
2008; Anders and Huber. Differential expression analysis for sequence count data. Genome Biology 2010). Counts are
therefore thinned: each read is kept with one probability, which is what a shallower run of the same library gives.
Values that are no longer counts get normal noise of one size on the log2 scale. The default of 0.1 is the Poisson error
of a gene with about 200 reads: ``1 / (sqrt(reads) * log(2))``.

Queries are fixed by the seed before any model is trained. The draw of a query depends on the seed, its number and the
sample's id alone, so that neither more queries nor other samples change it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import Scale
from genoaudit.errors import ConfigError
from genoaudit.randomness import generator

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

NOISE = 0.1
"""Standard deviation of technical noise, in log2 units."""

THINNING = 0.8
"""Share of the reads that a query keeps."""

Float32Array = NDArray[np.float32]

_ROWS = 256


def make_queries(
    cohort: Cohort, *, count: int, seed: int, noise: float = NOISE, thinning: float = THINNING
) -> Float32Array:
    """Return further queries of every sample, on the cohort's scale; the samples themselves are not among them.

    The result takes ``4 * count * samples * genes`` bytes: 0.5 GB for 8 queries of 800 samples of 20,531 genes. Where
    that is too much, take one query at a time from `make_query`.

    Parameters
    ----------
    cohort
        The samples.
    count
        Number of queries per sample; 0 gives none.
    seed
        Root of the seed tree.
    noise, thinning
        See `technical_replicate`.

    Returns
    -------
    float32 [count, samples, genes].

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> from genoaudit.data.simulate import simulate_cohort
    >>> cohort = simulate_cohort(patients=40, genes=100, classes=2, scale="counts", seed=1)
    >>> queries = make_queries(cohort, count=3, seed=0)
    >>> queries.shape, round(float(queries.sum() / cohort.X.sum() / 3), 3)
    ((3, 48, 100), 0.8)
    """
    if count < 0:
        msg = f"count must be at least 0, got {count}."
        raise ConfigError(msg)
    queries = np.empty((count, *cohort.X.shape), dtype=np.float32)
    for index in range(count):
        queries[index] = make_query(cohort, index, seed=seed, noise=noise, thinning=thinning)
    return queries


def make_query(
    cohort: Cohort, index: int, *, seed: int, noise: float = NOISE, thinning: float = THINNING
) -> Float32Array:
    """Return query number `index` (from 0) of every sample, as `make_queries` has it; float32 [samples, genes].

    Raises
    ------
    ConfigError
        If an argument is out of range.
    """
    query = np.empty(cohort.X.shape, dtype=np.float32)
    for begin in range(0, cohort.n_samples, _ROWS):
        block = cohort.X[begin : begin + _ROWS]  # expression may be in a file
        for row, values in enumerate(block, start=begin):
            stream = generator(seed, "query", index, cohort.sample_ids[row])
            query[row] = technical_replicate(values, cohort.scale, stream, noise=noise, thinning=thinning)
    return query


def technical_replicate(
    values: Float32Array,
    scale: Scale,
    stream: np.random.Generator,
    *,
    noise: float = NOISE,
    thinning: float = THINNING,
) -> Float32Array:
    """Return what a second measurement of a sample could have given, valid on the sample's scale.

    ==================================  ==============================================================================
    scale                               replicate
    ==================================  ==============================================================================
    ``counts``                          binomial: each read kept with probability `thinning`
    ``cpm``, ``tpm``                    ``x * 2**e``, then brought back to the sample's total
    ``rsem``, ``intensity``, ``ratio``  ``x * 2**e``
    ``log2``                            ``x + e``; the sample's smallest value, which stands for no expression, stays,
                                        and nothing falls below it
    ``log_ratio``, ``zscore``           ``x + e``
    ==================================  ==============================================================================

    Parameters
    ----------
    values
        One sample; [genes].
    scale
        Its declared scale.
    stream
        Where the noise ``e ~ N(0, noise**2)``, independent between genes, or the thinning is drawn from.
    noise
        Standard deviation in log2 units, above 0; on z-scores in their own units. Counts do not use it.
    thinning
        Share of the reads kept, between 0 and 1; only counts use it. A sample that would be left without a read stays
        as it is.

    Raises
    ------
    ConfigError
        If `noise` or `thinning` is out of range.

    Examples
    --------
    >>> sample = np.array([0, 10, 200], dtype=np.float32)
    >>> replicate = technical_replicate(sample, "tpm", np.random.default_rng(0))
    >>> float(replicate[0]), round(float(replicate.sum()), 3)
    (0.0, 210.0)
    """
    if not (math.isfinite(noise) and noise > 0):
        msg = f"noise must be a finite number above 0, got {noise}."
        raise ConfigError(msg)
    if not 0 < thinning < 1:
        msg = f"thinning must lie between 0 and 1, both excluded, got {thinning}."
        raise ConfigError(msg)
    if scale == "counts":
        kept = stream.binomial(values.astype(np.int64), thinning).astype(np.float32)
        return kept if kept.any() else values.copy()
    error = np.float32(noise) * stream.standard_normal(values.shape, dtype=np.float32)
    if scale == "log2":
        floor = values.min()
        replicate: Float32Array = np.where(values > floor, np.maximum(values + error, floor), floor)
        return replicate
    if scale in {"log_ratio", "zscore"}:
        return values + error
    changed = values * np.exp2(error)
    return with_total_of(values, changed) if scale in {"cpm", "tpm"} else changed


def with_total_of(sample: Float32Array, changed: Float32Array) -> Float32Array:
    """Scale a changed profile of amounts to the total of the sample it came from; both [genes]."""
    factor = sample.sum(dtype=np.float64) / changed.sum(dtype=np.float64)
    scaled: Float32Array = changed * np.float32(factor)
    return scaled
