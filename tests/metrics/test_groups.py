import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics.groups import MISSING, compare_groups, group_gaps
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.roc import auc


@pytest.fixture
def cohort(half_split, rng):
    members, partner = half_split(6, 140, rng)
    labels = ["B"] * 60 + ["A"] * 65 + ["tiny"] * 6 + [None] * 4 + [float("nan")] * 3 + [""] * 2
    return rng.normal(size=members.shape) + members * (np.array(labels, dtype=object) == "A"), members, partner, labels


def table(scores, members, partner, labels, **options):
    options = {"replicates": 100, "generator": np.random.default_rng(0)} | options
    rows = compare_groups(scores, members, partner, {"": labels}, **options)
    return sorted(rows, key=lambda row: row.group)


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
    headline = mean_over_targets(scores, members, partner, fprs=(0.1,))
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


def groups_of(cohort, **more):
    labels = cohort[3]
    return {"site": labels, "sex": ["F", "M"] * 70} | more


def compared(cohort, groups, **options):
    options = {"replicates": 200, "generator": np.random.default_rng(0)} | options
    return compare_groups(*cohort[:3], groups, **options)


def gaps_of(cohort, groups, **options):
    options = {"replicates": 200, "generator": np.random.default_rng(0)} | options
    return group_gaps(*cohort[:3], groups, **options)


def test_the_difference_is_from_all_other_patients(cohort):
    scores, members, _, labels = cohort
    own = np.array(labels, dtype=object) == "A"
    both = [
        np.mean([auc(s[side & m], s[side & ~m]) for s, m in zip(scores, members, strict=True)]) for side in (own, ~own)
    ]
    row = compared(cohort, groups_of(cohort))[0]
    assert (row.variable, row.group) == ("site", "A")
    assert row.difference.value == pytest.approx(both[0] - both[1])
    assert row.difference.low < row.difference.value < row.difference.high
    assert 0 < row.p_holm < 0.05  # with six models the limits are wide; Holm steps down and may reject a little more


def test_the_worst_comes_first_and_the_suppressed_last(cohort):
    rows = compared(cohort, groups_of(cohort))
    shown = [row.difference.value for row in rows if not row.suppressed]
    assert shown == sorted(shown, reverse=True)
    assert [row.suppressed for row in rows] == [False] * 4 + [True] * 2
    assert [row.group for row in rows[4:]] == [MISSING, "tiny"]


def test_suppressed_groups_say_nothing_and_widen_nothing(cohort):
    rows = compared(cohort, groups_of(cohort))
    for row in rows[4:]:
        assert row.difference.value is row.difference.low is row.difference.high is row.p_holm is row.auc.value is None
    tiny = compared(cohort, groups_of(cohort, batch=[f"b{i // 10}" for i in range(140)]))
    assert [row for row in tiny if row.variable != "batch"][:4] == list(rows[:4])


def test_a_group_whose_rest_is_too_small_shows_no_difference_that_would_show_the_rest(cohort):
    rows = compared(cohort, {"arm": ["most"] * 125 + ["few"] * 15})
    assert [(row.group, row.suppressed) for row in rows] == [("most", False), ("few", True)]
    assert rows[0].auc.value is not None
    assert rows[0].difference.value is rows[0].p_holm is None


def test_two_groups_that_are_everybody_are_one_comparison(cohort):
    sex = {"sex": ["F", "M"] * 70}
    one, other = compared(cohort, sex)
    assert (one.difference.value, one.difference.low) == (-other.difference.value, -other.difference.high)
    assert one.p_holm == other.p_holm
    again = compared(cohort, sex | {"the same by another name": ["f", "m"] * 70})
    assert again[0].p_holm == one.p_holm
    assert again[0].difference == one.difference


def test_more_groups_widen_the_intervals_of_all(cohort, rng):
    alone = compared(cohort, {"sex": ["F", "M"] * 70})[0]
    more = {f"v{i}": rng.integers(0, 3, 140).tolist() for i in range(8)}
    among = next(
        r for r in compared(cohort, groups_of(cohort, **more)) if (r.variable, r.group) == ("sex", alone.group)
    )
    assert among.difference.value == alone.difference.value
    assert among.difference.low < alone.difference.low
    assert among.p_holm >= alone.p_holm
    assert among.auc.value == alone.auc.value


def test_pairs_compare_every_two_groups_of_a_variable_the_more_exposed_first(cohort):
    scores, members, _, _ = cohort
    site = np.array(["A"] * 50 + ["B"] * 45 + ["C"] * 45)
    found = gaps_of(cohort, {"site": site.tolist(), "sex": ["F", "M"] * 70}, pairs=True)
    pairs = {frozenset((gap.group, gap.other)) for gap in found}
    assert pairs == {frozenset(pair) for pair in (("A", "B"), ("A", "C"), ("B", "C"), ("F", "M"))}
    assert len(found) == 4
    mean = {
        name: np.mean([auc(s[own & m], s[own & ~m]) for s, m in zip(scores, members, strict=True)])
        for name, own in [(n, site == n) for n in "ABC"]
    }
    for gap in found:
        assert gap.difference.low <= gap.difference.value <= gap.difference.high
        assert gap.difference.value >= 0
        if gap.variable == "site":
            assert gap.difference.value == pytest.approx(mean[gap.group] - mean[gap.other])
    values = [gap.difference.value for gap in found]
    assert values == sorted(values, reverse=True)


def test_without_a_group_there_is_nothing_to_compare(cohort):
    assert gaps_of(cohort, {"all": ["all"] * 140}) == ()
    assert compared(cohort, {}) == ()
    (row,) = compared(cohort, {"all": ["all"] * 140})
    assert row.auc.value is not None
    assert row.difference.value is row.p_holm is None
    with pytest.raises(ConfigError, match="2 labels of 'sex'"):
        compared(cohort, {"sex": ["F", "M"]})
