import re

import pytest
from html_page import Page
from sample_verdict import build_verdict

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.comparison import compare
from genoaudit.report.comparison_html import render_comparison
from genoaudit.report.comparison_terminal import print_comparison
from genoaudit.report.comparison_wording import comparison_heading, comparison_sentences
from genoaudit.report.wording import NBSP

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def safer(make_report):
    return make_report(separation=0.1, verdict=build_verdict("release"))


@pytest.fixture(scope="module")
def comparison(report, safer):
    return compare({"plain": report, "safer": safer})


def test_what_is_beyond_the_intervals_is_said_and_nothing_else(comparison, report):
    assert comparison_heading(comparison) == "Against plain, safer gives away less, beyond the intervals."
    (sentence,) = comparison_sentences(comparison)
    assert sentence.replace(NBSP, " ").startswith(
        "safer against plain: lower are the AUC over all patients, the share of members recognised; accuracy"
    )
    same = compare({"one": report, "two": report, "three": report})
    assert comparison_heading(same) == "No run differs from one in leakage beyond the intervals."
    assert all("lower" not in each and "higher" not in each for each in comparison_sentences(same))


def test_a_run_that_gives_away_more_is_named_so(report, safer):
    assert "plain gives away more" in comparison_heading(compare({"safer": safer, "plain": report}))


def test_the_page_shows_every_number_with_its_interval_and_its_side(comparison, report):
    page = Page(render_comparison(comparison))
    row = page.row("safer")
    assert "0.530.51–0.55▼ lower" in row
    assert "plainthe others are held against it93 %91–95 %0.770.75–0.79 41 %34–48 %" in page.row("plain")
    assert "release" in page.words
    assert "no policy was asked" in page.words
    assert "No pairing of models between runs is known" in page.words
    assert report.cohort.sha256[:16] in page.words


def test_the_page_loads_and_runs_nothing_and_names_are_text(report, safer):
    text = render_comparison(compare({HOSTILE: report, "b": safer}))
    page = Page(text)
    assert "<script" not in text
    assert HOSTILE in page.words
    assert not {"link", "img", "script"} & {item["tag"] for item in page.elements}
    assert len(page.all("caption")) == len(page.all("table")) == 3
    levels = [int(item["tag"][1]) for item in page.elements if re.fullmatch("h[1-6]", item["tag"])]
    assert levels == [1, 2, 2, 2, 2]


def test_warnings_come_before_the_numbers(report):
    elsewhere = report.model_copy(update={"cohort": report.cohort.model_copy(update={"sha256": "0" * 64})})
    words = Page(render_comparison(compare({"here": report, "there": elsewhere}))).words
    assert words.index("Not on the patients of here") < words.index("Usefulness and leakage")


def test_numbers_that_are_missing_are_dashes(report, release_report):
    bare = report.model_copy(
        update={
            "attacks": tuple(a.model_copy(update={"auc": Estimate(None, None, None)}) for a in report.attacks),
            "exposure": None,
        }
    )
    words = Page(render_comparison(compare({"a": bare, "b": release_report}))).words
    assert "None" not in words
    assert "—" in words


def test_the_terminal_shows_two_tables_that_fit_and_says_how_to_read_them(comparison, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    print_comparison(comparison, tmp_path / "page.html")
    shown = capsys.readouterr().out
    assert "safer  93 %      0.53 [0.51-0.55] lower" in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert "No pairing of models between runs is known" in shown
    assert f"  {tmp_path / 'page.html'}" in shown
    print_comparison(comparison, None)
    assert "Written" not in capsys.readouterr().out
