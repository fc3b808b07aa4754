import pytest
from html_page import Page
from judged import quiet, verdict
from sample_report import build_report

from genoaudit.report.html import render_html

pytestmark = pytest.mark.usefixtures("without_drawing")

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def judged(report, **tables):
    return Page(render_html(report.model_copy(update={"verdict": verdict(report, **tables)})))


def test_the_verdict_and_its_reasons_come_before_the_answer():
    page = judged(build_report(), attacks={"auc": 0.6})
    words = page.words
    assert "Hold: the policy “ours” is not met." in words
    assert words.index("LiRA, online: AUC 0.77, at least 0.75 (95 %), allowed 0.60.") < words.index(
        "Members can be told from non-members."
    )
    (section,) = [item for item in page.all("section") if item["attrs"].get("class") == "verdict hold"]
    assert section["attrs"]["aria-labelledby"] == "verdict"


def test_every_criterion_stands_in_the_table():
    page = judged(quiet(), worst_patient={"auc": 0.99}, evidence={"models": 64})
    assert page.row("worst_patient.auc").startswith("worst_patient.aucThe most exposed patient≤ 0.990.950.90 to 0.98")
    assert page.row("evidence.models").startswith("evidence.modelsModels≥ 6464")
    assert "✓ met" in page.row("evidence.models")


def test_without_a_policy_there_is_no_verdict():
    page = Page(render_html(build_report()))
    assert not [item for item in page.all("section") if "verdict" in item["attrs"].get("class", "")]


def test_hostile_names_in_reasons_are_text():
    group = build_report().worst_group.model_copy(update={"value": HOSTILE})
    page = judged(build_report(worst_group=group), worst_group={"auc": 0.5})
    assert "img" not in {item["tag"] for item in page.elements}
    assert HOSTILE in page.words


def test_of_many_reasons_five_stand_open_and_the_rest_is_folded():
    found = verdict(build_report(), attacks={"auc": 0.5, "tpr_at_fpr": {"0.1": 0.1}})
    page = Page(render_html(build_report().model_copy(update={"verdict": found})))
    assert len(found.reasons) > 5
    assert f"and {len(found.reasons) - 5} more" in page.words
    assert all(reason in page.words for reason in found.reasons)
