import re
from itertools import pairwise

import pytest
from html_page import Page
from sample_reconstruct import build_hostile_reconstruct, build_reconstruct, with_named, with_vanished
from sample_sweep import build_sweep

from genoaudit.report.reconstruct_figure import headline_figure
from genoaudit.report.reconstruct_html import render_reconstruct
from genoaudit.report.reconstruct_result import CellReconstruction, ReconstructReport
from genoaudit.report.sweep_html import render_sweep
from genoaudit.report.wording import NBSP


@pytest.fixture(scope="module")
def text():
    return render_reconstruct(build_reconstruct())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture
def without_drawing(monkeypatch):
    monkeypatch.setattr("genoaudit.report.reconstruct_html.headline_figure", lambda _: "<svg></svg>")


def test_the_same_report_gives_the_same_bytes_also_when_read_back(text):
    report = build_reconstruct()
    assert render_reconstruct(report) == text
    read = ReconstructReport.model_validate_json(report.to_json())
    assert read.to_json() == report.to_json()


def test_the_page_loads_nothing_and_runs_nothing(text, page):
    addresses = [element["attrs"].get(name) for element in page.elements for name in ("src", "href")]
    assert all(address.startswith("#") for address in addresses if address)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {item["tag"] for item in page.elements}
    assert not re.findall(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    assert len(text.encode()) < 200_000
    assert "CONFIDENTIAL" in text


@pytest.mark.usefixtures("without_drawing")
def test_hostile_names_are_text():
    text = render_reconstruct(build_hostile_reconstruct())
    assert "<script" not in text
    assert "<img" not in text
    assert "<script>alert('x')" in Page(text).words


def test_the_answer_comes_first(page):
    heading = page.all("h2")[0]["text"]
    assert heading.startswith("The attacks tried no longer read profiles off updates at ε 1000 and below")


def test_each_budget_has_its_row(page):
    row = page.row("ε 1e9")
    assert "promises nothing" in row
    assert "0.998" in row
    assert "promises nothing" not in page.row("ε 8")


def test_a_share_above_its_bound_by_chance_is_remarked_and_one_beyond_chance_is_an_alarm():
    report = build_reconstruct(recipes=("mlp",), budgets=(1.0, 8.0, None))
    assert "above the bound" not in render_reconstruct(report)
    by_chance = Page(render_reconstruct(with_named(report, 1.0, 4)))
    assert "above the bound, by chance" in by_chance.row("ε 1")
    assert "by no more than chance" in by_chance.words
    assert "ALARM" not in by_chance.words
    beyond = Page(render_reconstruct(with_named(report, 1.0, 30)))
    assert beyond.all("h2")[0]["text"] == "More was identified than the mechanism allows."
    assert "ALARM: on mlp at ε 1, 30 of 40 patients were named from 100 candidates" in beyond.words
    assert "above the bound: ALARM" in beyond.row("ε 1")


def test_a_vanished_gradient_is_no_number_and_no_protection():
    report = build_reconstruct(recipes=("mlp",), budgets=(8.0, None))
    page = Page(render_reconstruct(with_vanished(report, vanished=1.0)))
    attacks = page.words[page.words.index("Every attack") :].replace(NBSP, " ")
    assert "vanishedno gradient for 100 %" in attacks.replace(" no", "no")
    assert "which is no protection by the budget" in attacks
    half = Page(render_reconstruct(with_vanished(report, vanished=0.25)))
    assert "no gradient for 25" in half.words
    assert "Vanished:" not in Page(render_reconstruct(report)).words


def test_success_stands_beside_its_bound(page):
    header = page.words[page.words.index("In the terms of gene expression") :]
    assert header.index("Recovered") < header.index("By theory") < header.index("At most")


def test_every_attack_stands_with_its_threat_model(page):
    section = page.words[page.words.index("Whose attacks these are") :]
    for threat in build_reconstruct().threats:
        assert threat.title in section
        assert threat.threat_model in section
        assert threat.caveat in section


def test_tables_can_be_read_without_seeing_them_and_headings_skip_no_level(page):
    assert len(page.all("caption")) == len(page.all("table")) == 7
    assert all(cell["attrs"].get("scope") in {"col", "row"} for cell in page.all("th"))
    levels = [int(element["tag"][1]) for element in page.elements if re.fullmatch("h[1-6]", element["tag"])]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len([item for item in page.all("svg") if item["attrs"].get("role") == "img"]) == 1


def test_ids_are_unique_and_every_link_leads_somewhere(page):
    ids = [element["attrs"]["id"] for element in page.elements if "id" in element["attrs"]]
    targets = {element["attrs"]["href"][1:] for element in page.all("a")}
    assert len(ids) == len(set(ids))
    assert targets
    assert targets <= set(ids)


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("options", [{}, {"models": 0}, {"seeds": (0, 1)}, {"cells": ()}])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(options):
    text = render_reconstruct(build_reconstruct(**options))
    for table in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
        assert len({len(re.findall(r"<t[hd][ >]", row)) for row in rows}) == 1
    assert "nan" not in Page(text).words.split()
    assert "None" not in Page(text).words.split()


@pytest.mark.usefixtures("without_drawing")
def test_several_seeds_are_shown_as_means_with_their_range():
    words = Page(render_reconstruct(build_reconstruct(seeds=(0, 1)))).words
    assert "with 2 seeds" in words
    assert "mean over seeds, and their range" in words


def test_the_figure_has_panels_for_what_was_measured():
    whole, bare = (headline_figure(build_reconstruct(recipes=("mlp",), models=models)) for models in (16, 0))
    assert "Membership inference, AUC" in whole
    assert "Membership inference, AUC" not in bare
    assert "Reconstruction, correlation or share" in bare
    assert "at no protection: correlation 1.00, control 0.90" in whole
    assert headline_figure(build_reconstruct(cells=())) is None


def test_a_sweep_shows_what_updates_give_away(monkeypatch):
    for name in ("frontier_figure", "budget_figure"):
        monkeypatch.setattr(f"genoaudit.report.sweep_html.{name}", lambda _: "<svg></svg>")
    sweep = build_sweep(recipes=("mlp",))
    assert "Profile read off an update" not in render_sweep(sweep)
    found = CellReconstruction(patients=40, pearson=0.42, control=0.9, expected=0.5, hit_rate=0.25)
    cells = (sweep.cells[0].model_copy(update={"reconstruction": found}), *sweep.cells[1:])
    told = sweep.model_copy(update={"cells": cells})
    page = Page(render_sweep(told))
    assert "0.42class mean 0.90right patient 25 %" in page.row("No protection")
    assert page.words.count("Profile read off an update") == 2
    row = told.table.iloc[0]
    assert (row["profile"], row["profile_control"], row["profile_expected"], row["profile_hits"]) == (
        0.42,
        0.9,
        0.5,
        0.25,
    )
