"""Scales of expression values: a cohort declares one, and its values can only contradict the declaration.

Values never choose a scale. Counts after a log and intensities after a log look alike, and a wrong guess would train
every model on nonsense; but counts cannot have fractions, and logs cannot reach a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np

from genoaudit.contracts import Scale
from genoaudit.data.backed import Expression, row_blocks
from genoaudit.errors import ConfigError

SCALES: dict[Scale, str] = {
    "counts": "reads or molecules per gene: whole numbers, not normalised",
    "cpm": "counts per million, not logged",
    "tpm": "transcripts per million, not logged",
    "rsem": "RSEM expected or normalised counts, not logged",
    "log2": "log2 of any of the above, or of microarray intensities, with any pseudo-count",
    "intensity": "microarray intensities or average differences, not logged; negative values occur",
    "ratio": "two-colour ratios, not logged",
    "log_ratio": "log2 of two-colour ratios or of fold changes",
    "zscore": "each gene, or each sample, centred and divided by its standard deviation",
}

# Log2 of the deepest library or brightest spot stays below 40, and of the smallest usual pseudo-count above -40.
_LOG_LIMIT = 40.0
# No unlogged RSEM or microarray matrix stays below 30, while log2 of a 16-bit scanner or of 10^8 reads does.
_LOGGED_BELOW = 30.0
# The same holds for CPM and TPM of a whole transcriptome, but a small panel of silent genes may stay below.
_MANY_GENES = 1000
# Five per cent above a million: rounding of published values adds up over tens of thousands of genes.
_PER_MILLION_LIMIT = 1.05e6
_LARGE_WHOLE = 20.0


@dataclass(frozen=True)
class _Facts:
    genes: int
    smallest: float
    largest: float
    negative: int
    negative_share: float
    fractions: int
    largest_sum: float
    gene_centre: float
    sample_centre: float


def _facts(X: Expression) -> _Facts:
    negative = fractions = 0
    smallest, largest, sums, total = np.inf, -np.inf, np.empty(X.shape[0]), np.zeros(X.shape[1])
    for rows, block in row_blocks(X):
        finite = np.isfinite(block)
        # Zero is possible on every scale.
        values = block if finite.all() else np.where(finite, block, np.float32(0))
        sums[rows] = values.sum(axis=1, dtype=np.float64)
        total += values.sum(axis=0, dtype=np.float64)
        negative += int((values < 0).sum())
        fractions += int((np.rint(values) != values).sum())
        smallest, largest = min(smallest, float(values.min())), max(largest, float(values.max()))
    return _Facts(
        genes=X.shape[1],
        smallest=smallest,
        largest=largest,
        negative=negative,
        negative_share=negative / X.size,
        fractions=fractions,
        largest_sum=float(sums.max()),
        gene_centre=float(np.median(np.abs(total / X.shape[0]))),
        sample_centre=float(np.median(np.abs(sums / X.shape[1]))),
    )


def _negatives(facts: _Facts) -> str | None:
    return f"negative values ({facts.negative:,}, smallest {facts.smallest:.4g})" if facts.negative else None


def _whole(facts: _Facts) -> str | None:
    if facts.fractions == 0 and facts.largest > _LARGE_WHOLE:
        return f"whole numbers only, up to {facts.largest:.6g}, as counts are"
    return None


def _logged(facts: _Facts) -> str | None:
    if facts.largest < _LOGGED_BELOW:
        return f"no value above {facts.largest:.4g}, as if logged already"
    return None


def _unlogged(facts: _Facts) -> str | None:
    if max(facts.largest, -facts.smallest) > _LOG_LIMIT:
        return f"values from {facts.smallest:.4g} to {facts.largest:.6g}, as if not logged"
    return None


def _fractions(facts: _Facts) -> str | None:
    return f"values that are not whole numbers ({facts.fractions:,})" if facts.fractions else None


def _per_million(facts: _Facts) -> str | None:
    if facts.largest_sum > _PER_MILLION_LIMIT:
        return f"a sample whose values add up to {facts.largest_sum:.4g}, more than a million"
    if facts.genes >= _MANY_GENES:
        return _logged(facts)
    return None


def _few_negatives(facts: _Facts) -> str | None:
    # Log ratios lie around zero: a reference sample or a reference gene is as often above as below.
    if facts.negative_share < 0.01:
        return f"{facts.negative_share:.2%} negative values, where log ratios lie around zero"
    return None


def _off_centre(facts: _Facts) -> str | None:
    # Both, because z-scores are made along genes or along samples.
    if not facts.negative:
        return "no negative value, where z-scores lie around zero"
    if max(-facts.smallest, facts.largest) > 200:
        return f"values from {facts.smallest:.4g} to {facts.largest:.4g}, impossible among z-scores"
    if min(facts.gene_centre, facts.sample_centre) > 1:
        return f"gene means as far from zero as {facts.gene_centre:.3g} (median), where z-scores lie around zero"
    return None


_Rule = Callable[[_Facts], str | None]
_RULES: dict[Scale, tuple[_Rule, ...]] = {
    "counts": (_negatives, _fractions),
    "cpm": (_negatives, _per_million),
    "tpm": (_negatives, _per_million),
    "rsem": (_negatives, _logged),
    "log2": (_unlogged, _whole),
    "intensity": (_logged,),
    "ratio": (_negatives, _whole),
    "log_ratio": (_unlogged, _few_negatives, _whole),
    "zscore": (_off_centre, _whole),
}


def checked_scale(scale: str) -> Scale:
    """Return `scale`, or raise a `ConfigError` that lists the known ones.

    Examples
    --------
    >>> checked_scale("log2")
    'log2'
    """
    for known in get_args(Scale):
        if scale == known:
            return known  # type: ignore[no-any-return]
    listed = "\n".join(f"  {name:<9} {text}" for name, text in SCALES.items())
    msg = f"scale = {scale!r} is not known. Declare one of\n{listed}"
    raise ConfigError(msg)


def contradiction(X: Expression, scale: Scale) -> str | None:
    """Say why the values cannot be on the declared scale, or None if they can.

    Only what is impossible, or never seen in practice, contradicts: silence is no proof that the declaration is right.

    Parameters
    ----------
    X
        Expression values [samples, genes], neither dimension empty; values that are not finite are left out.
    scale
        The declared scale.

    Returns
    -------
    A sentence with what was found and the scales that the values do fit, or None.

    Examples
    --------
    >>> contradiction(np.array([[0.0, 12.0], [3.5, 7.0]]), "counts")
    "scale 'counts' is contradicted by values that are not whole numbers (1). Scales that fit: cpm, tpm, log2, ratio."
    >>> contradiction(np.array([[0.0, 12.0], [3.5, 7.0]]), "log2") is None
    True
    """
    facts = _facts(X)

    def found(candidate: Scale) -> str | None:
        return next((text for rule in _RULES[candidate] if (text := rule(facts)) is not None), None)

    reason = found(scale)
    if reason is None:
        return None
    fits = ", ".join(candidate for candidate in SCALES if found(candidate) is None) or "none; are the values damaged?"
    return f"scale {scale!r} is contradicted by {reason}. Scales that fit: {fits}."
