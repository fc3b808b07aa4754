import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoaudit.metrics import influence, roc

COPIES = 20_000


@pytest.fixture(params=["ties", "no ties"])
def audit(request, rng):
    scores, members = rng.normal(size=(3, 40)), rng.random((3, 40)) < 0.4
    return (np.round(scores, 1) if request.param == "ties" else scores), members


def by_hand(scores, members, statistic):
    """Differentiate: one more copy of one score among thousands of each, over the weight of that copy."""
    weights = np.full((1 + scores.size, scores.size), COPIES)
    weights[1:] += np.eye(scores.size, dtype=int)
    found = statistic(roc.roc_statistics(scores, members, weights))
    return (found[1:] - found[0]) * COPIES


def test_counts_equal_comparisons_one_by_one(audit):
    scores, members = audit
    at = influence.standing(scores, members)
    higher, equal = scores[:, None, :] > scores[:, :, None], scores[:, None, :] == scores[:, :, None]
    for own, above, within in ((members, at.true_above, at.true), (~members, at.false_above, at.false)):
        np.testing.assert_array_equal(above, (higher & own[:, None]).sum(axis=2))
        np.testing.assert_array_equal(within, ((higher | equal) & own[:, None]).sum(axis=2))


def test_influences_on_the_auc_are_its_derivatives(audit):
    scores, members = audit
    found = influence.area(influence.standing(scores, members))
    for row in range(3):
        side = np.where(members[row], members[row].sum(), (~members[row]).sum())
        expected = by_hand(scores[row], members[row], lambda statistics: statistics.auc) * np.sqrt(side / (side - 1))
        np.testing.assert_allclose(found.influence[row], expected, rtol=1e-3, atol=1e-6)


def test_influences_on_the_advantage_are_its_derivatives(rng):
    scores, members = rng.normal(size=(1, 40)), np.arange(40)[None] < 17
    scores = scores + members  # one threshold is best by more than a copy
    found = influence.lead(influence.standing(scores, members))
    expected = by_hand(scores[0], members[0], lambda statistics: statistics.advantage)
    np.testing.assert_allclose(found.influence[0], expected, rtol=1e-3, atol=1e-6)


@given(
    st.lists(st.integers(-3, 3), min_size=4, max_size=12), st.integers(0, 2**12), st.sampled_from([0.1, 0.34, 0.5, 1])
)
def test_values_equal_the_statistics_of_one_target(scores, coins, fpr):
    scores = np.array(scores, dtype=float)
    members = (coins >> np.arange(scores.size)) % 2 == 1
    members[:2] = True, False
    at = influence.standing(scores[None], members[None])
    sides = scores[members], scores[~members]
    alarms = roc.allowed_alarms(fpr, at.n_out)
    assert influence.area(at).value[0] == pytest.approx(roc.auc(*sides))
    assert influence.lead(at).value[0] == pytest.approx(roc.advantage(*sides))
    rate, achieved = roc.tpr_at_fpr(*sides, fpr=fpr)
    assert influence.hit_rate(at, alarms).value[0] == pytest.approx(rate)
    assert at.fewest_alarms(alarms)[0] / at.n_out[0] == pytest.approx(achieved)


def test_influences_add_up_to_nothing_in_every_row(audit):
    at = influence.standing(*audit)
    alarms = at.n_out // 4
    for found in (
        influence.area(at),
        influence.lead(at),
        influence.hit_rate(at, alarms),
        influence.alarm_rate(at, alarms),
    ):
        np.testing.assert_allclose(found.influence.sum(axis=1), 0, atol=1e-12)


def test_alarms_vary_like_independent_non_members_tied_or_not(audit):
    at = influence.standing(*audit)
    alarms = at.n_out // 4
    found = influence.alarm_rate(at, alarms)
    share = alarms / at.n_out
    np.testing.assert_allclose((found.influence**2).sum(axis=1), share * (1 - share) / at.n_out)
    assert np.all(found.influence[at.members] == 0)


def test_a_constant_score_has_no_influence_anywhere():
    at = influence.standing(np.zeros((1, 6)), np.arange(6)[None] < 3)
    for found in (influence.area(at), influence.lead(at), influence.alarm_rate(at, np.array([1]))):
        np.testing.assert_array_equal(found.influence, 0)
