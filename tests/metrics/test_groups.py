import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics.groups import MISSING, group_table
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.roc import auc


@pytest.fixture
def cohort(half_split, rng):
    members, partner = half_split(6, 140, rng)
    labels = ["B"] * 60 + ["A"] * 65 + ["tiny"] * 6 + [None] * 4 + [float("nan")] * 3 + [""] * 2
    return rng.normal(size=members.shape) + members * (np.array(labels, dtype=object) == "A"), members, partner, labels


def table(scores, members, partner, labels, **options):
    options = {"replicates": 100, "generator": np.random.default_rng(0)} | options
    return group_table(scores, members, partner, labels, **options)


def test_groups_are_sorted_complete_and_missing_labels_are_one_group(cohort):
    rows = table(*cohort)
    assert [row.group for row in rows] == [MISSING, "A", "B", "tiny"]
    assert [row.patients for row in rows] == [9, 65, 60, 6]


def test_a_group_is_judged_by_its_own_patients_alone(cohort):
    scores, members, _, labels = cohort
    row = next(row for row in table(*cohort) if row.group == "A")
    own = np.array(labels, dtype=object) == "A"
    expected = [auc(s[own & m], s[own & ~m]) for s, m in zip(scores, members, strict=True)]
    assert row.auc.value == pytest.approx(np.mean(expected))
    assert row.members == (members & own).sum(axis=1).min()
    assert row.non_members == (~members & own).sum(axis=1).min() == row.tpr_at_fpr.n_out
    assert row.auc.low < row.auc.value < row.auc.high


def test_one_group_of_everybody_is_the_headline(cohort):
    scores, members, partner, _ = cohort
    (row,) = table(scores, members, partner, ["all"] * 140)
    headline = mean_over_targets(
        scores, members, partner, fprs=(0.1,), replicates=100, generator=np.random.default_rng(0)
    )
    assert (row.auc, row.tpr_at_fpr) == (headline.auc, headline.tpr_at_fpr[0])


def test_groups_too_small_on_a_side_have_no_numbers(cohort):
    rows = {row.group: row for row in table(*cohort)}
    for name in ("tiny", MISSING):
        rate = rows[name].tpr_at_fpr
        assert rows[name].auc.value is rows[name].auc.low is rows[name].auc.high is None
        assert rate.tpr is rate.low is rate.high is rate.achieved_fpr is None
        assert not rate.resolvable


def test_the_minimum_is_on_each_side_of_every_target(cohort):
    scores, members, partner, _ = cohort
    labels = np.where(np.arange(140) < 100, "some", "rest").tolist()
    members = members.copy()
    some = np.flatnonzero(members[0, :100])
    members[0, some[9:]] = False  # nine members left in one target
    row = table(scores, members, partner, labels)[1]
    assert (row.group, row.members, row.auc.value) == ("some", 9, None)
    assert table(scores, members, partner, labels, minimum=9)[1].auc.value is not None


def test_unusable_input_is_refused(cohort):
    scores, members, partner, labels = cohort
    with pytest.raises(ConfigError, match="140 patients, 139 labels"):
        table(scores, members, partner, labels[:-1])
    with pytest.raises(ConfigError, match="at least 1 patient"):
        table(scores, members, partner, labels, minimum=0)
    with pytest.raises(ConfigError, match="not finite"):
        table(scores * np.nan, members, partner, labels)
