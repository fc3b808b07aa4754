"""The page of an audit in a real browser: how it is laid out on wide and narrow windows."""

from collections import Counter

import pytest
from sample_patients import build_patients
from sample_report import build_report, build_report_of_thirty
from sample_verdict import build_verdict

from genoaudit.report.html import render_html


@pytest.fixture(scope="module")
def page_text():
    return render_html(build_report(verdict=build_verdict("hold")), patients=build_patients())


@pytest.fixture
def page(browse, page_text):
    return browse(page_text)


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_the_page_never_scrolls_sideways(browse, page_text, width):
    page = browse(page_text, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_that_is_narrowed_after_a_figure_was_read_does_not_scroll_sideways(page):
    page.get_by_role("slider", name="Along the curve").focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_whatever_can_be_pressed_is_large_enough_to_hit(page):
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    height = "(part) => part.getBoundingClientRect().height"
    heights = page.evaluate(f"[...document.querySelectorAll('button, input, select, summary')].map({height})")
    assert len(heights) > 20
    assert min(heights) >= 24


@pytest.mark.parametrize(
    ("width", "four", "five"),
    [(1280, [4], [5]), (900, [4], [3, 2]), (768, [2, 2], [3, 2]), (400, [1, 1, 1, 1], [1, 1, 1, 1, 1])],
)
def test_no_card_stands_alone_in_a_row_of_several(browse, page_text, width, four, five):
    before, cards, after = page_text.partition('<ul class="cards">')
    listed, end, rest = after.partition("</ul>")
    fifth = '<li><div class="label">Without the model</div><div class="value">0.50</div></li>'
    for rows, text in ((four, page_text), (five, f"{before}{cards}{listed}{fifth}{end}{rest}")):
        page = browse(text, viewport={"width": width, "height": 800})
        tops = page.evaluate("[...document.querySelectorAll('.cards li')].map((card) => card.offsetTop)")
        assert list(Counter(tops).values()) == rows


def test_long_names_of_attacks_do_not_widen_a_narrow_page(browse):
    page = browse(
        render_html(build_report_of_thirty(), patients=build_patients()), viewport={"width": 320, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_long_title_leaves_the_buttons_beside_it(browse, page_text):
    page = browse(page_text.replace("<h1>", "<h1>A cohort of a very long name that takes several lines of the page "))
    head, button = (page.locator(part).bounding_box() for part in (".head", "#print"))
    assert abs(button["y"] - head["y"]) < 4
    assert button["x"] + button["width"] == pytest.approx(head["x"] + head["width"], abs=1)
