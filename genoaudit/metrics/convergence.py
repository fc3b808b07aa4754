"""Were there enough models? How the headline numbers move as models are added, and when to stop adding.

More models make references better, so the numbers themselves may move; and they make the interval narrower, until what
is left of its width is the patients' and no model helps. The stopping rule looks at widths alone: a rule that looked at
the numbers, or at a verdict, would stop where chance favours one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from genoaudit.contracts import Design, FloatArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.leakage import DEFAULT_FPRS, mean_over_targets


@dataclass(frozen=True)
class ConvergenceRow:
    """The headline numbers, mean over targets, of an attack that had the first models of a design alone.

    Parameters
    ----------
    models
        Number of models.
    auc, tpr_at_fpr
        The numbers, as `mean_over_targets` gives them.
    """

    models: int
    auc: Estimate
    tpr_at_fpr: tuple[RateAtFpr, ...]


def doubling_sizes(most: int, *, first: int = 32) -> tuple[int, ...]:
    """Return numbers of models, each twice the last, up to `most`, which always ends the row.

    Parameters
    ----------
    most
        Number of models at hand, or the most one is ready to train.
    first
        Number to begin with.

    Raises
    ------
    ConfigError
        If a number is below two.

    Examples
    --------
    >>> doubling_sizes(256), doubling_sizes(100), doubling_sizes(16)
    ((32, 64, 128, 256), (32, 64, 100), (16,))
    """
    if min(most, first) < 2:
        raise ConfigError(f"at least 2 models are needed, asked for {first} to {most}.")
    sizes = []
    while first < most:
        sizes.append(first)
        first *= 2
    return (*sizes, most)


def first_models(design: Design, models: int) -> Design:
    """Return the design of the first models; one whose partners are cut off has none.

    Parameters
    ----------
    design
        Who is a member of which model.
    models
        Models to keep.

    Raises
    ------
    ConfigError
        If the design has fewer.
    """
    if not 1 <= models <= design.models:
        raise ConfigError(f"the design has {design.models} models, asked for the first {models}.")
    return design.of(np.arange(models))


def convergence(
    score: Callable[[Design], FloatArray],
    design: Design,
    sizes: Sequence[int],
    *,
    fprs: Sequence[float] = DEFAULT_FPRS,
) -> tuple[ConvergenceRow, ...]:
    """Judge an attack as if only the first models of a design had been trained.

    Parameters
    ----------
    score
        Runs the attack anew on a design of the first models: scores depend on the references, so those of the whole
        design cannot be cut. Returns float64 [targets, patients], higher = member.
    design
        All models.
    sizes
        Numbers of models, rising.
    fprs
        As in `mean_over_targets`.

    Returns
    -------
    One row per size.

    Raises
    ------
    ConfigError
        If sizes do not rise or are more than the models, or scores are not usable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.array([rng.permutation(60) < 30 for _ in range(4)]).repeat(2, axis=0)
    >>> members[1::2] ^= True
    >>> scores = members + rng.normal(size=members.shape)
    >>> design = Design(members, np.arange(8) ^ 1, seed=0)
    >>> rows = convergence(lambda part: scores[: part.models], design, (4, 8))
    >>> [row.models for row in rows]
    [4, 8]
    """
    _check_rising(sizes)
    rows = []
    for models in sizes:
        part = first_models(design, models)
        found = mean_over_targets(score(part), part.members, part.partner, fprs=fprs)
        rows.append(ConvergenceRow(models, found.auc, found.tpr_at_fpr))
    return tuple(rows)


def stop(rows: Sequence[ConvergenceRow], *, width: float = 0.03, gain: float = 0.1) -> str | None:
    """Say why no more models should be trained, or None if they should.

    It reads the widths of the headline AUC's 95 % intervals and nothing else: never the AUC, never a verdict.

    Parameters
    ----------
    rows
        What is known so far, sizes rising; only the last two matter.
    width
        Width that is narrow enough.
    gain
        Share of the width that doubling the models must have saved to go on. Where models are what is uncertain it
        saves 29 %, where patients are it saves nothing.

    Returns
    -------
    The reason in one sentence.

    Raises
    ------
    ConfigError
        If sizes do not rise, or a limit is not sensible.

    Examples
    --------
    >>> rows = [ConvergenceRow(32, Estimate(0.6, 0.55, 0.65), ()), ConvergenceRow(64, Estimate(0.6, 0.552, 0.648), ())]
    >>> stop(rows)
    'doubling the models narrowed the 95 % interval of the AUC by less than 10 %, to 0.096: more patients would help'
    """
    _check_rising([row.models for row in rows])
    if width <= 0 or not 0 < gain < 1:
        raise ConfigError(f"width must be above 0 and gain between 0 and 1, found {width} and {gain}.")
    widths = [_width(row) for row in rows[-2:]]
    if widths and widths[-1] <= width:
        return f"the 95 % interval of the AUC is {widths[-1]:.3f} wide, at most {width:g} was asked for"
    if len(widths) < 2 or not np.isfinite(widths).all():
        return None
    doublings = float(np.log2(rows[-1].models / rows[-2].models))
    if widths[1] <= widths[0] * (1 - gain) ** doublings:
        return None
    return (
        f"doubling the models narrowed the 95 % interval of the AUC by less than {100 * gain:g} %, to {widths[1]:.3f}: "
        "more patients would help"
    )


def _width(row: ConvergenceRow) -> float:
    if row.auc.low is None or row.auc.high is None:
        return float("inf")
    return row.auc.high - row.auc.low


def _check_rising(sizes: Sequence[int]) -> None:
    if any(later <= earlier for earlier, later in pairwise(sizes)):
        raise ConfigError(f"numbers of models must rise, found {', '.join(map(str, sizes))}.")
