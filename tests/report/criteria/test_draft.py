import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.criteria.draft import Adjusted, Limit, Sides, auc_limit, rate_draft, said

CLOSE = Estimate(0.62, 0.56, 0.68, 0.57, 0.67)
FLOOR = Limit("utility.accuracy", "accuracy", 0.8, "share", floor=True)


def test_the_far_limit_passes_and_the_near_one_is_beyond():
    for threshold, outcome, beyond in ((0.67, "pass", False), (0.669, "open", False), (0.57, "open", False)):
        draft = auc_limit("attacks.auc", threshold).of("LiRA", CLOSE)
        assert (draft.outcome, draft.beyond) == (outcome, beyond)
    draft = auc_limit("attacks.auc", 0.569).of("LiRA", CLOSE)
    assert (draft.outcome, draft.beyond) == ("open", True)
    assert draft.p_value < 0.05


def test_a_floor_is_the_mirror_image():
    for value, outcome, beyond in ((0.86, "pass", False), (0.82, "open", False), (0.72, "open", True)):
        draft = FLOOR.of("On others", Estimate(value, value - 0.06, value + 0.06, value - 0.05, value + 0.05))
        assert (draft.outcome, draft.beyond) == (outcome, beyond)
        assert (draft.p_value < 0.05) == beyond


def test_every_outcome_is_said_with_the_limit_that_decides():
    limit = auc_limit("attacks.auc", 0.6)
    leaky = Estimate(0.79, 0.765, 0.815, 0.77, 0.81)
    assert (
        limit.of("LiRA", leaky).say("fail", Adjusted(1e-9, 4)) == "LiRA: AUC 0.79, at least 0.77 (95 %), allowed 0.60."
    )
    silent = Estimate(0.52, 0.5, 0.54, 0.505, 0.535)
    assert limit.of("LiRA", silent).say("pass", None) == "LiRA: AUC 0.52, at most 0.54 (95 %), allowed 0.60."
    assert limit.of("LiRA", CLOSE).say("open", None) == (
        "LiRA: AUC 0.62, at least 0.57 and at most 0.67 (95 % each), allowed 0.60: too close to call."
    )
    assert limit.of("LiRA", leaky).say("open", Adjusted(0.071, 12)) == (
        "LiRA: AUC 0.79, at least 0.77 (95 %), allowed 0.60, but not clearly beyond among 12 criteria "
        "(adjusted p = 0.071)."
    )
    good, bad = (Estimate(v, v - 0.03, v + 0.03, v - 0.02, v + 0.02) for v in (0.92, 0.7))
    assert (
        FLOOR.of("On others", good).say("pass", None)
        == "On others: accuracy 92 %, at least 90 % (95 %), asked for 80 %."
    )
    assert (
        FLOOR.of("On others", bad).say("fail", None) == "On others: accuracy 70 %, at most 72 % (95 %), asked for 80 %."
    )


def test_without_a_number_a_criterion_is_open():
    draft = auc_limit("attacks.auc", 0.6).of("LiRA", Estimate(None, None, None))
    assert (draft.outcome, draft.p_value, draft.threshold) == ("open", None, 0.6)
    assert draft.say("open", None) == "LiRA: AUC could not be measured."


def test_the_two_sided_interval_stands_in_for_missing_limits_on_the_wide_side():
    alone = Estimate(CLOSE.value, CLOSE.low, CLOSE.high)
    for threshold in (0.58, 0.565, 0.669, 0.675, 0.69, 0.4):
        narrow, wide = (auc_limit("attacks.auc", threshold).of("LiRA", number) for number in (CLOSE, alone))
        assert wide.outcome in {narrow.outcome, "open"}
        assert narrow.beyond >= wide.beyond
        assert narrow.p_value <= wide.p_value + 1e-9 or threshold > CLOSE.value


def rate(tpr, n_out, *, fpr=0.1):
    return RateAtFpr(fpr, fpr, tpr, tpr - 0.05, tpr + 0.05, fpr * n_out >= 10, n_out, tpr - 0.04, tpr + 0.04)


def test_only_resolvable_rates_are_read():
    clear = rate_draft(
        "attacks", "LiRA", (rate(0.4, 300), rate(0.2, 300, fpr=0.01)), (0.1, 0.2), Sides("members", "non-members")
    )
    assert (clear.key, clear.beyond, clear.number.at_least) == ("attacks.tpr_at_fpr.0.1", True, pytest.approx(0.36))
    blurred = rate_draft("attacks", "LiRA", (rate(0.4, 60),), (0.1, 0.2), Sides("members", "non-members"))
    assert (blurred.outcome, blurred.beyond) == ("open", False)
    assert "cannot be resolved with 60 non-members" in blurred.say("open", None)
    other = rate_draft("attacks", "LiRA", (rate(0.4, 300),), (0.05, 0.2), Sides("members", "non-members"))
    assert (
        other.say("open", None)
        == "LiRA: the share of members recognised at 5 % false alarms was not measured (budgets that were: 10 %)."
    )


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["auc", "share"]))
def test_two_numbers_that_differ_are_never_said_alike(number, beside, unit):
    if abs(number - beside) > 1e-4:
        assert said(number, beside, unit) != said(beside, beside, unit)
