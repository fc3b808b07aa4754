"""Is some group of patients more exposed than others? Members of a group against non-members of the same group.

Comparing within a group keeps apart two things that a pooled comparison mixes: being exposed, and being easy or hard to
classify. Many groups are looked at, so the differences between them have simultaneous intervals, see `simultaneous`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.roc import check_scores
from genoaudit.metrics.simultaneous import Cell, auc_cell, simultaneous_differences

MISSING = "(missing)"
"""The group of patients without a label: they are reported, never dropped."""

_NONE = Estimate(None, None, None)


@dataclass(frozen=True)
class GroupNumbers:
    """The leakage of one group of patients, mean over targets.

    Parameters
    ----------
    variable
        What the patients are grouped by.
    group
        The label, or `MISSING`.
    patients
        Patients with the label.
    members, non_members
        The fewest of them that were members (non-members) of a target.
    auc
        Members of the group against its non-members; no value where the group is suppressed.
    tpr_at_fpr
        The same for the rate within one false-positive budget.
    difference
        AUC of the group minus AUC of all other patients, with simultaneous 95 % limits over all groups of all
        variables; no value where the group or all others together are too few.
    p_holm
        Two-sided p-value of that difference, adjusted for the same family by Holm's method.
    suppressed
        Whether the group is too small to show.
    """

    variable: str
    group: str
    patients: int
    members: int
    non_members: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr
    difference: Estimate
    p_holm: float | None
    suppressed: bool


@dataclass(frozen=True)
class GroupGap:
    """Difference of AUC between a group and another, or all other patients (`other` is None).

    Parameters
    ----------
    variable, group, other
        What is compared.
    difference
        First minus second, with simultaneous 95 % limits over everything compared in the same call.
    p_holm
        Two-sided p-value, adjusted over the same family by Holm's method.
    """

    variable: str
    group: str
    other: str | None
    difference: Estimate
    p_holm: float


@dataclass(eq=False)
class _Family:
    """Everything to be compared at once; the same set of patients is one cell, the same two cells one comparison."""

    scores: FloatArray
    members: BoolArray
    cells: list[Cell] = field(default_factory=list)
    positions: dict[bytes, int] = field(default_factory=dict)
    comparisons: dict[tuple[int, int], int] = field(default_factory=dict)

    def cell(self, own: BoolArray) -> int:
        """Return the position of the cell of these patients, making it where it is new."""
        key = own.tobytes()
        if key not in self.positions:
            self.positions[key] = len(self.cells)
            self.cells.append(auc_cell(self.scores, self.members, own))
        return self.positions[key]

    def compare(self, first: BoolArray, second: BoolArray) -> tuple[int, int]:
        """Return the position of a comparison, and -1 where it stands there with the sides exchanged, else 1.

        Of two groups that are all patients each is the other's rest: one comparison, not two, for p-values to pay for.
        """
        key = self.cell(first), self.cell(second)
        ordered = min(key), max(key)
        return self.comparisons.setdefault(ordered, len(self.comparisons)), 1 if key == ordered else -1


def compare_groups(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    groups: Mapping[str, Sequence[object]],
    *,
    minimum: int = 10,
    fpr: float = 0.1,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> tuple[GroupNumbers, ...]:
    """Judge an attack inside every group of every variable, and against all patients outside the group.

    Parameters
    ----------
    scores
        Attack scores, higher = member; [targets, patients], finite.
    members
        Membership; [targets, patients].
    partner
        Complementary target of each target, -1 if none; [targets].
    groups
        For every variable one label per patient; None, NaN and the empty string are the group `MISSING`.
    minimum
        Fewest members and fewest non-members a group must have in every target. Below it the numbers are None: they
        would be noise, and small cells point at people. Nor is a group compared with a rest that is so small.
    fpr
        False-positive budget of the rate.
    replicates, generator
        Bootstrap replicates, at least 100, and the source of their weights.

    Returns
    -------
    One entry per group and variable: largest difference first, then groups without a difference, the highest AUC first,
    then suppressed groups by name. The limits of `auc` and `tpr_at_fpr` are for each by itself.

    Raises
    ------
    ConfigError
        If there is not one label per patient, `minimum` is below one, or the scores are not usable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([True, False], (1, 40))
    >>> sex = ["F", "F", "M", "M"] * 20
    >>> scores = rng.normal(size=(1, 80)) + 3 * members * (np.array(sex) == "F")
    >>> worst, other = compare_groups(scores, members, np.array([-1]), {"sex": sex}, generator=rng)
    >>> worst.group, worst.difference.low > 0, other.difference.value == -worst.difference.value
    ('F', True, True)
    """
    masks = group_masks(scores, members, groups, minimum)
    gaps = {
        (gap.variable, gap.group): gap
        for gap in _gaps(scores, members, partner, masks, minimum, pairs=False, draw=(replicates, generator))
    }
    rows = []
    for variable, own_of in masks.items():
        for group, own in own_of.items():
            inside, outside = fewest_on_a_side(members, own)
            auc, rate = _NONE, RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=outside)
            if suppressed := min(inside, outside) < minimum:
                gap = None
            else:
                found = mean_over_targets(scores[:, own], members[:, own], partner, fprs=(fpr,))
                auc, rate, gap = found.auc, found.tpr_at_fpr[0], gaps.get((variable, group))
            rows.append(
                GroupNumbers(
                    variable=variable,
                    group=group,
                    patients=int(own.sum()),
                    members=inside,
                    non_members=outside,
                    auc=auc,
                    tpr_at_fpr=rate,
                    difference=gap.difference if gap else _NONE,
                    p_holm=gap.p_holm if gap else None,
                    suppressed=suppressed,
                )
            )
    return tuple(sorted(rows, key=_worst_first))


def group_gaps(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    groups: Mapping[str, Sequence[object]],
    *,
    pairs: bool = False,
    minimum: int = 10,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> tuple[GroupGap, ...]:
    """Compare the AUC of every group with that of all other patients, or of every other group of the same variable.

    Parameters
    ----------
    scores, members, partner, groups, minimum, replicates, generator
        As in `compare_groups`.
    pairs
        Compare every two groups of a variable, instead of every group with the rest.

    Returns
    -------
    The differences between sets of patients that reach the minimum, largest first; of two groups the more exposed
    stands first.

    Raises
    ------
    ConfigError
        As in `compare_groups`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([True, False], (1, 60))
    >>> site = ["A", "A", "B", "B", "C", "C"] * 20
    >>> scores = rng.normal(size=(1, 120)) + 3 * members * (np.array(site) == "B")
    >>> gaps = group_gaps(scores, members, np.array([-1]), {"site": site}, pairs=True, generator=rng)
    >>> [(gap.group, gap.other, gap.difference.low > 0) for gap in gaps][:2]
    [('B', 'C', True), ('B', 'A', True)]
    """
    masks = group_masks(scores, members, groups, minimum)
    return _gaps(scores, members, partner, masks, minimum, pairs=pairs, draw=(replicates, generator))


def group_masks(
    scores: FloatArray, members: BoolArray, groups: Mapping[str, Sequence[object]], minimum: int
) -> dict[str, dict[str, BoolArray]]:
    """Check everything; return the patients of every group of every variable, groups in the order of their names."""
    check_scores(scores, members)
    if minimum < 1:
        raise ConfigError(f"the smallest group with numbers has at least 1 patient on a side, asked for {minimum}.")
    masks = {}
    for variable, labels in groups.items():
        if len(labels) != members.shape[1]:
            raise ConfigError(
                f"one label per patient is needed: {members.shape[1]} patients, {len(labels)} labels of {variable!r}."
            )
        series = pd.Series(list(labels), dtype=object)
        names = series.mask(series.isna() | (series == ""), MISSING).astype(str)
        masks[variable] = {name: (names == name).to_numpy() for name in sorted(names.unique())}
    return masks


def fewest_on_a_side(members: BoolArray, own: BoolArray) -> tuple[int, int]:
    """Fewest members and fewest non-members among these patients in any target."""
    inside = members[:, own].sum(axis=1)
    return int(inside.min()), int(own.sum() - inside.max())


def _gaps(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    masks: Mapping[str, Mapping[str, BoolArray]],
    minimum: int,
    *,
    pairs: bool,
    draw: tuple[int, np.random.Generator],
) -> tuple[GroupGap, ...]:
    family = _Family(scores, members)
    found: list[tuple[str, str, str | None, int, int]] = []
    for variable, own_of in masks.items():
        rivals: list[tuple[str, str | None, BoolArray, BoolArray]]
        if pairs:
            rivals = [(one, other, own_of[one], own_of[other]) for one, other in combinations(own_of, 2)]
        else:
            rivals = [(name, None, own, ~own) for name, own in own_of.items()]
        for name, other, first, second in rivals:
            if min(*fewest_on_a_side(members, first), *fewest_on_a_side(members, second)) >= minimum:
                found.append((variable, name, other, *family.compare(first, second)))
    if not found:
        return ()
    replicates, generator = draw
    result = simultaneous_differences(
        family.cells, list(family.comparisons), pair_codes(partner), replicates=replicates, generator=generator
    )
    limits = np.column_stack([result.value, result.low, result.high])
    gaps = []
    for variable, name, other, at, sign in found:
        group, rival, (value, low, high) = name, other, limits[at] if sign > 0 else -limits[at, [0, 2, 1]]
        if other is not None and value < 0:
            group, rival, (value, low, high) = other, name, (-value, -high, -low)
        difference = Estimate(float(value), float(low), float(high))
        gaps.append((value, GroupGap(variable, group, rival, difference, float(result.p_holm[at]))))
    return tuple(gap for _, gap in sorted(gaps, key=lambda entry: -entry[0]))


def _worst_first(row: GroupNumbers) -> tuple[bool, float, float, str, str]:
    gap, auc = row.difference.value, row.auc.value
    lowest = float("inf")
    return (
        row.suppressed,
        lowest if gap is None else -gap,
        lowest if auc is None else -auc,
        row.variable,
        row.group,
    )
