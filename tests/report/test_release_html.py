"""The page of a release's hard cases."""

import pytest
from html_page import Page
from sample_release import PROMISE, build_full_size_report, build_joint_report, control

from genoaudit.report.html import render_html

pytestmark = pytest.mark.usefixtures("without_drawing")


def page_of(report):
    text = render_html(report)
    return Page(text.replace("\N{NO-BREAK SPACE}", " ")), text


def test_a_model_trained_on_everybody_has_the_trend_first_and_says_what_was_not_measured():
    page, _ = page_of(build_full_size_report(guarantee=PROMISE))
    headings = [item["text"] for item in page.all("h2")]
    contents = [item["text"] for item in page.all("a") if item["attrs"]["href"].startswith("#")]
    assert contents[1] == "Trained on everybody"
    assert headings.index(next(text for text in headings if text.startswith("The model was trained on everybody"))) < (
        headings.index("The risk in plain words")
    )
    assert "3603200.75" in page.row("90 %")
    last = page.row("all patients")
    assert "extrapolated" in last
    assert "none" in last
    assert "0.74" in last
    assert "was not measured" in page.words
    assert "Trained on all patients: Training by DP-SGD promises" in page.words
    assert "What the trend makes of a model trained on all of them stands first" in page.words


def test_several_releases_stand_in_a_table_of_their_own():
    page, text = page_of(build_joint_report())
    assert "0.82" in page.row("All together")
    assert "0.74" in page.row("2023")
    assert "0.77" in page.row("This model alone")
    assert "<b>release</b>" not in text
    assert "20 patients are left out" in page.words
    assert "several releases trained on the same patients" not in page.words


def test_what_is_said_of_the_recipe_is_said_not_to_be_of_the_model():
    page, text = page_of(build_joint_report())
    words = page.words
    assert "this is about the recipe, and not about this model in particular" in words  # single patients
    assert "About the recipe, not this model. The bounds come from the reference models" in words
    assert "Most exposed patient (of the recipe)" in words
    assert "Lower bounds from the reference models" in words
    assert "per-patient numbers under pseudonyms" in words
    assert "<i>same</i>" not in text
    recipe, _ = page_of(build_full_size_report())
    assert "About the recipe" not in recipe.words


def test_what_an_attacker_gets_without_the_model_stands_beside_the_headline():
    page, _ = page_of(build_joint_report())
    assert "Without the model: AUC by expression alone" in page.words
    assert "0.51 by covariates, chance: below 0.57" in page.words
    assert "Non-members from: the <i>same</i> hospital, 2022" in page.words
    biased, _ = page_of(build_joint_report().model_copy(update={"checks": (control(0.81, status="issue"),)}))
    assert "but without the model as well" in biased.all("h2")[0]["text"]


def test_models_of_a_random_split_are_not_said_to_hold_everybody_half_of_the_time():
    report = build_joint_report()
    design = report.design.model_copy(update={"kind": "random_split", "pairs": 0, "members_per_model": (360, 360)})
    page, _ = page_of(report.model_copy(update={"design": design}))
    assert "which take turns to leave patients out" in page.words
    assert "complementary pairs" not in page.words
    assert "is a member of half of the models" not in page.words


def test_one_given_model_of_a_simulated_cohort_is_not_said_to_be_the_demos():
    report = build_joint_report()
    simulated = report.cohort.model_copy(update={"source": "simulated"})
    page, _ = page_of(report.model_copy(update={"cohort": simulated, "design": None, "recipe": None}))
    assert "genoaudit demo" not in page.words
    assert "genoaudit audit CONFIG.toml --out RUN" in page.words
