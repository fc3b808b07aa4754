import re
from itertools import pairwise

import pytest
from html_page import Page
from sample_sweep import CROWD, build_hostile_sweep, build_sweep

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.sweep_html import render_sweep
from genoaudit.report.sweep_result import SweepReport


@pytest.fixture(scope="module")
def sweep():
    return build_sweep()


@pytest.fixture(scope="module")
def text(sweep):
    return render_sweep(sweep)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture
def without_drawing(monkeypatch):
    for name in ("frontier_figure", "budget_figure"):
        monkeypatch.setattr(f"genoaudit.report.sweep_html.{name}", lambda _: "<svg></svg>")


@pytest.mark.usefixtures("without_drawing")
def test_the_same_sweep_gives_the_same_bytes_also_when_read_back(sweep):
    read = SweepReport.model_validate_json(sweep.to_json())
    assert render_sweep(sweep) == render_sweep(build_sweep())
    assert render_sweep(read) == render_sweep(SweepReport.model_validate_json(read.to_json()))


def test_the_page_loads_nothing_and_runs_nothing(text, page):
    addresses = [element["attrs"].get(name) for element in page.elements for name in ("src", "href")]
    assert all(address.startswith("#") for address in addresses if address)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {item["tag"] for item in page.elements}
    assert not re.findall(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    policy = next(e for e in page.all("meta") if e["attrs"].get("http-equiv") == "Content-Security-Policy")
    assert policy["attrs"]["content"].startswith("default-src 'none'")
    assert not [name for item in page.elements for name in item["attrs"] if name.startswith("on")]


def test_the_page_is_small_and_marked_confidential(text):
    assert len(text.encode()) < 300_000
    assert len(render_sweep(build_sweep(recipes=("a", "b", "c"), others=CROWD)).encode()) < 500_000
    assert "CONFIDENTIAL" in text
    assert "(confidential)</title>" in text


@pytest.mark.usefixtures("without_drawing")
def test_hostile_names_are_text():
    text = render_sweep(build_hostile_sweep())
    assert "<script" not in text
    assert "<img" not in text
    assert "<script>alert('x')" in Page(text).words


def test_the_answer_comes_first_then_figures_then_tables(page):
    heading = "For at most 1 point of accuracy, the AUC of the five most exposed patients"
    assert [element["text"] for element in page.all("h2")] == [
        f"{heading} falls from 0.94 to 0.74 (mlp: DP, epsilon 1e6); and from 0.94 to 0.74 (softmax: DP, epsilon 1e6).",
        "What each protection costs and what it leaves of the leak",
        "What a budget of DP-SGD does",
        "Every protection",
        "Fair comparison: beside DP-SGD that is as useful",
        "What the guarantees do not cover",
        "Notes on this sweep",
        "What was not run, and why",
        "How to read this",
        "How to reproduce",
    ]


def test_each_protection_has_its_row_with_its_numbers_and_what_it_promises(page):
    assert page.row("DP, epsilon 1e9").split("ε")[0].strip() == (
        "DP, epsilon 1e9 93 %92–94 % −0.2−0.5 to +0.1 0.760.74–0.78 38 %32–45 % 0.860.81–0.91 0.890.85–0.93"
    )
    assert page.row("DP, epsilon 1e9").strip().endswith("ε 1e9δ 0.00025, rdppromises nothingnot end to end")
    assert "promises nothing" not in page.row("DP, epsilon 8")
    assert page.row("Dropout").startswith("Dropout of hidden units, 0.5 frontier 94 %93–94 % +0.3")
    assert "through labels alone: AUC 0.58" in page.row("Rounded")


def test_bold_marks_what_costs_at_most_one_point(text):
    cheap = re.findall(r'<tr class="cheap"><th scope="row">([^<]*)', text)
    assert "L2 penalty (weight decay), 0.01" in cheap
    assert "L2 penalty (weight decay), 0.1" not in cheap
    assert "No protection" not in cheap


def test_comparisons_are_read_out(page):
    row = page.row("L2 penalty (weight decay), 0.1mlp")
    assert row.strip().endswith("DP-SGD leaves less of the leak on the most exposed patients and on canaries.")
    assert "epsilon 1000" in row


def test_what_was_not_run_stands_there_with_its_reason(page):
    assert "softmax/dropout=0.5: the recipe has no hidden layer." in page.words


def test_a_budget_that_promises_nothing_is_said_to(page):
    assert "ε of 1e9 promises nothing" in page.words
    assert "measured with these attacks, not guaranteed" in page.words


@pytest.mark.usefixtures("without_drawing")
def test_several_seeds_are_shown_as_means_with_their_range():
    page = Page(render_sweep(build_sweep(seeds=(0, 1, 2))))
    assert "and 3 seeds" in page.words
    assert "mean over seeds, and their range" in page.words
    assert len([row for row in page.all("tr") if row["text"].lstrip().startswith("No protection")]) == 2
    assert "One seed was run" not in page.words


def test_tables_can_be_read_without_seeing_them_and_headings_skip_no_level(page):
    assert len(page.all("caption")) == len(page.all("table")) == 3
    assert all(cell["attrs"].get("scope") in {"col", "row", "rowgroup"} for cell in page.all("th"))
    levels = [int(element["tag"][1]) for element in page.elements if re.fullmatch("h[1-6]", element["tag"])]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    figures = [item for item in page.all("svg") if item["attrs"].get("role") == "img"]
    assert len(figures) == 2


@pytest.mark.usefixtures("without_drawing")
@pytest.mark.parametrize("options", [{}, {"canaries": False}, {"seeds": (0, 1)}, {"cells": (), "comparisons": ()}])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(options):
    for table in re.findall(r"<table.*?</table>", render_sweep(build_sweep(**options)), flags=re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
        assert len({len(re.findall(r"<t[hd][ >]", row)) for row in rows}) == 1


def test_ids_are_unique_and_every_link_leads_somewhere(page):
    ids = [element["attrs"]["id"] for element in page.elements if "id" in element["attrs"]]
    targets = {element["attrs"]["href"][1:] for element in page.all("a")}
    assert len(ids) == len(set(ids))
    assert targets
    assert targets <= set(ids)


def test_a_sweep_with_nothing_in_it_still_renders(sweep):
    empty = build_sweep(cells=(), comparisons=(), not_run=(), warnings=())
    assert "There is nothing to compare the protections with." in Page(render_sweep(empty)).words
    nothing = Estimate(None, None, None)
    bare = tuple(
        cell.model_copy(
            update={
                "accuracy": nothing,
                "accuracy_loss": nothing,
                "worst": (),
                "canaries": None,
                "leakage": cell.leakage.model_copy(update={"auc": nothing, "tpr_at_fpr": ()}),
                "warnings": ("Training did not settle.",),
            }
        )
        for cell in sweep.cells
    )
    words = Page(render_sweep(sweep.model_copy(update={"cells": bare, "comparisons": ()}))).words
    assert "no leakage could be measured" in words
    assert "Training did not settle." in words
    assert "None of" not in words.replace("None of the DP guarantees", "")
    assert "nan" not in words.split()
