import re

import pytest
from html_page import Page

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.html import render_html


def test_attacks_stand_under_what_they_see_the_highest_auc_first(page):
    links = [
        item["attrs"]["href"]
        for item in page.all("a")
        if item["attrs"]["href"].startswith("#attack-") and "details" in item["inside"]
    ]
    assert links == [f"#attack-{name}" for name in ("label_noise", "lira", "lira_offline", "loss", "grad_norm")]
    families = [item["text"] for item in page.all("th") if item["text"].startswith("Sees")]
    assert families == ["Sees predicted labels only", "Sees probabilities", "Sees the parameters (white-box)"]
    assert "chosen by the number of models, not by its result" in page.words


@pytest.mark.usefixtures("without_drawing")
def test_thirty_attacks_fit_on_one_page_with_six_curves(report_of_thirty):
    page = Page(render_html(report_of_thirty))
    assert len({item["attrs"]["href"] for item in page.all("a") if item["attrs"]["href"].startswith("#attack-")}) == 30
    assert sum(item["attrs"].get("id", "").startswith("attack-") for item in page.all("dl")) == 30
    assert "6 of 30 attacks: the headline attack" in page.words


def test_an_attack_shows_what_it_achieves_at_a_threshold_from_other_models(page):
    assert "41 %37–45 %at 11 % FPR" in page.row("LiRA, onlineheadline")
    detail = page.row("0.1 % FPR")
    assert detail.startswith("0.1 % FPR0 %0–1.9 % 0.18 %0–4.2 %")
    assert detail.count("at least") == 3


@pytest.mark.usefixtures("without_drawing")
def test_the_ppv_of_no_false_alarm_is_a_lower_limit_and_never_certainty(report):
    own = report.attacks[1].at_shadow_thresholds[2]
    assert all(ppv.value is None and ppv.high is None for ppv in own.ppv)
    attack = report.attacks[1].model_copy(update={"at_shadow_thresholds": (own,)})
    rows = Page(render_html(report.model_copy(update={"attacks": (attack,)})))
    assert "100 %" not in rows.row("0.1 % FPR")


@pytest.mark.usefixtures("without_drawing")
def test_a_threshold_without_evidence_is_a_dash(report):
    empty = Estimate(None, None, None)
    own = report.attacks[0].at_shadow_thresholds[0].model_copy(update={"tpr": empty, "achieved_fpr": empty, "ppv": ()})
    attack = report.attacks[0].model_copy(update={"at_shadow_thresholds": (own,)})
    page = Page(render_html(report.model_copy(update={"attacks": (attack,), "headline": "loss"})))
    assert page.row("Loss thresholdheadline").endswith("— ")
    assert "None" not in page.words


def test_the_union_names_the_attacks_that_find_members_alone(page):
    assert page.row("LiRA, online11") == "LiRA, online11 %"
    assert "the other 2 find fewer or none" in page.words


@pytest.mark.usefixtures("without_drawing")
def test_issues_come_before_the_numbers_and_other_checks_are_folded(report, page):
    section = next(item for item in page.all("section") if "checks" in item["attrs"]["class"])
    risk = next(item for item in page.all("section") if item["attrs"]["aria-labelledby"] == "risk")
    assert page.elements.index(section) < page.elements.index(risk)
    assert "GA001" in section["text"]
    assert not [code for code in ("GA002", "GA004", "GA008") if code in section["text"]]
    folded = next(item["text"] for item in page.all("details") if item["attrs"].get("id") == "all-checks")
    assert folded.strip().startswith("Checks of the evidence: 1 issue, 1 tip, 1 passed, 1 not applicable")
    assert folded.index("GA001") < folded.index("GA008") < folded.index("GA002")
    quiet = tuple(check for check in report.checks if check.status != "issue")
    assert "no issue found" in Page(render_html(report.model_copy(update={"checks": quiet}))).words


@pytest.mark.usefixtures("without_drawing")
def test_the_card_of_single_patients_is_measured_on_models_that_did_not_choose_them(report):
    text = render_html(report)
    cards = Page(re.search(r'<ul class="cards">.*?</ul>', text, flags=re.DOTALL).group().join(["<body>", "</body>"]))
    assert "Most exposed patient: AUC 0.95" in cards.words
    assert "measured on the other" in cards.words
    few = report.model_copy(update={"exposure": report.exposure.model_copy(update={"worst": ()})})
    assert "first of 400: read as an upper end" in Page(render_html(few)).words


def test_a_patient_is_shown_with_rank_interval_and_flag(page):
    assert (
        page.row("11–6P0007")
        == "11–6P0007PRAD20.990.93–1.00 2.972.47–3.47 86 % (not resolvable)76–93 % yesagain in 100 %"
    )
    assert "—" in page.row("21–8P0014")
    assert "noagain in 53 %" in page.row("97–22P0063")


def test_groups_are_shown_in_order_with_their_difference_and_bold_where_it_is_clear(page):
    rows = [item["text"] for item in page.all("tr")]
    places = [next(i for i, row in enumerate(rows) if row.startswith(name)) for name in ("PRAD40", "COAD90", "BRCA120")]
    assert places == sorted(places)
    assert "+0.09+0.03 to +0.15 < 0.001" in page.row("PRAD40")
    assert [item["text"].strip()[:5] for item in page.all("td") if item["attrs"].get("class") == "clear"] == [
        "+0.09",
        "−0.08",
    ]
    assert "femalemale" in page.row("female" + "male")


def test_bounds_stand_beside_their_relation_and_never_say_private(page):
    assert "0 means that nothing is refuted, not that it is private." in page.words
    assert page.row("1.23").startswith("1.23smaller ε refutedreplace-one")
    assert page.row("0nothing refuted").startswith("0nothing refutedreplace-one")
    gdp = page.row("2.39")
    assert "add/remove" in gdp
    assert "lower bound if the mechanism is GDP" in gdp
    assert "lower bound if the mechanism is GDP" not in page.row("0.73")


@pytest.mark.usefixtures("without_drawing")
def test_canaries_stand_beside_the_natural_patients(report, page):
    assert page.row("Label swapped").startswith("Label swapped50")
    assert page.row("Natural patients").startswith("Natural patientsmodels of the audit above400")
    natural = report.canaries.kinds[0].model_copy(update={"kind": "natural", "title": "Natural ones"})
    own = report.canaries.model_copy(update={"kinds": (*report.canaries.kinds, natural)})
    assert "models of the audit above" not in Page(render_html(report.model_copy(update={"canaries": own}))).words
    unknown = report.canaries.model_copy(update={"attack": "another"})
    assert "models of the audit above" not in Page(render_html(report.model_copy(update={"canaries": unknown}))).words


SECTIONS = {
    "union": (None, "All attacks together"),
    "checks": ((), "GA001"),
    "group_gaps": ((), "pair by pair"),
    "not_run": ((), "Attacks that did not run"),
    "canaries": (None, "invented patients"),
    "convergence": ((), "as if only the first models"),
    "stopped": (None, "Stopped at 64 models"),
    "self_test": (None, "Self-test"),
    "bounds": ((), "from the models of this audit"),
    "warnings": ((), "Notes on this audit"),
}


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("part", SECTIONS)
def test_a_part_that_is_absent_leaves_nothing_behind(report, page, part):
    nothing, words = SECTIONS[part]
    assert words in page.words
    without = Page(render_html(report.model_copy(update={part: nothing})))
    assert words not in without.words
    ids = {item["attrs"]["id"] for item in without.elements if "id" in item["attrs"]}
    assert {item["attrs"]["href"][1:] for item in without.all("a")} <= ids


EXPOSURE = {
    "flagging": (None, "patients are flagged"),
    "stability": (None, "Would other models name the same patients?"),
    "worst": ((), "averages hide it"),
    "calibration": (None, "Can a probability of membership be believed?"),
    "most_exposed": ((), "The 10 most exposed of 400"),
}


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("part", EXPOSURE)
def test_a_part_of_exposure_that_is_absent_leaves_nothing_behind(report, page, part):
    nothing, words = EXPOSURE[part]
    assert words in page.words
    exposure = report.exposure.model_copy(update={part: nothing})
    assert words not in Page(render_html(report.model_copy(update={"exposure": exposure}))).words


@pytest.mark.usefixtures("without_drawing")
def test_a_failed_self_test_is_said_in_the_heading(report):
    failed = report.self_test.model_copy(update={"passed": False})
    assert "Self-test: failed" in Page(render_html(report.model_copy(update={"self_test": failed}))).words


def test_a_report_without_optional_parts_says_so_in_few_words(minimal_report):
    page = Page(render_html(minimal_report))
    assert "This report has no numbers of single patients." in page.words
    assert "None" not in page.words
    assert not {"ε", "canar", "Self-test"} & {word for word in ("ε", "canar", "Self-test") if word in page.words}


@pytest.mark.usefixtures("without_drawing")
def test_a_release_audit_speaks_of_one_model_and_of_no_single_patient(release_report):
    text = render_html(release_report)
    page = Page(text)
    assert "Membership audit of one model" in text
    assert "for this model" in page.words
    for absent in ("target models", "pooled", "P0007", "pseudonym", "Most exposed patient", "One particular model"):
        assert absent not in page.words
    assert "This report has no numbers of single patients." in page.words
    targets = {item["attrs"]["href"][1:] for item in page.all("a")}
    assert targets <= {item["attrs"]["id"] for item in page.elements if "id" in item["attrs"]}


@pytest.mark.usefixtures("without_drawing")
def test_a_model_without_a_recipe_is_shown_without_words_of_reference_models(alone_report):
    page = Page(render_html(alone_report))
    for said in (
        "was attacked by itself: its recipe is not known",
        "net.safetensors, a torch model. 200 patients were its members, by file members.txt; 200 were not.",
        "patients of the same hospitals",
        "Attacks that compare a patient with other models. There is no [recipe].",
        "not known: no reference models were trained",
        "c0ffee",
    ):
        assert said in page.words
    for absent in ("None", "complementary pairs", "seed =", "refitted for every model"):
        assert absent not in page.words
