"""Many differences of AUC at once: intervals that hold together, and Holm-adjusted p-values.

Looking at twenty groups, one of twenty 95 % intervals misses by chance. Here the 95 % is for all of them together:

- Two-way bootstrap, linearised: the deviation of a cell's AUC in a replicate is the sum of its patients' influences
  (DeLong, DeLong and Clarke-Pearson, Biometrics 1988) times their weights, plus the deviations of the pairs of models
  times theirs. All cells see the same replicates, so what they share is taken into account. What is particular to one
  patient in one model is counted twice: the intervals err on the wide side.
- Everything is studentised on the logit scale. The 95 % quantile of the largest absolute statistic over all comparisons
  (max-t: Westfall and Young 1993) replaces 1.96. Spread that was estimated from few patients or few pairs of models
  replaces the normal quantile by Student's of the same tail, each source of error with its own degrees of freedom.
- The limits of the two AUCs are combined into limits of their difference with their correlation (MOVER: Zou,
  Psychological Methods 2007), which keeps them within -1 and 1 and lopsided where an AUC is near 1.
- A p-value is the level at which a difference's own interval would touch zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import newcombe_auc, two_way_weights

_LEVEL = 0.95
_HALVINGS = 40  # bisection of a logarithm to nine digits
_SMALLEST_TAIL = -700.0  # logarithm; smaller ones are not a double
_Z = float(stats.norm.isf((1 - _LEVEL) / 2))


@dataclass(frozen=True, eq=False)
class Cell:
    """The AUC of some patients, mean over targets, and what it rests on.

    Parameters
    ----------
    auc
        AUC in every target; [targets].
    influence
        By how much the mean AUC grows per unit of a patient's weight, zero for patients outside; [patients].
    patients
        Patients inside.
    members, non_members
        The fewest of them on each side of a target.
    """

    auc: FloatArray
    influence: FloatArray
    patients: int
    members: int
    non_members: int


@dataclass(frozen=True, eq=False)
class Differences:
    """Differences of AUC, first cell minus second; each [comparisons].

    Parameters
    ----------
    value
        The differences.
    low, high
        Simultaneous 95 % limits: all of them hold at once in 95 % of audits.
    p
        Two-sided p-value of each difference by itself.
    p_holm
        The same, adjusted for all comparisons (Holm, Scandinavian Journal of Statistics 1979).
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_holm: FloatArray


@dataclass(frozen=True, eq=False)
class _Spread:
    """Centre and independent sources of error of every cell's AUC on the logit scale.

    `patients` [cells, patients] and `pairs` [cells, targets] multiply bootstrap weights; `edge` [cells] is the standard
    deviation given to an AUC of exactly 0 or 1, which shows none.
    """

    centre: FloatArray
    patients: FloatArray
    pairs: FloatArray
    edge: FloatArray


@dataclass(frozen=True, eq=False)
class _Sides:
    """Positions of the two cells of every comparison; each [comparisons]."""

    first: IntArray
    second: IntArray


def auc_cell(scores: FloatArray, members: BoolArray, own: BoolArray) -> Cell:
    """Judge the patients `own` among themselves in every target, and find how much hangs on each of them.

    Parameters
    ----------
    scores, members
        Attack scores, higher = member, and membership; [targets, patients].
    own
        The patients inside, at least one member and one non-member in every target; [patients].

    Returns
    -------
    The cell. A patient's influence is the mean over targets of (placement - AUC) / side, where the placement is the
    share of the other side that the patient is ranked right against, ties counting half.

    Examples
    --------
    >>> scores, members = np.array([[3.0, 1.0, 2.0, 0.0, 9.0]]), np.array([[True, True, False, False, False]])
    >>> cell = auc_cell(scores, members, np.array([True, True, True, True, False]))
    >>> cell.auc, cell.patients
    (array([0.75]), 4)
    """
    values, held = scores[:, own], members[:, own]
    n_in = held.sum(axis=1, keepdims=True)
    n_out = held.shape[1] - n_in
    # Rank among all less rank within the own side: how many of the other side lie below.
    among_all = stats.rankdata(values, axis=1)
    among_members = stats.rankdata(np.where(held, values, np.inf), axis=1)
    among_others = stats.rankdata(np.where(held, np.inf, values), axis=1)
    placement = np.where(held, (among_all - among_members) / n_out, 1 - (among_all - among_others) / n_in)
    auc = placement.mean(axis=1, where=held)
    side = np.where(held, n_in, n_out)
    # Mean square of `side` values around their own mean: one is lost, as in DeLong's variance.
    unbiased = np.sqrt(side / np.maximum(side - 1, 1))
    influence = np.zeros(scores.shape[1])
    influence[own] = ((placement - auc[:, None]) / side * unbiased).mean(axis=0)
    return Cell(auc, influence, held.shape[1], int(n_in.min()), int(n_out.min()))


def holm(p: FloatArray) -> FloatArray:
    """Adjust p-values so that the chance of any false rejection stays below the level (Holm 1979).

    Parameters
    ----------
    p
        P-values; [hypotheses].

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)).clip(max=1)
    return adjusted


def simultaneous_differences(
    cells: list[Cell],
    comparisons: list[tuple[int, int]],
    pair_of_target: IntArray,
    *,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> Differences:
    """Compare cells that have no patient in common, all comparisons at once.

    Parameters
    ----------
    cells
        What to compare, on the same targets and patients.
    comparisons
        First and second cell of every comparison, by position; at least one, none twice.
    pair_of_target
        Pair code of each target (see `intervals.pair_codes`); [targets]. With a single pair the intervals cover
        patients alone.
    replicates, generator
        Bootstrap replicates, at least 100, and the source of their weights.

    Returns
    -------
    The differences, in the order of `comparisons`.

    Raises
    ------
    ConfigError
        If there is nothing to compare or replicates are too few.
    """
    if not comparisons or replicates < 100:
        raise ConfigError(
            f"simultaneous intervals need a comparison and at least 100 replicates, found {len(comparisons)} and "
            f"{replicates}."
        )
    n_pairs = int(pair_of_target.max()) + 1
    sides = _Sides(*np.array(comparisons, dtype=np.intp).T)
    auc = np.array([cell.auc.mean() for cell in cells])
    spread = _spread(cells, auc, pair_of_target, n_pairs)
    covariance = spread.patients @ spread.patients.T + spread.pairs @ spread.pairs.T + np.diag(spread.edge**2)
    sources = _sources(cells, spread, sides, n_pairs)

    def limits(tail: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _difference_limits(auc, spread.centre, covariance, sides, _quantile(tail, *sources))

    weights = two_way_weights(spread.patients.shape[1], pair_of_target, replicates, generator)
    noise = generator.normal(size=(replicates, len(cells)))
    largest = _largest_statistics(spread, covariance, sides, pair_of_target, (*weights, noise))
    tail = min(float(stats.norm.sf(np.quantile(largest, _LEVEL, method="higher"))), (1 - _LEVEL) / 2)
    low, high = limits(np.full(len(comparisons), tail))
    # Where few patients carry an AUC the replicates' tails are heavier than Bonferroni's normal: p-values follow suit.
    p = np.minimum(_invert(limits, len(comparisons)) * max(1, (1 - _LEVEL) / 2 / len(comparisons) / tail), 1)
    return Differences(auc[sides.first] - auc[sides.second], low, high, p, holm(p))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; where nothing varies there is no evidence either, so 0."""
    return np.asarray(np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-12))


def _spread(cells: list[Cell], auc: FloatArray, pair_of_target: IntArray, n_pairs: int) -> _Spread:
    inner = (auc > 0) & (auc < 1)
    slope = np.where(inner, 1 / np.where(inner, auc * (1 - auc), 1), 0)[:, None]  # of the logit
    # A bootstrap of Q pairs shows (Q - 1) / Q of their variance.
    unbiased = np.sqrt(n_pairs / (n_pairs - 1)) if n_pairs > 1 else 0.0
    deviations = np.array([cell.auc - cell.auc.mean() for cell in cells]) / pair_of_target.size
    by_pair = deviations @ (pair_of_target[:, None] == np.arange(n_pairs))
    # Beyond half a pair of patients from the end of the scale nothing can be told apart.
    cases = np.array([[cell.members, cell.non_members] for cell in cells])
    half = 0.5 / cases.prod(axis=1)
    centre = special.logit(np.clip(auc, half, 1 - half))
    low, high = newcombe_auc(auc, cases[:, 0], cases[:, 1])
    end = special.logit(np.where(inner, 0.5, np.where(auc == 1, low, high)))
    return _Spread(
        centre=np.where(inner, special.logit(np.where(inner, auc, 0.5)), centre),
        patients=np.array([cell.influence for cell in cells]) * slope,
        pairs=by_pair * slope * unbiased,
        edge=np.where(inner, 0, np.abs(centre - end) / _Z),
    )


def _sources(cells: list[Cell], spread: _Spread, sides: _Sides, n_pairs: int) -> tuple[FloatArray, FloatArray]:
    """Variances of the sources of error of every comparison, and their degrees of freedom; each [4, comparisons].

    The sources are the two sets of patients, the pairs of models, and the ends of the scale.
    """
    first, second = sides.first, sides.second
    squares = spread.patients**2
    own = squares.sum(axis=1)
    # A sum of few large squares is known worse than a sum of many: var(s^2) rests on the fourth moment.
    count = np.array([cell.patients for cell in cells])
    excess = (squares**2).sum(axis=1) - own**2 / count
    freedom = np.divide(2 * own**2, excess, out=np.full(own.size, np.inf), where=excess > 1e-12 * own**2)
    freedom = np.clip(freedom, 1, count - 1)
    pairs = ((spread.pairs[first] - spread.pairs[second]) ** 2).sum(axis=1)
    ends = spread.edge[first] ** 2 + spread.edge[second] ** 2
    known = np.full(first.size, np.inf)
    return (
        np.stack([own[first], own[second], pairs, ends]),
        np.stack([freedom[first], freedom[second], np.full(first.size, max(n_pairs - 1, 1)), known]),
    )


def _quantile(tail: FloatArray, variances: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return by how many standard errors a difference may be off: each source of error has its own Student's quantile.

    Cochran's idea (Biometrics 1964). One quantile for Satterthwaite's joint freedom is too short far out in the tail,
    where many comparisons send us: the error is largest when the source known least is underestimated.
    """
    share = _ratio(variances, np.broadcast_to(variances.sum(axis=0), variances.shape))
    return np.asarray(np.sqrt((share * special.stdtrit(freedom, tail) ** 2).sum(axis=0)))


def _invert(limits: Callable[[FloatArray], tuple[FloatArray, FloatArray]], comparisons: int) -> FloatArray:
    """Two-sided p-values: the largest tails whose limits leave out zero, twice; bisection of the logarithm."""
    left, right = np.full(comparisons, _SMALLEST_TAIL), np.full(comparisons, np.log(0.5))
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        low, high = limits(np.exp(middle))
        excluded = (low > 0) | (high < 0)
        left, right = np.where(excluded, left, middle), np.where(excluded, middle, right)
    return np.asarray(2 * np.exp(right))


def _largest_statistics(
    spread: _Spread,
    covariance: FloatArray,
    sides: _Sides,
    pair_of_target: IntArray,
    draws: tuple[IntArray, IntArray, FloatArray],
) -> FloatArray:
    """Largest absolute studentised difference over all comparisons in every replicate; [replicates]."""
    patients, targets, noise = draws
    pairs = targets[:, np.unique(pair_of_target, return_index=True)[1]]
    deviation = (patients - 1) @ spread.patients.T + (pairs - 1) @ spread.pairs.T + noise * spread.edge
    variance = np.diag(covariance)
    square = variance[sides.first] + variance[sides.second] - 2 * covariance[sides.first, sides.second]
    difference = deviation[:, sides.first] - deviation[:, sides.second]
    return np.asarray(np.abs(_ratio(difference, np.sqrt(np.maximum(square, 0)))).max(axis=1))


def _difference_limits(
    auc: FloatArray, centre: FloatArray, covariance: FloatArray, sides: _Sides, margin: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Limits of the differences, from the limits of both AUCs at the same margin and their correlation (MOVER)."""
    first, second = sides.first, sides.second
    deviation = np.sqrt(np.diag(covariance))
    correlation = _ratio(covariance[first, second], deviation[first] * deviation[second]).clip(-1, 1)

    def reach(side: IntArray) -> tuple[FloatArray, FloatArray]:
        low, high = (special.expit(centre[side] + sign * margin * deviation[side]) for sign in (-1, 1))
        return np.maximum(auc[side] - low, 0), np.maximum(high - auc[side], 0)

    def combine(one: FloatArray, other: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(one**2 + other**2 - 2 * correlation * one * other, 0))

    (below_first, above_first), (below_second, above_second) = reach(first), reach(second)
    value = auc[first] - auc[second]
    return value - combine(below_first, above_second), value + combine(above_first, below_second)
