import re
from itertools import pairwise

import pytest
from html_page import Page

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.html import render_html
from genoaudit.report.sections import Exposure

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_the_same_report_gives_the_same_bytes(report, make_report):
    assert render_html(report) == render_html(make_report())


def test_a_report_read_back_from_json_gives_the_same_page(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(report.to_json(), encoding="utf-8")
    read = type(report).read(path)
    assert render_html(read) == render_html(type(report).model_validate_json(read.to_json()))


def test_the_page_loads_nothing_and_runs_nothing(report):
    text = render_html(report)
    page = Page(text)
    addresses = [element["attrs"].get(name) for element in page.elements for name in ("src", "href")]
    assert all(address.startswith("#") for address in addresses if address)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {item["tag"] for item in page.elements}
    assert not re.findall(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    assert "@import" not in text
    assert not [name for item in page.elements for name in item["attrs"] if name.startswith("on")]


def test_the_security_policy_comes_before_anything_it_governs(page):
    names = [element["tag"] for element in page.elements]
    policy = next(e for e in page.all("meta") if e["attrs"].get("http-equiv") == "Content-Security-Policy")
    assert policy["attrs"]["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy["attrs"]["content"]
    assert page.elements.index(policy) < names.index("style")


def test_the_page_is_small_and_marked_confidential(report, report_of_thirty):
    text = render_html(report)
    assert len(text.encode()) < 200_000
    assert len(render_html(report_of_thirty).encode()) < 350_000
    assert "CONFIDENTIAL" in text
    assert "(confidential)</title>" in text


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize(
    "place", ["class", "variable", "group", "gap", "label", "source", "warning", "check", "bound", "parameter", "name"]
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
        }[place]
    )
    text = render_html(report, names={patient.pseudonym: HOSTILE} if place == "name" else None)
    assert "<script" not in text
    assert "<img" not in text
    assert "alert('x')" in Page(text).words


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("place", ["source", "members_by", "non_members_from", "what", "why"])
def test_hostile_words_about_a_given_model_are_text(alone_report, place):
    changed = {
        "target": alone_report.target.model_copy(update={place: HOSTILE}),
        "not_tested": (alone_report.not_tested[0].model_copy(update={place: HOSTILE}),),
    }
    text = render_html(alone_report.model_copy(update=changed))
    assert "<script" not in text
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
        "Headline numbers",
        "Notes on this audit",
        "Attacks",
        "Patients",
        "Classes and groups",
        "What is proved: lower bounds on ε",
        "Were there enough models?",
        "Self-test: passed",
        "Utility",
        "Cohort and design",
        "What was not tested",
        "How to read this",
        "How to reproduce",
    ]


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
    assert len(figures) == 4
    assert all(item["attrs"]["aria-hidden"] == "true" for item in page.all("svg") if item not in figures)


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("which", ["report", "minimal_report", "release_report", "alone_report", "report_of_thirty"])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(which, request):
    text = render_html(request.getfixturevalue(which))
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
