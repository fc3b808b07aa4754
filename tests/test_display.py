from html_page import Page

from genoaudit.display import TONES, Picture, card


def test_everything_is_escaped_and_the_element_is_whole():
    shown = card("<h>", ["<s>"], head=["<t>", "b"], rows=[["<c>", "1"]])
    page = Page(f"<body>{shown}</body>")
    assert page.words == "<h><s><t>b<c>1"
    assert {element["tag"] for element in page.elements} <= {"body", "div", "table", "thead", "tbody", "tr", "th", "td"}


def test_of_many_rows_the_first_are_shown_and_the_others_counted():
    page = Page(f"<body>{card('h', head=['a'], rows=[[str(row)] for row in range(40)])}</body>")
    assert len(page.all("td")) == 12
    assert page.words.endswith("and 28 more")


def test_without_rows_there_is_no_table_and_without_a_tone_a_plain_edge():
    shown = card("h", head=["a"], tone="unheard of")
    assert "<table" not in shown
    assert TONES["plain"] in shown


def test_a_picture_shows_its_figure():
    assert "<svg><title>t</title></svg>" in Picture("<svg><title>t</title></svg>")._repr_html_()
