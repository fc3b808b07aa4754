"""Differences between groups: all intervals together hold the truth, and no group is accused by chance."""

import numpy as np
import pytest
from half_splits import stratified_half_split
from scipy import stats

from genoaudit.metrics.groups import group_gaps
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.simultaneous import auc_cell, simultaneous_differences

pytestmark = pytest.mark.statistical

AUDITS = 300
"""Enough to tell 95 % from 91 %: the standard error of a share of 0.95 is 1.3 %."""


def audits(*, targets, sizes, gain, patient, model=0.0, model_group=0.0, baseline=0.3, pairs=False, seed=0):
    """Share of audits in which every interval covers, and in which an equal group has an adjusted p of 5 % or less.

    A member of a target scores the gain of the group + patient effect + model effect above the patient's baseline, all
    normal: the AUC of a group is Phi(gain / standard deviation), that of others the mean of theirs by size.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    gain = np.broadcast_to(np.asarray(gain, dtype=float), len(sizes))
    auc = stats.norm.cdf(gain / np.sqrt(2 * baseline**2 + patient**2 + model**2 + model_group**2 + 2))
    rest = {str(g): np.average(np.delete(auc, g), weights=np.delete(sizes, g)) for g in range(len(sizes))}
    covered, accused = [], []
    for _ in range(AUDITS):
        members, partner = stratified_half_split(targets, group, rng)
        effect = gain[group] + patient * rng.normal(size=group.size)
        effect = effect + model * rng.normal(size=targets // 2).repeat(2)[:, None]
        effect = effect + model_group * rng.normal(size=(targets // 2, len(sizes))).repeat(2, axis=0)[:, group]
        scores = baseline * rng.normal(size=group.size) + members * effect + rng.normal(size=members.shape)
        variables = {"site": group.astype(str).tolist()}
        gaps = group_gaps(scores, members, partner, variables, pairs=pairs, replicates=200, generator=rng)
        truth = [auc[int(gap.group)] - (auc[int(gap.other)] if pairs else rest[gap.group]) for gap in gaps]
        covered.append(all(g.difference.low <= t <= g.difference.high for g, t in zip(gaps, truth, strict=True)))
        accused.append(any(g.p_holm <= 0.05 and abs(t) < 1e-9 for g, t in zip(gaps, truth, strict=True)))
    return np.mean(covered), np.mean(accused)


EQUAL = {
    "noise": {"targets": 8, "sizes": [20, 20, 30, 60], "gain": 0, "patient": 0},
    "one pair of models": {"targets": 2, "sizes": [20] * 6, "gain": 1, "patient": 0.5},
    "exposed patients": {"targets": 32, "sizes": [20, 20, 30, 60, 100], "gain": 1, "patient": 1, "model": 0.3},
    "small groups": {"targets": 24, "sizes": [20] * 10, "gain": 1, "patient": 1},
    "few models that favour groups": {
        "targets": 8,
        "sizes": [60] * 4,
        "gain": 1,
        "patient": 0.3,
        "model": 0.3,
        "model_group": 0.6,
    },
    "leaking nearly all": {"targets": 24, "sizes": [30] * 6, "gain": 3, "patient": 1},
}


@pytest.mark.parametrize("options", EQUAL.values(), ids=EQUAL)
def test_equal_groups_are_covered_together_and_rarely_accused(options):
    covered, accused = audits(**options)
    assert covered >= 0.93
    assert accused <= 0.06


@pytest.mark.parametrize("pairs", [False, True], ids=["against the rest", "pairs"])
def test_one_exposed_group_is_covered_together_with_the_others(pairs):
    covered, accused = audits(
        targets=16, sizes=[60, 60, 60, 30], gain=[1, 1, 1, 2.5], patient=1, model=0.3, pairs=pairs
    )
    assert covered >= 0.93
    assert accused <= 0.06


def test_a_group_that_is_far_more_exposed_is_found():
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(8), 30)
    found = []
    for _ in range(50):
        members, partner = stratified_half_split(16, group, rng)
        scores = members * (1 + 2 * (group == 3) + rng.normal(size=240)) + rng.normal(size=members.shape)
        worst = group_gaps(scores, members, partner, {"site": group.tolist()}, replicates=200, generator=rng)[0]
        found.append(worst.group == "3" and worst.p_holm <= 0.05 and worst.difference.low > 0)
    assert np.mean(found) >= 0.9


def test_intervals_that_each_hold_95_percent_would_not_hold_together():
    # Why the simultaneous ones are there: sixteen groups, equally exposed.
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(16), 24)
    comparisons = [(2 * g, 2 * g + 1) for g in range(16)]
    together, alone = [], []
    for _ in range(150):
        members, partner = stratified_half_split(16, group, rng)
        scores = members * (1 + rng.normal(size=group.size)) + rng.normal(size=members.shape)
        cells = [auc_cell(scores, members, own) for g in range(16) for own in (group == g, group != g)]
        found = simultaneous_differences(cells, comparisons, pair_codes(partner), replicates=200, generator=rng)
        together.append(((found.low <= 0) & (found.high >= 0)).all())
        alone.append((found.p > 0.05).all())
    assert np.mean(together) >= 0.93
    assert np.mean(alone) < 0.85
