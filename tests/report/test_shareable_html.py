"""The page that may be shared."""

import re

import pytest
from html_page import Page
from sample_report import build_minimal_report, build_release_report, build_report, build_report_of_thirty
from sample_summary import build_full_report, build_members, build_patients, build_summary

from genoaudit.report.shareable import summarise_for_sharing
from genoaudit.report.shareable_html import render_summary
from genoaudit.report.wording import NBSP

HOSTILE = "<script>alert('x')</script>&\"<b>"


@pytest.fixture(scope="module")
def text():
    return render_summary(build_summary(build_full_report()))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_says_first_that_it_may_be_shared_and_what_was_decided(page):
    words = page.words
    order = [
        "MAY BE SHARED",
        "Hold: the policy “standard” is not met.",
        "Members can be told from non-members.",
        "What was removed, and why",
    ]
    assert [words.index(said) for said in order] == sorted(words.index(said) for said in order)
    assert "CONFIDENTIAL" not in words


def test_the_risk_is_said_in_plain_words(page):
    assert "an attacker who wrongly accuses 10 % of the non-members recognises 41 % of the members" in page.words
    assert "guessing would recognise 10 %" in page.words
    assert "it was not measured" in page.words  # the extrapolation to all patients


def test_every_part_of_a_summary_has_its_place(page):
    assert page.row("LiRA, online0").startswith("LiRA, online0.77")
    assert page.row("female").startswith("female230")
    assert page.row("0.9 or above")
    assert page.row("LiRA, onlineAUC").startswith("LiRA, onlineAUC 0.77")
    assert "LiRA, online: AUC 0.77, at least 0.74 (95 %), allowed 0.60." in page.words.replace(NBSP, " ")
    assert page.row("Label swapped")
    assert page.row("all (extrapolated)")
    assert page.row("all together")
    assert page.row("Balanced accuracy") == "Balanced accuracynot shownnot shown"
    for said in ("GA001", "Self-test", "every ε below 1 is refuted", "ε = 8", "Attacks on gradients", "lira_fixed"):
        assert said in page.words


def test_long_lists_are_folded_and_short_ones_are_not(page):
    def folded(page):
        return [item["text"] for item in page.all("details") if "open" not in item["attrs"]]

    assert folded(page) == []
    report = build_report_of_thirty()
    verdict = build_full_report().verdict
    many = verdict.model_copy(update={"criteria": 3 * verdict.criteria})
    long = Page(render_summary(build_summary(report.model_copy(update={"verdict": many}))))
    criteria, attacks = folded(long)
    assert criteria.strip().startswith("All 18 criteria")
    assert attacks.strip().startswith("The other 20 attacks")
    assert "Loss threshold" in attacks
    assert all(attack.title in long.words for attack in report.attacks)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(text):
    assert "default-src 'none'" in text
    for tag in ("<script", "<img", "<link", "src=", "http://", "@import", "url(h"):
        assert tag not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_paper_is_not_marked_confidential(text):
    assert text.rindex('content: "MAY BE SHARED"') > text.rfind('content: "CONFIDENTIAL"')


@pytest.mark.parametrize("place", ["label", "group", "variable", "policy"])
def test_names_from_outside_stay_text(place):
    report, patients = build_full_report(), build_patients()
    if place == "label":
        report = report.model_copy(update={"cohort": report.cohort.model_copy(update={"label": HOSTILE})})
    elif place == "policy":
        report = report.model_copy(update={"verdict": report.verdict.model_copy(update={"policy": HOSTILE})})
    elif place == "group":
        patients["group: sex"] = patients["group: sex"].replace("male", HOSTILE)
    else:
        patients = patients.rename(columns={"group: sex": f"group: {HOSTILE}"})
    text = render_summary(summarise_for_sharing(report, patients, build_members()))
    assert "<script" not in text
    assert HOSTILE in Page(text).all("body")[0]["text"]


def test_a_tiny_cohort_has_a_page_that_says_why_it_is_nearly_empty():
    summary = summarise_for_sharing(build_report(), build_patients().head(15), build_members(15))
    words = Page(render_summary(summary)).words
    assert "There are too few patients to show anything." in words
    assert "nothing has been found safe" in words
    assert "nothing that rests on them is shown" in words
    assert not re.search(r"0\.\d\d", words)


def test_a_replay_is_for_checking_only():
    words = Page(render_summary(build_summary(pseudonyms="from the seed"))).words
    assert "FOR CHECKING ONLY" in words
    assert "MAY BE SHARED" not in words


@pytest.mark.parametrize("report", [build_minimal_report(), build_release_report()])
def test_reports_with_few_parts_have_a_page(report):
    assert Page(render_summary(build_summary(report))).all("h1")


def test_nothing_hidden_is_said_to_be_nothing():
    table = build_patients().drop(columns=["group: class", "group: site"])
    summary = summarise_for_sharing(build_report(), table, build_members())
    assert "Nothing had to be hidden." in Page(render_summary(summary)).words


def test_the_same_summary_gives_the_same_bytes(text):
    assert render_summary(build_summary(build_full_report())) == text
