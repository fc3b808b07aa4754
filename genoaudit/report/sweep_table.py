"""A sweep as a tidy table: one row per cell, one column per number, and the same averaged over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.reconstruct_result import CellReconstruction
from genoaudit.report.result import Leakage
from genoaudit.report.sweep_result import DP, NONE, SweepCell, SweepReport

if TYPE_CHECKING:
    import pandas as pd

WORST = (1, 5)
BUDGETS = {"tpr_at_10": 0.1, "tpr_at_1": 0.01}
ESTIMATES = (
    *("accuracy", "accuracy_loss", "auc", "advantage", *BUDGETS, "labels_only_auc"),
    *(f"worst{k}_auc" for k in WORST),
    *("canary_auc", "canary_tpr"),
    *("profile", "profile_control", "profile_expected", "profile_hits"),
)
PLAIN = ("macro_f1", "auroc", "epsilon", "delta", "noise_multiplier")
FLAGS = (*(f"{name}_resolvable" for name in BUDGETS), "vacuous", "end_to_end", "on_frontier")
KEYS = ("recipe", "mitigation", "setting", "title", "acts_on", "tuned")

_UNKNOWN = Estimate(None, None, None)


def tidy(report: SweepReport) -> pd.DataFrame:
    """Return one row per cell.

    Returns
    -------
    pandas.DataFrame
        Names, what was done and the attack as text; every number with ``_low`` and ``_high``, the ends of its 95 %
        interval, and NaN where there is none; rates and losses are shares in [0, 1], not percentages. ``setting`` is
        text, empty where there is none. ``epsilon`` is NaN without a guarantee and where no finite one holds; only the
        first has no ``accountant``. Utility is that on patients a model has not seen.
    """
    import pandas as pd

    spans = [f"{name}{end}" for name in ESTIMATES for end in ("", "_low", "_high")]
    columns = ["name", *KEYS, "seed", "attack", *spans, *PLAIN, "accountant", *FLAGS]
    table = pd.DataFrame([_row(cell) for cell in report.cells], columns=columns)
    types = dict.fromkeys((*spans, *PLAIN), "float64") | dict.fromkeys(FLAGS, "boolean")
    return table.astype({**types, "seed": "int64", "tuned": "bool"})


def averaged(report: SweepReport) -> pd.DataFrame:
    """Return one row per recipe, mitigation and setting: the mean over seeds, and what the seeds range over.

    Returns
    -------
    pandas.DataFrame
        Every number as its mean, with ``_min`` and ``_max`` over seeds (a range, no interval), and ``seeds``, how many
        there were. A rate is resolvable and a guarantee end to end if it is for every seed, vacuous if it is for one;
        ``on_frontier`` is the share of the seeds.
    """
    import pandas as pd

    grouped = tidy(report).groupby(list(KEYS), sort=False)
    columns: dict[str, Any] = {"seeds": grouped.size(), "attack": grouped["attack"].first()}
    for name in (*ESTIMATES, *PLAIN):
        values = grouped[name]
        columns |= {name: values.mean(), f"{name}_min": values.min(), f"{name}_max": values.max()}
    columns["accountant"] = grouped["accountant"].first()
    columns |= {name: grouped[name].min() for name in FLAGS} | {"vacuous": grouped["vacuous"].max()}
    columns["on_frontier"] = grouped["on_frontier"].agg(lambda flags: float(flags.mean()))
    return pd.DataFrame(columns).reset_index()


@dataclass(frozen=True)
class Row:
    """A protection of a recipe as page, figure and terminal show it.

    Of one seed every number carries its 95 % interval; of several it is the mean, with the range over seeds.
    """

    recipe: str
    mitigation: str
    setting: str
    title: str
    acts_on: str
    tuned: bool
    seeds: int
    numbers: Mapping[str, Estimate]
    resolvable: bool
    accountant: str | None
    epsilon: float | None
    delta: float | None
    vacuous: bool
    end_to_end: bool
    on_frontier: bool

    @property
    def is_dp(self) -> bool:
        """Whether DP-SGD trained it."""
        return self.mitigation == DP

    @property
    def loss(self) -> Estimate:
        """Accuracy lost against no protection, as a share; exactly nothing for no protection."""
        return Estimate(0.0, None, None) if self.mitigation == NONE else self.numbers["accuracy_loss"]


def shown_rows(report: SweepReport) -> tuple[Row, ...]:
    """Return what is shown, recipe by recipe: no protection, DP by rising epsilon, then the others as configured."""
    several = has_several_seeds(report)
    table = averaged(report) if several else tidy(report).assign(seeds=1)
    ends = ("_min", "_max") if several else ("_low", "_high")
    rows = [_shown(record, ends) for record in table.to_dict("records")]
    places: dict[str, dict[str, int]] = {"recipe": {}, "mitigation": {}}
    for row in rows:
        for name, place in places.items():
            place.setdefault(getattr(row, name), len(place))

    def order(row: Row) -> tuple[int, int, float, int]:
        kind = 0 if row.mitigation == NONE else 1 if row.is_dp else 2
        epsilon = math.inf if row.epsilon is None else row.epsilon
        return (places["recipe"][row.recipe], kind, epsilon if row.is_dp else 0.0, places["mitigation"][row.mitigation])

    return tuple(sorted(rows, key=order))


def has_several_seeds(report: SweepReport) -> bool:
    """Whether numbers are means over seeds."""
    return len({cell.seed for cell in report.cells}) > 1


def exposure_measure(rows: Sequence[Row]) -> str:
    """Return what leakage is drawn by: the five most exposed patients where known of all, or else the population.

    One measure for all, so that no point is compared with another measure's.
    """
    known = all(row.numbers["worst5_auc"].value is not None for row in rows)
    return "worst5_auc" if rows and known else "auc"


def number_text(value: float | int | str | None) -> str:
    """Say a setting or a budget shortly; nothing is empty.

    Examples
    --------
    >>> [number_text(value) for value in (8.0, 0.001, 1000.0, 1e9, 2.5e-5, 250, "variance", None)]
    ['8', '0.001', '1000', '1e9', '2.5e-5', '250', 'variance', '']
    """
    if value is None or isinstance(value, str):
        return value or ""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}" if abs(value) < 1e4 else f"{value:.2e}"
    digits, _, power = text.partition("e")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}{f'e{int(power)}' if power else ''}"


def _row(cell: SweepCell) -> dict[str, Any]:
    worst = {part.k: part.auc for part in cell.worst}
    canaries, guarantee, outside = cell.canaries, cell.guarantee, cell.utility.non_members
    rates = {name: _rate(cell.leakage, fpr) for name, fpr in BUDGETS.items()}
    estimates: dict[str, Estimate | RateAtFpr | None] = {
        "accuracy": cell.accuracy,
        "accuracy_loss": cell.accuracy_loss,
        "auc": cell.leakage.auc,
        "advantage": cell.leakage.advantage,
        "labels_only_auc": None if cell.labels_only is None else cell.labels_only.auc,
        "canary_auc": None if canaries is None else canaries.auc,
        "canary_tpr": None if canaries is None else canaries.tpr_at_fpr,
        **rates,
        **{f"worst{k}_auc": worst.get(k) for k in WORST},
    }
    estimates |= _profiles(cell.reconstruction)
    row: dict[str, Any] = {name: getattr(cell, name) for name in ("name", *KEYS, "seed", "attack", "on_frontier")}
    for name, found in estimates.items():
        row |= _span(name, found or _UNKNOWN)
    row |= {f"{name}_resolvable": None if rate is None else rate.resolvable for name, rate in rates.items()}
    promised = ("epsilon", "delta", "accountant", "noise_multiplier", "vacuous", "end_to_end")
    row |= {name: None if guarantee is None else getattr(guarantee, name) for name in promised}
    return row | {
        "setting": number_text(cell.setting),
        "macro_f1": outside.macro_f1.value,
        "auroc": outside.auroc.value,
    }


def _profiles(found: CellReconstruction | None) -> dict[str, Estimate | RateAtFpr | None]:
    if found is None:
        return dict.fromkeys(("profile", "profile_control", "profile_expected", "profile_hits"))
    return {
        "profile": Estimate(found.pearson, None, None),
        "profile_control": Estimate(found.control, None, None),
        "profile_expected": Estimate(found.expected, None, None),
        "profile_hits": Estimate(found.hit_rate, None, None),
    }


def _rate(leakage: Leakage, fpr: float) -> RateAtFpr | None:
    return next((rate for rate in leakage.tpr_at_fpr if rate.fpr == fpr), None)


def _span(name: str, found: Estimate | RateAtFpr) -> dict[str, float | None]:
    value = found.tpr if isinstance(found, RateAtFpr) else found.value
    return {name: value, f"{name}_low": found.low, f"{name}_high": found.high}


def _shown(record: Mapping[Any, Any], ends: tuple[str, str]) -> Row:
    numbers = {
        name: Estimate(*(_known(record[f"{name}{end}"]) for end in ("", *ends)))
        for name in (*ESTIMATES, "macro_f1", "auroc")
        if f"{name}{ends[0]}" in record
    }
    accountant = record["accountant"]
    return Row(
        **{name: record[name] for name in (*KEYS, "seeds")},
        numbers=numbers,
        resolvable=record["tpr_at_10_resolvable"] is True,
        accountant=accountant if isinstance(accountant, str) else None,
        epsilon=_known(record["epsilon"]),
        delta=_known(record["delta"]),
        vacuous=record["vacuous"] is True,
        end_to_end=record["end_to_end"] is True,
        on_frontier=float(record["on_frontier"]) >= 0.5,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
