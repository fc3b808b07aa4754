import re
import xml.etree.ElementTree as ET
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from sample_sweep import CROWD, HOSTILE, OTHERS, build_hostile_sweep, build_sweep

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.figures import INK
from genoaudit.report.sweep_figure import _staircase, budget_figure, drawn_recipes, frontier_figure

SVG = "{http://www.w3.org/2000/svg}"
BOTH = pytest.mark.parametrize("draw", [frontier_figure, budget_figure])


@pytest.fixture(scope="module")
def sweep():
    return build_sweep(recipes=("mlp",))


@pytest.fixture(scope="module")
def frontier(sweep):
    return frontier_figure(sweep)


def words(figure):
    return [element.text for element in ET.fromstring(figure).iter(f"{SVG}text")]


@BOTH
def test_the_same_sweep_gives_the_same_bytes_and_leaves_no_global_state(draw, sweep):
    before = dict(mpl.rcParams)
    plain = draw(sweep)
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        assert draw(sweep) == plain


@BOTH
def test_it_is_named_for_readers_and_takes_its_colours_from_the_page(draw, sweep):
    figure = draw(sweep)
    root = ET.fromstring(figure)
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert all(by_id[name].text for name in root.get("aria-labelledby").split())
    assert f"fill: var(--ink, {INK})" in figure
    assert "var(--series-1" in figure
    assert "<style" not in figure
    assert "fill: #ffffff" not in figure
    words = [element.get("style", "") for element in root.iter() if element.tag.endswith("text")]
    assert words
    assert not [style for style in words if "--series" in style]  # legible as marks only
    links = [element.get("href")[1:] for element in root.iter() if element.get("href")]
    assert set(links) <= set(by_id)


def test_every_point_has_its_name_and_directions_are_said(frontier):
    found = words(frontier)
    for text in (
        "No protection",
        "DP-SGD, ε = 1",
        "ε = 8",
        "ε = 1000",
        "ε = 1e12",
        "L2 0.01",
        "Dropout 0.5",
        "Label only",
    ):
        assert text in found, text
    for text in ("more useful →", "← safer", "guessing", "costs at most 1 point", "no loss", "mlp"):
        assert text in found
    assert not [text for text in found if "120" in text]  # a tuned budget lies on the line of the others


def test_figures_share_a_page_without_sharing_ids(sweep, frontier):
    ids = [
        {element.get("id") for element in ET.fromstring(figure).iter() if element.get("id")}
        for figure in (frontier, budget_figure(sweep))
    ]
    assert all(ids)
    assert not ids[0] & ids[1]


def test_names_of_recipes_and_protections_are_text_whatever_they_hold():
    sweep = build_hostile_sweep()
    for figure in (frontier_figure(sweep), budget_figure(sweep)):
        root = ET.fromstring(figure)
        assert "<script" not in figure
        assert "<img" not in figure
        assert {element.tag for element in root.iter()} <= {
            f"{SVG}{tag}" for tag in ("svg", "title", "desc", "g", "path", "use", "defs", "text", "clipPath", "rect")
        }
        assert [text for text in words(figure) if text.startswith(HOSTILE[:20])]


@pytest.mark.parametrize(
    "names", [("a\x00b\x1b[31m", "$\\frac{1}{0$", "腫瘍 モデル"), ("x" * 500, "line\nbreak", " ", "url(#a)")]
)
def test_any_name_can_be_drawn(names):
    sweep = build_sweep(recipes=names, others=OTHERS[:1])
    for figure in (frontier_figure(sweep), budget_figure(sweep)):
        assert max(len(text or "") for text in words(figure)) < 100


def place_of(element):
    """Where a text starts, in page units."""
    style, words = element.get("style") or "", element.text or ""
    moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform") or "")
    x, y = map(float, moved.groups() if moved else (element.get("x"), element.get("y")))
    width = 4.3 * len(words)  # of a usual sans-serif at this size
    return (x - width / 2 if "middle" in style else x), y - 7, width, 7


def test_no_two_labels_of_a_crowd_overlap():
    named = ("ε", "L2", "Dropout", "Mixup", "Early", "Variable", "Label s", "Top", "Temp", "Round", "No p")
    root = ET.fromstring(frontier_figure(build_sweep(recipes=("mlp",), others=CROWD)))
    labels = [element for element in root.iter(f"{SVG}text") if (element.text or "").startswith(named)]
    assert len(labels) >= 19
    for (left, low, wide, high), (x, y, width, height) in combinations(map(place_of, labels), 2):
        assert left + wide <= x or x + width <= left or low + high <= y or y + height <= low


def test_the_frontier_is_a_staircase_through_what_nothing_beats():
    corners = _staircase([(0.0, 0.9), (-0.2, 0.5), (-0.1, 0.7), (-0.15, 0.8)])
    np.testing.assert_allclose(corners, [(-0.2, 0.5), (-0.2, 0.7), (-0.1, 0.7), (-0.1, 0.9), (0.0, 0.9)])
    assert _staircase([]).shape == (0, 2)


def test_more_than_four_recipes_are_left_to_the_tables():
    sweep = build_sweep(recipes=tuple("abcdef"))
    assert drawn_recipes(sweep) == ("a", "b", "c", "d")


def test_without_budgets_there_is_no_figure_of_budgets(sweep):
    cells = tuple(cell for cell in sweep.cells if cell.mitigation != "dp")
    less = sweep.model_copy(update={"cells": cells, "comparisons": ()})
    assert budget_figure(less) is None
    assert "ε" not in "".join(words(frontier_figure(less)))


def test_numbers_without_intervals_or_values_are_drawn_or_left_out(sweep):
    bare = [
        cell.model_copy(update={"accuracy_loss": Estimate(0.01, None, None), "worst": (), "canaries": None})
        for cell in sweep.cells[:-1]
    ]
    lost = sweep.cells[-1].model_copy(update={"accuracy_loss": Estimate(None, None, None), "worst": ()})
    noiseless = bare[7].guarantee.model_copy(update={"epsilon": None, "vacuous": True})
    bare[7] = bare[7].model_copy(update={"guarantee": noiseless})
    report = sweep.model_copy(update={"cells": (*bare, lost)})
    for figure in (frontier_figure(report), budget_figure(report)):
        assert not re.search(r"\bnan\b", figure.lower())
    assert "no noise" in words(frontier_figure(report))
