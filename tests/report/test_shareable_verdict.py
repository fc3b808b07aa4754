"""A verdict is retold, never quoted."""

import pytest
from sample_report import build_report
from sample_summary import build_full_report, build_members, build_patients, build_summary

from genoaudit.report.shareable import summarise_for_sharing
from genoaudit.report.shareable_patients import Patients, shared_variables
from genoaudit.report.shareable_verdict import shared_verdict


@pytest.fixture(scope="module")
def criteria():
    return {criterion.key: criterion for criterion in build_summary(build_full_report()).verdict.criteria}


def test_numbers_about_many_are_rounded_and_limits_outwards(criteria):
    told = criteria["attacks.auc"]
    assert (told.value, told.at_least, told.at_most, told.subject) == (0.77, 0.74, 0.8, "LiRA, online")


def test_numbers_about_few_are_bands_and_name_nobody(criteria):
    told = criteria["worst_patient.auc"]
    assert told.lies_in.low == 0.9
    assert (told.value, told.at_least, told.at_most, told.subject) == (None, None, None, None)


def test_the_most_exposed_group_has_no_number_where_a_group_is_hidden(criteria):
    assert criteria["worst_group.auc"].lies_in is None
    about = Patients(build_patients(), build_members())
    report = build_full_report()
    complete = tuple(variable for variable in shared_variables(report, about) if variable.complete)
    told = {found.key: found for found in shared_verdict(report, complete, enough=True).criteria}
    assert told["worst_group.auc"].lies_in.low == 0.8


@pytest.mark.parametrize("key", ["bounds.audited_epsilon", "evidence.non_members", "utility.balanced_accuracy"])
def test_counts_and_what_is_not_known_to_be_about_many_are_left_out(criteria, key):
    told = criteria[key]
    assert (told.value, told.at_least, told.at_most, told.lies_in) == (None, None, None, None)
    assert told.threshold is not None


def test_outcomes_stay(criteria):
    verdict = build_full_report().verdict
    assert [told.outcome for told in criteria.values()] == [criterion.outcome for criterion in verdict.criteria]
    summary = build_summary(build_full_report())
    assert (summary.verdict.decision, summary.verdict.policy) == ("hold", "standard")


def test_means_over_classes_are_numbers_where_all_classes_are_shown():
    table = build_patients().assign(**{"group: class": "one"})
    about = Patients(table, build_members())
    told = shared_verdict(build_full_report(), shared_variables(build_report(), about), enough=True)
    assert {found.key: found.value for found in told.criteria}["utility.balanced_accuracy"] == 0.9


def test_no_sentence_of_the_report_is_quoted():
    text = summarise_for_sharing(build_full_report(), build_patients(), build_members()).to_json()
    for quoted in ("397", "island", "P0007", "0.7712", "0.0123"):
        assert quoted not in text


def test_without_a_policy_there_is_no_verdict():
    assert build_summary().verdict is None
