import pytest
from sample_verdict import build_verdict, criterion

from genoaudit.report.verdict_wording import OUTCOMES, by_outcome, verdict_count, verdict_heading


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ("release", "Release: every criterion of the policy “standard” is met."),
        ("hold", "Hold: the policy “standard” is not met."),
        ("undecidable", "Undecidable: this evidence does not settle the policy “standard”."),
    ],
)
def test_the_heading_says_the_decision_first_and_never_that_a_model_is_safe(decision, said):
    assert verdict_heading(build_verdict(decision)) == said


def test_criteria_are_counted_by_what_came_of_them():
    several = build_verdict(criteria=(criterion("pass"), criterion("pass"), criterion("open")))
    assert verdict_count(several) == "3 criteria: 1 undecided, 2 met."
    assert verdict_count(build_verdict(criteria=(criterion("fail"),))) == "1 criterion: 1 not met."
    assert verdict_count(build_verdict(criteria=())) == "0 criteria: none judged."


def test_what_decides_comes_first_and_otherwise_the_order_of_the_policy_stays():
    criteria = tuple(criterion(outcome, key=str(n)) for n, outcome in enumerate(("pass", "open", "fail", "open")))
    found = by_outcome(build_verdict(criteria=criteria).criteria)
    assert [(each.outcome, each.key) for each in found] == [("fail", "2"), ("open", "1"), ("open", "3"), ("pass", "0")]
    assert list(OUTCOMES) == ["fail", "open", "silent", "pass"]
