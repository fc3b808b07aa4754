import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from genoaudit.errors import ConfigError
from genoaudit.metrics import roc

SMALL_SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12).map(np.array)
BUDGETS = st.sampled_from([0.0, 0.001, 0.1, 1 / 3, 0.5, 1.0])


def brute_rates(member_scores, non_member_scores):
    """(FPR, TPR) of every threshold, counted one by one; the last takes nobody."""
    thresholds = [*np.concatenate([member_scores, non_member_scores]), np.inf]
    return [(np.mean(non_member_scores >= t), np.mean(member_scores >= t)) for t in thresholds]


@given(SMALL_SCORES, SMALL_SCORES, BUDGETS)
def test_statistics_equal_brute_force_over_thresholds_and_pairs(member_scores, non_member_scores, fpr):
    rates = brute_rates(member_scores, non_member_scores)
    wins = [np.mean([(m > n) + (m == n) / 2 for n in non_member_scores]) for m in member_scores]
    assert roc.auc(member_scores, non_member_scores) == pytest.approx(np.mean(wins))
    lead = max(tpr - false for false, tpr in rates)
    assert roc.advantage(member_scores, non_member_scores) == pytest.approx(lead)
    assert roc.balanced_accuracy(member_scores, non_member_scores) == pytest.approx((1 + lead) / 2)
    best = max(tpr for false, tpr in rates if false <= fpr)
    tpr, achieved = roc.tpr_at_fpr(member_scores, non_member_scores, fpr=fpr)
    assert tpr == pytest.approx(best)
    assert achieved == pytest.approx(min(false for false, tpr in rates if tpr == best))


def test_auc_equals_scikit_learn_with_ties(rng):
    scores = np.round(rng.normal(size=200), 1)
    members = rng.random(200) < 0.4
    assert roc.auc(scores[members], scores[~members]) == pytest.approx(roc_auc_score(members, scores), rel=1e-14)


@given(SMALL_SCORES, SMALL_SCORES)
def test_exchanging_the_sides_mirrors_the_auc(member_scores, non_member_scores):
    there, back = roc.auc(member_scores, non_member_scores), roc.auc(non_member_scores, member_scores)
    assert there + back == pytest.approx(1)


@pytest.mark.parametrize("fpr", [0.0, 0.1, 0.999])
def test_constant_scores_say_nothing_whatever_the_order(fpr, rng):
    scores = np.full(40, 0.7)
    for _ in range(5):
        order = rng.permutation(40)
        inside, outside = scores[order[:15]], scores[order[15:]]
        assert roc.auc(inside, outside) == 0.5
        assert roc.advantage(inside, outside) == 0
        assert roc.tpr_at_fpr(inside, outside, fpr=fpr) == (0.0, 0.0)
    assert roc.tpr_at_fpr(scores[:15], scores[15:], fpr=1.0) == (1.0, 1.0)


def test_tied_scores_are_never_split_to_fit_the_budget():
    # One of ten non-members ties with both members: within 5 % nobody can be named, within 10 % everybody.
    outside = np.array([1.0] + [0.0] * 9)
    assert roc.tpr_at_fpr(np.array([1.0, 1.0]), outside, fpr=0.05) == (0.0, 0.0)
    assert roc.tpr_at_fpr(np.array([1.0, 1.0]), outside, fpr=0.1) == (1.0, 0.1)


def test_rounding_of_the_budget_costs_no_false_positive():
    # 0.29 * 100 is 28.999999999999996 in floating point; 29 of 100 is exactly 29 %.
    outside = np.arange(100.0)
    assert roc.tpr_at_fpr(np.array([70.5]), outside, fpr=0.29) == (1.0, 0.29)


def test_order_of_patients_changes_no_bit(rng):
    scores = np.round(rng.normal(size=60), 1)
    members = rng.random(60) < 0.5
    weights = rng.integers(0, 4, size=(20, 60))
    order = rng.permutation(60)
    one = roc.roc_statistics(scores, members, weights, fprs=(0.1, 0.3))
    two = roc.roc_statistics(scores[order], members[order], weights[:, order], fprs=(0.1, 0.3))
    for name in ("auc", "advantage", "tpr", "achieved_fpr"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_an_integer_weight_equals_that_many_copies_of_the_patient(rng, monkeypatch):
    monkeypatch.setattr(roc, "BLOCK", 100)  # several blocks of replicates
    scores = np.round(rng.normal(size=30), 1)
    members = rng.random(30) < 0.5
    weights = rng.integers(0, 4, size=(11, 30))
    found = roc.roc_statistics(scores, members, weights, fprs=(0.05, 0.3))
    for row, weight in enumerate(weights):
        copies = np.repeat(np.arange(30), weight)
        inside, outside = scores[copies][members[copies]], scores[copies][~members[copies]]
        assert found.auc[row] == roc.auc(inside, outside)
        assert found.advantage[row] == roc.advantage(inside, outside)
        for column, fpr in enumerate((0.05, 0.3)):
            assert (found.tpr[row, column], found.achieved_fpr[row, column]) == roc.tpr_at_fpr(inside, outside, fpr=fpr)


def test_a_replicate_without_one_side_is_nan_not_a_number():
    weights = np.array([[1, 1, 1], [0, 0, 3], [2, 1, 0]])
    found = roc.roc_statistics(np.array([2.0, 1.0, 0.0]), np.array([True, True, False]), weights, fprs=(0.5,))
    np.testing.assert_array_equal(np.isnan(found.auc), [False, True, True])
    np.testing.assert_array_equal(np.isnan(found.advantage), [False, True, True])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused_not_dropped(bad):
    with pytest.raises(ConfigError, match=r"1 of 4 scores are not finite \(first: position \(1,\)\)"):
        roc.auc(np.array([0.0, bad]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])], ids=["no member", "no non-member"])
def test_a_side_without_patients_is_refused(sides):
    with pytest.raises(ConfigError, match="one side only"):
        roc.auc(*map(np.array, sides))


def test_shapes_must_agree():
    with pytest.raises(ConfigError, match="same shape"):
        roc.check_scores(np.zeros((2, 3)), np.zeros((3, 2), dtype=bool))


@pytest.mark.parametrize(
    ("fpr", "n_out", "shown", "resolvable"),
    [
        (0.1, 100, True, True),
        (0.1, 99, True, False),
        (0.01, 1000, True, True),
        (0.001, 10_000, True, True),
        (0.01, 100, True, False),
        (0.01, 99, False, False),
        (0.001, 301, False, False),
    ],
)
def test_a_rate_needs_one_non_member_to_be_shown_and_ten_to_be_evidence(fpr, n_out, shown, resolvable):
    assert roc.is_shown(fpr, n_out) is shown
    assert roc.is_resolvable(fpr, n_out) is resolvable
