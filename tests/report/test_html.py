import base64
import hashlib
import re
from importlib.resources import files
from itertools import pairwise

import pytest
from html_page import Page
from sample_patients import build_patients, build_release_patients
from sample_verdict import build_given_model, build_verdict

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.html import render_html
from genoaudit.report.release_sections import NotTested
from genoaudit.report.risk import risk_of
from genoaudit.report.sections import Exposure
from genoaudit.report.wording import NBSP

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_the_same_report_gives_the_same_bytes(report, make_report):
    assert render_html(report) == render_html(make_report())


def test_a_report_read_back_from_json_gives_the_same_page(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(report.to_json(), encoding="utf-8")
    read = type(report).read(path)
    assert render_html(read) == render_html(type(report).model_validate_json(read.to_json()))


def test_the_page_loads_nothing_and_runs_nothing_but_its_own_script(report, patients):
    text = render_html(report, patients=patients)
    page = Page(text)
    addresses = [element["attrs"].get(name) for element in page.elements for name in ("src", "href")]
    assert all(address.startswith("#") for address in addresses if address)
    assert not {"link", "img", "iframe", "object", "form", "base"} & {item["tag"] for item in page.elements}
    assert not re.findall(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    assert "@import" not in text
    assert not [name for item in page.elements for name in item["attrs"] if name.startswith("on")]
    assert [script["attrs"].get("type") for script in page.all("script")] == ["application/json", None]


def test_the_security_policy_comes_before_anything_it_governs_and_allows_the_script_by_its_digest(report):
    text = render_html(report)
    page = Page(text)
    names = [element["tag"] for element in page.elements]
    policy = next(e for e in page.all("meta") if e["attrs"].get("http-equiv") == "Content-Security-Policy")
    script = re.search(r"<script>(.*?)</script>", text, flags=re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy["attrs"]["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert page.elements.index(policy) < min(names.index("style"), names.index("script"))


def test_the_script_parses_nothing_as_html_and_keeps_nothing():
    script = (files("genoaudit.report") / "templates" / "report.js").read_text(encoding="utf-8")
    assert "</script" not in script
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "Storage",
    ):
        assert forbidden not in script
    for forbidden in ("fetch(", "XMLHttpRequest", "WebSocket", "cookie", "import("):
        assert forbidden not in script


def test_the_page_is_small_and_marked_confidential(report, patients, report_of_thirty):
    text = render_html(report, patients=patients)
    assert len(text.encode()) < 300_000
    many = build_patients(10_000, tuple(f"cancer type number {number}" for number in range(33)))
    assert len(render_html(report_of_thirty, patients=many).encode()) < 1_500_000
    assert "CONFIDENTIAL" in text
    assert "(confidential)</title>" in text


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize(
    "place",
    [
        *("class", "variable", "group", "gap", "label", "source", "warning", "check", "bound", "parameter", "name"),
        *("reason", "not tested", "model"),
    ],
)
def test_hostile_names_are_text(report, place):
    cohort, recipe = report.cohort, report.recipe
    size, group, patient = cohort.classes[0], report.groups[0], report.exposure.most_exposed[0]
    report = report.model_copy(
        update={
            "class": {
                "cohort": cohort.model_copy(update={"classes": (size.model_copy(update={"name": HOSTILE}),)}),
                "exposure": report.exposure.model_copy(
                    update={"most_exposed": (patient.model_copy(update={"class_name": HOSTILE}),)}
                ),
            },
            "variable": {"groups": (group.model_copy(update={"variable": HOSTILE}),)},
            "group": {"groups": (group.model_copy(update={"value": HOSTILE}),)},
            "label": {"cohort": cohort.model_copy(update={"label": HOSTILE})},
            "source": {"cohort": cohort.model_copy(update={"source": HOSTILE})},
            "warning": {"warnings": (HOSTILE,)},
            "gap": {"group_gaps": (report.group_gaps[0].model_copy(update={"other": HOSTILE}),)},
            "check": {"checks": tuple(check.model_copy(update={"summary": HOSTILE}) for check in report.checks)},
            "bound": {"bounds": (report.bounds[0].model_copy(update={"on": HOSTILE}),)},
            "parameter": {"recipe": recipe.model_copy(update={"parameters": {HOSTILE: {"a": [HOSTILE]}}})},
            "name": {},
            "reason": {"verdict": build_verdict("hold", reasons=(HOSTILE,), policy=HOSTILE)},
            "not tested": {"not_tested": (NotTested(what=HOSTILE, why=HOSTILE),)},
            "model": {"target": build_given_model(source=HOSTILE)},
        }[place]
    )
    table = build_patients(40, (HOSTILE, "b"), names=[HOSTILE] * 40)
    shown = dict.fromkeys((*table["pseudonym"], patient.pseudonym), HOSTILE)
    text = render_html(report, patients=table, names=shown if place == "name" else None)
    assert text.count("<script") == 2
    assert "<img" not in text
    assert "alert('x')" in Page(text).words


@pytest.mark.usefixtures("without_drawing")
def test_identifiers_are_nowhere_in_the_page_unless_names_are_given(report):
    table = build_patients(40)
    names = dict(zip(table["pseudonym"], table["patient_id"], strict=True))
    plain, named = render_html(report, patients=table), render_html(report, patients=table, names=names)
    assert not [patient for patient in table["patient_id"] if patient in plain]
    assert all(patient in named for patient in table["patient_id"])


@pytest.mark.parametrize("place", ["source", "members_by", "non_members_from", "what", "why"])
def test_hostile_words_about_a_given_model_are_text(alone_report, place):
    changed = {
        "target": alone_report.target.model_copy(update={place: HOSTILE}),
        "not_tested": (alone_report.not_tested[0].model_copy(update={place: HOSTILE}),),
    }
    text = render_html(alone_report.model_copy(update=changed))
    assert HOSTILE not in text
    assert "<img" not in text
    assert "alert('x')" in Page(text).words


@pytest.mark.usefixtures("without_drawing")
def test_pseudonyms_stand_for_patients_unless_names_are_given(report):
    worst = report.exposure.most_exposed[0].pseudonym
    second = report.exposure.most_exposed[1].pseudonym
    plain = Page(render_html(report)).words
    named = Page(render_html(report, names={worst: "TCGA-XX-0001"})).words
    assert worst in plain
    assert "TCGA-XX-0001" not in plain
    assert "TCGA-XX-0001" in named
    assert worst not in named
    assert second in named
    assert "with patients' identifiers" in named
    assert "with patients' identifiers" not in plain


def test_the_sections_come_in_the_order_in_which_questions_arise(page):
    assert [element["text"] for element in page.all("h2")] == [
        "Members can be told from non-members.",
        "1 issue to settle before relying on these numbers",
        "The risk in plain words",
        "How well attackers tell members from others",
        "Patients: who is exposed",
        "Classes and groups",
        "Guarantee and evidence",
        "What the model is good for",
        "What was not tested",
        "How to reproduce",
        "Details",
    ]


def test_the_contents_list_the_numbered_sections_in_their_order(page):
    (contents,) = [item for item in page.all("nav") if item["attrs"]["aria-label"] == "Contents"]
    links = [item["attrs"]["href"][1:] for item in page.all("a") if "nav" in item["inside"]]
    parts = [item["attrs"]["aria-labelledby"] for item in page.all("section") if item["attrs"]["class"] == "part"]
    assert contents["text"].strip()
    assert links == parts


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("decision", ["release", "hold", "undecidable"])
def test_a_verdict_comes_first_with_its_reasons_and_every_criterion(report, decision):
    verdict = build_verdict(decision)
    text = render_html(report.model_copy(update={"verdict": verdict}))
    page = Page(text)
    assert page.all("h2")[0]["text"].startswith(f"{decision.capitalize()}: ")
    assert page.all("title")[0]["text"].startswith(f"{decision.capitalize()}: ")
    (section,) = [item for item in page.all("section") if item["attrs"]["class"].startswith("verdict")]
    assert section["attrs"]["class"] == f"verdict {decision}"
    assert all(reason in section["text"].replace(NBSP, " ") for reason in verdict.reasons)
    (folded,) = [item for item in page.all("details") if item["attrs"].get("id") == "criteria"]
    assert all(criterion.reason in folded["text"].replace(NBSP, " ") for criterion in verdict.criteria)
    assert verdict.policy_sha256 in folded["text"]
    assert "4 criteria: 1 not met, 1 undecided, 1 not refuted, 1 met." in section["text"]
    outcomes = [item["text"] for item in page.all("span") if item["attrs"].get("class", "").startswith("outcome")]
    assert outcomes == ["× not met", "? undecided", "– not refuted", "✓ met"]


def test_headings_do_not_skip_levels(page):
    levels = [int(element["tag"][1]) for element in page.elements if re.fullmatch("h[1-6]", element["tag"])]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_tables_can_be_read_without_seeing_them(page):
    assert len(page.all("caption")) == len(page.all("table")) > 0
    assert all(cell["attrs"].get("scope") in {"col", "row", "rowgroup"} for cell in page.all("th"))
    assert page.all("html")[0]["attrs"]["lang"] == "en"
    figures = [item for item in page.all("svg") if item["attrs"].get("role") == "img"]
    assert len(figures) == 3
    # The axis stands in a row that is hidden as a whole.
    others = [item for item in page.all("svg") if item not in figures and item["attrs"].get("class") != "axis"]
    assert all(item["attrs"]["aria-hidden"] == "true" for item in others)


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("which", ["report", "minimal_report", "release_report", "alone_report", "report_of_thirty"])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(which, request):
    table = build_release_patients() if which == "release_report" else build_patients()
    text = render_html(request.getfixturevalue(which), patients=table)
    for table in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
        widths = {
            sum(int(span or 1) for span in re.findall(r"<t[hd](?:(?! colspan)[^>])*(?: colspan=\"(\d+)\")?[^>]*>", row))
            for row in re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)
        }
        assert len(widths) == 1


def test_ids_are_unique_and_every_link_inside_the_page_leads_somewhere(page):
    ids = [element["attrs"]["id"] for element in page.elements if "id" in element["attrs"]]
    targets = {element["attrs"]["href"][1:] for element in page.all("a")}
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)
    assert targets


def test_every_attack_is_shown_with_its_numbers_and_what_its_attacker_knows(report, page):
    for attack in report.attacks:
        assert f"{attack.auc.value:.3f}" in page.words
        assert f"{attack.pooled.auc.value:.3f}" in page.words
        assert attack.threat_model in page.words
        assert attack.reference in page.words


def test_rates_that_cannot_be_resolved_are_marked_and_rates_that_cannot_be_measured_are_not_shown(page):
    assert "(not resolvable)" in page.words
    cells = [item["text"] for item in page.all("td") if "not measurable" in item["text"]]
    assert set(cells) == {"not measurablewith 200 non-members", "not measurablewith 400 non-members"}


@pytest.mark.usefixtures("without_drawing")
def test_the_card_does_not_quote_an_unresolvable_rate(report):
    rate = RateAtFpr(0.1, 0.08, 0.4321, 0.11, 0.87, resolvable=False, n_out=60)
    attacks = tuple(attack.model_copy(update={"tpr_at_fpr": (rate,)}) for attack in report.attacks)
    text = render_html(report.model_copy(update={"attacks": attacks}))
    cards = re.search(r'<ul class="cards">.*?</ul>', text, flags=re.DOTALL).group()
    assert "not resolvable" in cards
    assert "43" not in cards


def test_the_risk_is_said_in_plain_words_with_the_numbers_of_the_report(report, page):
    risk = risk_of(report)
    for sentence in (risk.reach, risk.accusations):
        assert re.sub(r"\s+", " ", sentence) in page.words
    shown = [item["attrs"]["d"].count("M") for item in page.all("path") if item["attrs"].get("class") == "right"]
    missing = [item["attrs"]["d"].count("M") for item in page.all("path") if item["attrs"].get("class") == "wrong"]
    assert shown == [odds.shown for odds in risk.odds]
    assert [right + wrong for right, wrong in zip(shown, missing, strict=True)] == [100, 100, 100]


@pytest.mark.usefixtures("without_drawing")
def test_the_first_patients_of_one_model_stand_in_the_page_without_its_script(release_report):
    table = build_release_patients()
    page = Page(render_html(release_report, patients=table))
    rows = [row["text"] for row in page.all("tr") if table["pseudonym"][0] in row["text"]]
    assert len(rows) == 1
    assert all(any(pseudonym in row["text"] for row in page.all("tr")) for pseudonym in table["pseudonym"][:20])
    assert not any(table["pseudonym"][20] in row["text"] for row in page.all("tr"))


@pytest.mark.usefixtures("without_drawing")
def test_what_is_known_of_the_recipe_is_kept_apart_from_one_given_model(release_report, report):
    both = release_report.model_copy(update={"exposure": report.exposure})
    page = Page(render_html(both, patients=build_release_patients()))
    said = page.words
    assert said.index("whom the attacker would name first") < said.index("Whom the recipe exposes")
    assert said.index("this is about the recipe") < said.index("The most exposed patients, chosen on one half")
    assert "Most exposed patient (of the recipe): AUC" in said
    assert "Whom the recipe exposes" not in Page(render_html(report, patients=build_patients())).words


def test_versions_and_digests_are_those_of_the_run(report):
    versions = {"genoaudit": "0.1.0", "numpy": "2.4.6"}
    target = build_given_model()
    words = Page(render_html(report.model_copy(update={"target": target}), versions=versions)).words
    assert "genoaudit 0.1.0, report schema 1.0, numpy 2.4.6" in words
    assert target.sha256 in words


def test_small_groups_are_not_shown(page):
    row = next(item["text"] for item in page.all("tr") if item["text"].startswith("THCA15not"))
    assert row == "THCA15not shown: too few members or non-members in some model"


def test_what_did_not_run_is_said_with_its_reason(report, page):
    assert report.not_run[0].reason in page.words


def test_utility_of_members_and_non_members_stand_side_by_side(page):
    row = next(item["text"] for item in page.all("tr") if item["text"].startswith("Accuracy"))
    assert re.sub(r"\s+", " ", row) == "Accuracy99.8 %98–100 %93 %91–95 %+6.8 points"


def test_what_is_needed_to_repeat_the_audit_is_there(report, page):
    assert report.cohort.sha256 in page.words
    assert "seed = 0" in page.words
    assert 'kind = "mlp"' in page.words
    assert "hidden = [128]" in page.words


def test_a_report_with_nothing_in_it_still_renders(report):
    empty = Estimate(None, None, None)
    side = report.utility.members.model_copy(
        update=dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "auroc"), empty)
    )
    bare = report.model_copy(
        update={
            "attacks": (),
            "headline": None,
            "groups": (),
            "warnings": (),
            "not_run": (),
            "exposure": Exposure(
                auc_quantiles={}, most_exposed=(), flagging=None, stability=None, worst=(), calibration=None
            ),
            **dict.fromkeys(("union", "canaries", "stopped", "self_test")),
            **dict.fromkeys(("group_gaps", "bounds", "convergence", "checks"), ()),
            "utility": report.utility.model_copy(update={"members": side, "non_members": side}),
        }
    )
    words = Page(render_html(bare)).words
    assert "too little evidence" in words
    assert "No attack could be run." in words
    assert "None" not in words.replace("None of", "")


@pytest.mark.usefixtures("without_drawing")
def test_an_attack_without_intervals_still_renders(report):
    bare = Estimate(0.6, None, None)
    attack = report.attacks[1].model_copy(update={"auc": bare, "balanced_accuracy": bare, "advantage": bare})
    assert "not available" in Page(render_html(report.model_copy(update={"attacks": (attack,)}))).words
