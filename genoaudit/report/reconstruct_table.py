"""A comparison as tables: one row per number, and the numbers of page and figure averaged over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.reconstruct_result import NamedShare, ReconstructCell, ReconstructReport, Recovery

if TYPE_CHECKING:
    import pandas as pd

NOTHING = Estimate(None, None, None)

_OF_RECOVERY = (
    *("pearson", "spearman", "mse", "within_noise", "nearest_patient", "class_right", "sex_right"),
    *("expected_pearson", "expected_success", "vanished", "learnt"),
)


def tidy(report: ReconstructReport) -> pd.DataFrame:
    """Return one row per cell and number.

    Returns
    -------
    pandas.DataFrame
        ``budget`` and ``noise_multiplier`` are NaN without protection. ``attack`` and ``network`` say what a number is
        about, empty where there is nothing to say. ``low`` and ``high`` are the ends of the 95 % interval, NaN where
        there is none. What was not measured has no row.
    """
    import pandas as pd

    rows = [row for cell in report.cells for row in _rows(cell)]
    keys = ["name", "recipe", "budget", "seed", "noise_multiplier", "vacuous", "attack", "network", "measure"]
    numbers = ["value", "low", "high"]
    table = pd.DataFrame(rows, columns=[*keys, *numbers])
    return table.astype(dict.fromkeys(("budget", "noise_multiplier", *numbers), "float64") | {"seed": "int64"})


def _rows(cell: ReconstructCell) -> list[dict[str, Any]]:
    shared = {key: getattr(cell, key) for key in ("name", "recipe", "budget", "seed", "noise_multiplier", "vacuous")}
    named, inverted = cell.identification, cell.inversion
    told: list[tuple[str, str, str, Estimate]] = [
        ("", "", "accuracy", cell.accuracy),
        ("membership", "", "auc", cell.auc),
        ("membership", "", "worst5_auc", cell.worst_auc),
        ("prior_aware", "trained", "identified", named.rate),
        ("prior_aware", "trained", "guessing", _exact(named.guessing)),
        ("prior_aware", "trained", "bound", _exact(named.bound)),
        ("", "", "kappa", _exact(cell.threshold.kappa)),
        ("", "", "success_bound", _exact(cell.threshold.bound)),
        ("", "", "half_noise", _exact(None if cell.half_lost is None else cell.half_lost.noise_multiplier)),
        ("", "", "half_epsilon", _exact(None if cell.half_lost is None else cell.half_lost.epsilon)),
        ("inversion", "trained", "auc", _exact(inverted.auc)),
        ("inversion", "trained", "pearson", _exact(inverted.pearson)),
    ]
    for one in cell.recoveries:
        told += [(one.attack, one.network, name, _exact(getattr(one, name))) for name in _OF_RECOVERY]
        told.append((one.attack, one.network, "success", one.success))
    return [
        shared
        | {"attack": attack, "network": network, "measure": measure}
        | {"value": found.value, "low": found.low, "high": found.high}
        for attack, network, measure, found in told
        if found.value is not None
    ]


@dataclass(frozen=True)
class Row:
    """A budget of a recipe as page, figure and terminal show it.

    Of one seed numbers carry their 95 % interval where they have one; of several they are means with the range. The
    share of patients named carries its interval over all seeds, and `reading` says how it lies to its bound.
    """

    recipe: str
    title: str
    budget: float | None
    vacuous: bool
    noise_multiplier: float | None
    reading: Literal["below", "by_chance", "exceeded"]
    numbers: Mapping[str, Estimate]

    def value(self, name: str) -> float | None:
        """Return a number without its interval."""
        return self.numbers[name].value


def shown_rows(report: ReconstructReport) -> tuple[Row, ...]:
    """Return one row per recipe and budget, budgets rising, no protection last."""
    groups: dict[tuple[str, float | None], list[ReconstructCell]] = {}
    for cell in report.cells:
        groups.setdefault((cell.recipe, cell.budget), []).append(cell)
    order = list(dict.fromkeys(cell.recipe for cell in report.cells))
    named = {(share.recipe, share.budget): share for share in report.named}
    rows = [_row(cells, named[key]) for key, cells in groups.items()]
    return tuple(sorted(rows, key=lambda row: (order.index(row.recipe), row.budget is None, row.budget or 0.0)))


def has_several_seeds(report: ReconstructReport) -> bool:
    """Whether numbers are means over seeds."""
    return len({cell.seed for cell in report.cells}) > 1


def _row(cells: Sequence[ReconstructCell], named: NamedShare) -> Row:
    first = cells[0]
    numbers = {name: _over_seeds([read(cell) for cell in cells]) for name, read in _READ.items()}
    return Row(
        recipe=first.recipe,
        title=first.title,
        budget=first.budget,
        vacuous=any(cell.vacuous for cell in cells),
        noise_multiplier=first.noise_multiplier,
        reading=named.reading,
        numbers=numbers | {"identified": named.rate, "bound": _exact(named.bound)},
    )


def _over_seeds(found: Sequence[Estimate]) -> Estimate:
    if len(found) == 1:
        return found[0]
    known = [one.value for one in found if one.value is not None]
    return Estimate(sum(known) / len(known), min(known), max(known)) if known else NOTHING


def _exact(value: float | None) -> Estimate:
    return Estimate(value, None, None)


def _of(attack: str, network: str, read: Callable[[Recovery], Estimate]) -> Callable[[ReconstructCell], Estimate]:
    def number(cell: ReconstructCell) -> Estimate:
        found = cell.recovery(attack, network)
        return NOTHING if found is None else read(found)

    return number


def _pearson(found: Recovery) -> Estimate:
    return _exact(found.pearson)


_READ: dict[str, Callable[[ReconstructCell], Estimate]] = {
    "accuracy": lambda cell: cell.accuracy,
    "auc": lambda cell: cell.auc,
    "worst5_auc": lambda cell: cell.worst_auc,
    "control": _of("class_mean", "none", _pearson),
    "control_success": _of("class_mean", "none", lambda found: found.success),
    "control_within_noise": _of("class_mean", "none", lambda found: _exact(found.within_noise)),
    "control_mse": _of("class_mean", "none", lambda found: _exact(found.mse)),
    "analytic": _of("analytic", "fresh", _pearson),
    "expected": _of("analytic", "fresh", lambda found: _exact(found.expected_pearson)),
    "spearman": _of("analytic", "fresh", lambda found: _exact(found.spearman)),
    "mse": _of("analytic", "fresh", lambda found: _exact(found.mse)),
    "within_noise": _of("analytic", "fresh", lambda found: _exact(found.within_noise)),
    "hit_rate": _of("analytic", "fresh", lambda found: _exact(found.nearest_patient)),
    "class_right": _of("analytic", "fresh", lambda found: _exact(found.class_right)),
    "sex_right": _of("analytic", "fresh", lambda found: _exact(found.sex_right)),
    "success": _of("analytic", "fresh", lambda found: found.success),
    "expected_success": _of("analytic", "fresh", lambda found: _exact(found.expected_success)),
    "half_noise": lambda cell: _exact(None if cell.half_lost is None else cell.half_lost.noise_multiplier),
    "half_epsilon": lambda cell: _exact(None if cell.half_lost is None else cell.half_lost.epsilon),
    "success_bound": lambda cell: _exact(cell.threshold.bound),
    "trained": _of("analytic", "trained", _pearson),
    "vanished": _of("analytic", "trained", lambda found: _exact(found.vanished)),
    "learnt": _of("analytic", "trained", lambda found: _exact(found.learnt)),
    "rank_one": _of("rank_one", "fresh", _pearson),
    "rank_one_trained": _of("rank_one", "trained", _pearson),
    "whole_patient": _of("whole_patient", "fresh", _pearson),
    "imprint": _of("imprint", "chosen", _pearson),
    "imprint_success": _of("imprint", "chosen", lambda found: found.success),
    "trap_weights": _of("trap_weights", "chosen", _pearson),
    "matching": _of("matching", "fresh", _pearson),
    "informed": _of("informed", "trained", _pearson),
    "guessing": lambda cell: _exact(cell.identification.guessing),
    "inversion_auc": lambda cell: _exact(cell.inversion.auc),
}
