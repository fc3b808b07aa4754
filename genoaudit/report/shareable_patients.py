"""What a summary says of patients: how many there are of each class and group, and how exposure is spread over them.

What a hidden group's AUC is cannot be solved for from what is shown. The AUC over everybody is the mean, over pairs of
groups, of the AUC of members of the one against non-members of the other, weighted by both their sizes. Of these only
the AUC within groups that are shown are known; those across groups, which are most of the weight, are not, and the
hidden group's own has the square of a small share. Differences between a group and all other patients would say it:
where only one other group is left, they are its AUC. So none are shown, and no p-values of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray
from genoaudit.data.groups import CLASS, MISSING, VARIES
from genoaudit.report import rounding
from genoaudit.report import shareable_sections as parts
from genoaudit.report.disclosure import MINIMUM, large_enough, record_keys, rounded_count, values_to_show
from genoaudit.report.result import AuditReport
from genoaudit.report.sections import Flagging
from genoaudit.report.shareable_numbers import band, named, number, rate
from genoaudit.report.summary import GROUP
from genoaudit.report.wording import exposure_quantiles, unexposed_band

_RANGE = re.compile(r"(\S+) to (\S+)")


@dataclass(frozen=True, eq=False)
class Patients:
    """The patients that a summary is about.

    Parameters
    ----------
    table
        One row per patient, as `AuditResult.patients`.
    members
        Membership in the models that are judged; [models, patients in the order of the table].
    """

    table: pd.DataFrame
    members: BoolArray

    @property
    def enough(self) -> bool:
        """Whether there are enough of them for anything to be shown."""
        return len(self.table) > 0 and large_enough(np.ones(len(self.table), dtype=bool), self.members)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """What decides how counts are rounded: who has which pseudonym, which the confidential run alone knows."""
        return record_keys(f"{row.pseudonym}\0{row.patient_id}" for row in self.table.itertuples())

    @property
    def groups(self) -> dict[str, NDArray[np.str_]]:
        """Each patient's value of every variable; text [patients] by variable."""
        columns = [str(name) for name in self.table.columns if str(name).startswith(GROUP)]
        return {name.removeprefix(GROUP): self.table[name].to_numpy(dtype=np.str_) for name in columns}


def shared_variables(report: AuditReport, patients: Patients) -> tuple[parts.Variable, ...]:
    """Show the classes and groups that may be shown, with rounded counts and the headline attack within each.

    Groups of the report that the table of patients does not know cannot be held to the rule and are left out.
    """
    groups, keys = patients.groups, patients.keys
    found = {(group.variable, group.value): group for group in report.groups if not group.suppressed}
    variables = []
    for variable, shown in values_to_show(groups, patients.members).items():
        names, values = _without_extremes(np.unique(groups[variable]).tolist()), []
        for value in shown:
            group = found.get((variable, value))
            values.append(
                parts.GroupValue(
                    name=named(names[value]),
                    patients=rounded_count(groups[variable] == value, keys),
                    auc=None if group is None else number(group.auc),
                    rate=None if group is None else rate(group.tpr_at_fpr),
                )
            )
        complete = len(shown) == len(names)
        variables.append(parts.Variable(name=named(variable), values=tuple(values), complete=complete))
    return tuple(variables)


def _without_extremes(values: list[str]) -> dict[str, str]:
    """Name the ranges of a number by their order: the ends of the outer ones are single patients' values.

    Examples
    --------
    >>> _without_extremes(["17 to 43", "43 to 61.5", "(missing)"])
    {'17 to 43': 'part 1 of 2, from the lowest', '43 to 61.5': 'part 2 of 2, from the lowest', '(missing)': '(missing)'}
    """
    starts = {value: start for value in values if (start := _start_of_range(value)) is not None}
    if set(values) - set(starts) - {MISSING, VARIES}:
        return {value: value for value in values}
    order = sorted(starts, key=lambda value: starts[value])
    parts_of = {value: f"part {place} of {len(order)}, from the lowest" for place, value in enumerate(order, start=1)}
    return {value: parts_of.get(value, value) for value in values}


def _start_of_range(value: str) -> float | None:
    found = _RANGE.fullmatch(value)
    try:
        return None if found is None else min(float(found[1]), float(found[2]))
    except ValueError:
        return None


def classes_are_complete(variables: tuple[parts.Variable, ...]) -> bool:
    """Whether every class is shown, so that a mean over classes tells nothing of a hidden one."""
    return any(variable.name == CLASS and variable.complete for variable in variables)


def most_exposed_group(report: AuditReport, variables: tuple[parts.Variable, ...]) -> parts.MostExposedGroup | None:
    """Say which group is most exposed and how much, where no group is hidden; None otherwise.

    If it is not named next to groups that are shown, it is one of the hidden ones, which is then large enough to have
    been attacked by itself.
    """
    worst = report.worst_group
    if worst is None or worst.auc.value is None or not all(variable.complete for variable in variables):
        return None
    return parts.MostExposedGroup(variable=named(worst.variable), value=named(worst.value), auc=band(worst.auc.value))


def shared_exposure(report: AuditReport, patients: Patients) -> parts.SharedExposure | None:
    """Say how exposure is spread, in bands that hold at least ten patients each; None without exposure."""
    quantiles = exposure_quantiles(report)
    exposure = report.exposure
    if exposure is None or not {50.0, 95.0} <= quantiles.keys():
        return None
    known = set(patients.table.columns)
    worst = {found.k: found for found in exposure.worst if found.auc.value is not None}
    return parts.SharedExposure(
        unexposed_below=rounding.rounded(unexposed_band(report)[1]),
        bands=_bands(patients) if "auc" in known else (),
        median=band(quantiles[50.0]),
        one_in_twenty=band(quantiles[95.0]),
        worst_patient=band(worst[1].auc.value) if 1 in worst and worst[1].auc.value is not None else None,
        worst_twenty=number(worst[20].auc) if 20 in worst else None,
        flagged=_flagged(exposure.flagging, patients) if exposure.flagging and "flagged" in known else None,
    )


def _bands(patients: Patients) -> tuple[parts.ExposureBand, ...]:
    """Count patients by band, from the most exposed down; bands with fewer than ten join the next."""
    auc, keys = patients.table["auc"].to_numpy(dtype=np.float64), patients.keys
    made: list[tuple[float | None, float | None]] = []
    high: float | None = None
    for low, _ in reversed(rounding.AUC_BANDS):
        if _within(auc, low, high).sum() >= MINIMUM:
            made.append((low, high))
            high = low
    if made:  # what is left at the low end joins the last
        made[-1] = (None, made[-1][1])
    return tuple(
        parts.ExposureBand(auc=parts.Band(low=low, high=high), patients=rounded_count(_within(auc, low, high), keys))
        for low, high in made
    )


def _within(auc: NDArray[np.float64], low: float | None, high: float | None) -> BoolArray:
    return np.asarray((auc >= (-np.inf if low is None else low)) & (auc < (np.inf if high is None else high)))


def _flagged(flagging: Flagging, patients: Patients) -> parts.Flagged:
    own = patients.table["flagged"].to_numpy(dtype=bool)
    few, nearly_all = own.sum() < MINIMUM, (~own).sum() < MINIMUM
    return parts.Flagged(
        least_auc=rounding.rounded(flagging.least_auc),
        how_many="fewer than 10" if few else "all but fewer than 10" if nearly_all else "counted",
        patients=None if few or nearly_all else rounded_count(own, patients.keys),
    )
