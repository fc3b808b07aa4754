"""Is some group of patients more exposed than others? Members of a group against non-members of the same group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.roc import check_scores

MISSING = "(missing)"
"""The group of patients without a label: they are reported, never dropped."""


@dataclass(frozen=True)
class GroupNumbers:
    """The leakage of one group of patients, mean over targets.

    Parameters
    ----------
    group
        The label, or `MISSING`.
    patients
        Patients with the label.
    members, non_members
        The fewest of them that were members (non-members) of a target.
    auc
        Members of the group against its non-members; no value where the group is too small.
    tpr_at_fpr
        The same for the rate within one false-positive budget.
    """

    group: str
    patients: int
    members: int
    non_members: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr


def group_table(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    labels: Sequence[object],
    *,
    minimum: int = 10,
    fpr: float = 0.1,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> tuple[GroupNumbers, ...]:
    """Judge an attack inside every group of patients.

    Comparing within a group keeps apart two things that a pooled comparison mixes: being exposed, and being easy or
    hard to classify.

    Parameters
    ----------
    scores
        Attack scores, higher = member; [targets, patients], finite.
    members
        Membership; [targets, patients].
    partner
        Complementary target of each target, -1 if none; [targets].
    labels
        One label per patient; None, NaN and the empty string are the group `MISSING`; [patients].
    minimum
        Fewest members and fewest non-members a group must have in every target. Below it the numbers are None: they
        would be noise, and small cells point at people.
    fpr
        False-positive budget of the rate.
    replicates, generator
        Bootstrap replicates and the source of their weights.

    Returns
    -------
    One entry per group, sorted by label.

    Raises
    ------
    ConfigError
        If there is not one label per patient, `minimum` is below one, or the scores are not usable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([True, False], (1, 30))
    >>> rows = group_table(members + rng.normal(size=(1, 60)), members, np.array([-1]), ["F"] * 50 + ["M"] * 10,
    ...                    generator=rng)
    >>> [(row.group, row.patients, row.auc.value is None) for row in rows]
    [('F', 50, False), ('M', 10, True)]
    """
    check_scores(scores, members)
    if len(labels) != members.shape[1]:
        raise ConfigError(f"one label per patient is needed: {members.shape[1]} patients, {len(labels)} labels.")
    if minimum < 1:
        raise ConfigError(f"the smallest group with numbers has at least 1 patient on a side, asked for {minimum}.")
    series = pd.Series(list(labels), dtype=object)
    names = series.mask(series.isna() | (series == ""), MISSING).astype(str)
    rows = []
    for name in sorted(names.unique()):
        own = (names == name).to_numpy()
        held = members[:, own]
        inside, outside = int(held.sum(axis=1).min()), int((~held).sum(axis=1).min())
        if min(inside, outside) < minimum:
            auc = Estimate(None, None, None)
            rate = RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=outside)
        else:
            found = mean_over_targets(
                scores[:, own], held, partner, fprs=(fpr,), replicates=replicates, generator=generator
            )
            auc, rate = found.auc, found.tpr_at_fpr[0]
        rows.append(GroupNumbers(name, int(own.sum()), inside, outside, auc, rate))
    return tuple(rows)
