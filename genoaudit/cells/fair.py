"""Defences beside DP-SGD that is as useful, on those who need protection most.

Aerni, Zhang, Tramer. Evaluations of machine learning privacy defenses are misleading. CCS 2024: a defence that looks
good on average may leave the most exposed patients open, and DP-SGD with a meaninglessly large epsilon is the baseline
that it has to beat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from genoaudit.cells.plan import Cell, tuned_cell
from genoaudit.metrics.estimates import Estimate
from genoaudit.report.sweep_result import DP, DP_ARM, NONE, FairComparison, SweepCell

TOLERANCE = 0.005
"""Accuracy that DP-SGD may lack and still count as useful as a defence."""

CLOSE = 0.02
"""Accuracy that DP-SGD may have in excess and still be told that a defence protects better at the same usefulness."""

_NOTHING = Estimate(None, None, None)
_NEAR = 1.2  # ratio of two noise multipliers between which there is no point in trying another


def compare_fairly(cells: Sequence[SweepCell]) -> tuple[FairComparison, ...]:
    """Set every defence beside the DP cell with most noise that is at least as useful.

    Examples
    --------
    >>> compare_fairly(())
    ()
    """
    return tuple(_compared(defence, _matched(defence, cells)) for defence in cells if _is_defence(defence))


def next_to_try(cells: Sequence[SweepCell], private: Mapping[str, Cell]) -> Cell | None:
    """Return the DP cell whose noise lies between those that a defence's accuracy lies between.

    Of all defences of a recipe and seed, the one that its match exceeds most in accuracy.

    Parameters
    ----------
    cells
        What is known of one recipe and seed.
    private
        The DP cells tried so far, by name.
    """
    by_noise = sorted((cell for cell in cells if cell.mitigation == DP), key=_noise)
    wanted: tuple[float, str, float] | None = None
    for defence in filter(_is_defence, cells):
        matched = _matched(defence, cells)
        if matched is None or matched.accuracy.value is None or defence.accuracy.value is None:
            continue
        noisier = next((cell for cell in by_noise if _noise(cell) > _noise(matched)), None)
        if noisier is None or _noise(noisier) < _NEAR * _noise(matched):
            continue
        excess = matched.accuracy.value - defence.accuracy.value
        if excess > TOLERANCE and (wanted is None or excess > wanted[0]):
            wanted = excess, matched.name, math.sqrt(_noise(matched) * _noise(noisier))
    return None if wanted is None else tuned_cell(private[wanted[1]], wanted[2])


def _is_defence(cell: SweepCell) -> bool:
    return cell.mitigation not in {NONE, DP, DP_ARM}


def _noise(cell: SweepCell) -> float:
    return 0.0 if cell.guarantee is None else cell.guarantee.noise_multiplier


def _matched(defence: SweepCell, cells: Sequence[SweepCell]) -> SweepCell | None:
    wanted = defence.accuracy.value
    useful = [
        cell
        for cell in cells
        if (cell.mitigation, cell.recipe, cell.seed) == (DP, defence.recipe, defence.seed)
        and wanted is not None
        and cell.accuracy.value is not None
        and cell.accuracy.value >= wanted - TOLERANCE
    ]
    return max(useful, key=_noise, default=None)


def _compared(defence: SweepCell, dp: SweepCell | None) -> FairComparison:
    worst, canary = _worst(defence), _canary(defence)
    worst_dp, canary_dp = (_NOTHING, _NOTHING) if dp is None else (_worst(dp), _canary(dp))
    difference = None
    if dp is not None and dp.accuracy.value is not None and defence.accuracy.value is not None:
        difference = dp.accuracy.value - defence.accuracy.value
    return FairComparison(
        recipe=defence.recipe,
        seed=defence.seed,
        defence=defence.name,
        dp=None if dp is None else dp.name,
        accuracy_difference=difference,
        worst_auc_defence=worst,
        worst_auc_dp=worst_dp,
        canary_auc_defence=canary,
        canary_auc_dp=canary_dp,
        worst_favours=_favours(worst, worst_dp, difference),
        canaries_favour=_favours(canary, canary_dp, difference),
    )


def _worst(cell: SweepCell) -> Estimate:
    return next((worst.auc for worst in cell.worst if worst.k == 5), _NOTHING)


def _canary(cell: SweepCell) -> Estimate:
    return _NOTHING if cell.canaries is None else cell.canaries.auc


def _favours(defence: Estimate, dp: Estimate, difference: float | None) -> Literal["dp", "defence", "neither"]:
    """DP-SGD may be better and more useful at once; a defence is better only than DP-SGD that is hardly more useful."""
    if defence.low is not None and dp.high is not None and dp.high < defence.low:
        return "dp"
    close = difference is not None and difference <= CLOSE
    if close and dp.low is not None and defence.high is not None and defence.high < dp.low:
        return "defence"
    return "neither"
