"""Criteria of a summary in plain words."""

import pytest
from sample_report import build_report
from sample_summary import build_full_report, build_summary

from genoaudit.report.shareable_criteria import criterion_text, deciding
from genoaudit.report.shareable_sections import Band, SharedCriterion, SharedVerdict
from genoaudit.report.wording import NBSP


def criterion(key, outcome="fail", threshold=None, **changes):
    numbers = dict.fromkeys(("subject", "value", "at_least", "at_most", "lies_in"))
    return SharedCriterion(key=key, threshold=threshold, outcome=outcome, **{**numbers, **changes})


def said(found, summary=None):
    return criterion_text(found, summary or build_summary()).replace(NBSP, " ")


def test_a_number_is_told_with_its_limits_and_rates_as_percentages():
    found = {"value": 0.41, "at_least": 0.35, "at_most": 0.48}
    assert said(criterion("attacks.tpr_at_fpr.0.1", threshold=0.2, subject="LiRA, online", **found)) == (
        "LiRA, online: 41 % of members recognised at 10 % false alarms, at least 35 % (95 %), allowed 20 %."
    )
    assert said(criterion("utility.accuracy", "pass", 0.8, value=0.93, at_least=0.9, at_most=0.95)) == (
        "On patients not seen: accuracy 93 %, at least 90 % (95 %), asked for 80 %."
    )
    assert said(criterion("utility.accuracy", "fail", 0.8, value=0.7, at_least=0.66, at_most=0.74)) == (
        "On patients not seen: accuracy 70 %, at most 74 % (95 %), asked for 80 %."
    )
    near = {"value": 0.61, "at_least": 0.58, "at_most": 0.64}
    assert said(criterion("attacks.auc", "open", 0.6, subject="RMIA", **near)) == (
        "RMIA: AUC 0.61, at least 0.58 and at most 0.64 (95 % each), allowed 0.60."
    )
    assert said(criterion("attacks.auc", "pass", 0.7, subject="RMIA", **near)) == (
        "RMIA: AUC 0.61, at most 0.64 (95 %), allowed 0.70."
    )


def test_a_number_about_few_is_told_as_a_band():
    assert said(criterion("worst_patient.auc", threshold=0.75, lies_in=Band(low=0.9, high=None))) == (
        "Whoever is most exposed: AUC 0.9 or above, allowed 0.75."
    )
    assert said(criterion("worst_patient.tpr_at_fpr.0.05", threshold=0.5, lies_in=Band(low=None, high=0.6))) == (
        "Whoever is most exposed: below 60 % of models with the patient recognised at 5 % false alarms, allowed 50 %."
    )


@pytest.mark.parametrize(
    ("key", "threshold", "outcome", "sentence"),
    [
        ("bounds.epsilon", 8.0, "pass", "The guarantee: ε, allowed 8: met."),
        (
            "bounds.audited_epsilon",
            8.0,
            "silent",
            "lower bound of ε from the audit, allowed 8: not refuted.",
        ),
        ("bounds.tpr_at_fpr.0.01", 0.125, "fail", "at 1 % false alarms, allowed 12.5 %: not met."),
        ("bounds.end_to_end", None, "fail", "The guarantee: covers the whole pipeline: not met."),
        (
            "evidence.non_members",
            1024.0,
            "open",
            "The audit: number of non-members of a model, asked for 1,024: undecided.",
        ),
        ("theory.alarm", None, "fail", "The guarantee: nothing was found that it excludes: not met."),
        ("of.tomorrow", None, "open", "The policy: of.tomorrow: undecided."),
    ],
)
def test_what_has_no_number_is_told_by_what_is_asked(key, threshold, outcome, sentence):
    assert said(criterion(key, outcome, threshold)).endswith(sentence)


def test_attacks_that_are_not_named_are_told_by_what_they_are():
    full, plain = build_summary(build_full_report()), build_summary(build_report())
    rate = criterion("attacks.tpr_at_fpr.0.1", "open", 0.2)
    assert said(rate, plain).startswith("Every attack: ")
    assert said(rate, full).startswith("Every attack: ")
    assert said(criterion("attacks.auc", threshold=0.6, value=0.8), full).startswith("All releases together: ")


def test_what_decides_is_told_one_of_every_kind_before_more_and_the_furthest_beyond_first():
    keys = ("attacks.auc", "attacks.auc", "evidence.models", "worst_group.auc", "attacks.auc")
    outcomes = ("fail", "fail", "open", "fail", "pass")
    criteria = tuple(
        criterion(key, outcome, 0.05, value=place / 10)
        for place, (key, outcome) in enumerate(zip(keys, outcomes, strict=True))
    )

    def order(decision):
        return [found.value for found in deciding(SharedVerdict(decision=decision, policy="p", criteria=criteria))]

    assert order("hold") == [0.3, 0.1, 0.0]
    assert order("undecidable") == [0.2]
    assert order("release") == []
