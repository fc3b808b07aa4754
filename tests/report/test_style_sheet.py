"""The colours of the pages: legible in both themes, for words and for marks."""

import re
from importlib.resources import files

import pytest
from contrast import contrast

TEMPLATES = files("genoaudit.report") / "templates"
WORDS = ("ink", "muted", "accent", "exposed", "nothing_found", "unknown", "alarm", "release", "hold", "undecidable")
MARKS = ("shade", *(f"series-{number}" for number in range(1, 7)))


def colours(text):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text))


@pytest.fixture(scope="module")
def themes():
    light = colours((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    return {"light": light, "dark": light | colours((TEMPLATES / "dark.css").read_text(encoding="utf-8"))}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("name", WORDS)
def test_words_are_legible_on_every_ground(themes, theme, ground, name):
    assert contrast(themes[theme][name], themes[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", MARKS)
def test_marks_and_curves_can_be_told_from_the_paper(themes, theme, name):
    assert contrast(themes[theme][name], themes[theme]["paper"]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_banner_and_pressed_buttons_are_legible(themes, theme):
    assert contrast("#ffffff", themes[theme]["secret"]) >= 4.5
    assert contrast(themes[theme]["paper"], themes[theme]["ink"]) >= 4.5


def test_the_dark_theme_leaves_no_colour_of_the_light_one_but_the_banner(themes):
    same = {name for name, colour in themes["dark"].items() if colour == themes["light"][name]}
    assert same == {"secret", "shade"}


def test_every_colour_in_the_style_sheets_is_a_variable():
    for name in ("report.css", "page.css"):
        rules = re.sub(r"--[\w-]+: #[0-9a-f]{6};", "", (TEMPLATES / name).read_text(encoding="utf-8"))
        assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) <= {"#fff"}


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
