"""The page of an audit in a real browser: sorting, filtering, pointing, keys, themes, paper; nothing from outside."""

import io
import re
from collections import Counter

import numpy as np
import pytest
from contrast import MEASURE_CONTRAST
from pypdf import PdfReader
from sample_patients import build_patients, build_release_patients
from sample_report import build_release_report, build_report, build_report_of_thirty
from sample_verdict import build_verdict

from genoaudit.report.html import render_html

HOSTILE = "<img src=x onerror=alert(1)><script>window.hacked=1</script>"


@pytest.fixture(scope="module")
def patients():
    return build_patients()


@pytest.fixture(scope="module")
def page_text(patients):
    return render_html(build_report(verdict=build_verdict("hold")), patients=patients)


@pytest.fixture
def page(browse, page_text):
    return browse(page_text)


@pytest.fixture
def table(page):
    """The table of all patients, unfolded."""
    page.get_by_text("All 400 patients: sort and filter").click()
    return page.get_by_role("table", name="All 400 patients: sort and filter")


def column(table, place):
    return table.locator(f"tbody tr > :nth-child({place}) .value").all_text_contents()


def head(table, title):
    return table.get_by_role("columnheader", name=re.compile(rf"^{title}\W*$"))


def numbers(texts):
    return [float(text.replace(",", "")) for text in texts]


def test_a_heading_sorts_and_pressed_again_turns_the_order_round(table, patients):
    assert column(table, 2) == patients["pseudonym"].tolist()[:25]
    head(table, "AUC").get_by_role("button").click()
    assert numbers(column(table, 5)) == sorted(patients["auc"].round(2))[:25]
    assert head(table, "AUC").get_attribute("aria-sort") == "ascending"
    assert head(table, "Rank").get_attribute("aria-sort") is None
    head(table, "AUC").get_by_role("button").click()
    assert numbers(column(table, 5)) == sorted(patients["auc"].round(2), reverse=True)[:25]
    assert head(table, "AUC").get_attribute("aria-sort") == "descending"
    head(table, "Patient").get_by_role("button").click()
    assert column(table, 2) == sorted(patients["pseudonym"])[:25]


def test_sorting_works_with_keys_alone_and_the_focus_can_be_seen(page, table, patients):
    button = head(table, "d′").get_by_role("button")
    head(table, "AUC").get_by_role("button").focus()
    page.keyboard.press("Tab")
    assert button.evaluate("element => element === document.activeElement")
    assert button.evaluate("element => parseFloat(getComputedStyle(element).outlineWidth)") >= 2
    page.keyboard.press("Enter")
    assert numbers(column(table, 6)) == pytest.approx(sorted(patients["d_prime"])[:25], abs=0.006)


def test_filters_narrow_the_table_and_say_how_many_are_left(page, table, patients):
    page.get_by_role("combobox", name="Class").select_option("LUAD")
    own = patients[patients["class"] == "LUAD"]
    assert page.locator("#patients-found").text_content() == f"{len(own)} of 400 patients"
    assert page.locator("#patients-found").get_attribute("role") == "status"
    assert set(column(table, 3)) == {"LUAD"}
    wanted = own["pseudonym"].iloc[7]
    page.get_by_label("Patient contains").fill(wanted.lower())
    assert column(table, 2) == [wanted]
    page.get_by_label("Patient contains").fill("nobody")
    assert page.locator("#patients-found").text_content() == "0 of 400 patients"
    assert page.locator("#page-place").text_content() == "Page 1 of 1"
    page.get_by_label("Patient contains").fill("")
    page.get_by_role("combobox", name="Class").select_option("all classes")
    assert page.locator("#patients-found").text_content() == "400 patients"


def test_every_patient_is_on_exactly_one_page_of_the_table(page, table, patients):
    seen = []
    following = page.get_by_role("button", name="Next")
    while True:
        seen += column(table, 2)
        if following.is_disabled():
            break
        following.click()
    assert seen == patients["pseudonym"].tolist()
    assert page.locator("#page-place").text_content() == "Page 16 of 16"
    page.get_by_role("button", name="Previous").click()
    assert column(table, 2) == patients["pseudonym"].tolist()[350:375]


def test_pointing_at_a_dot_says_whose_it_is(page, patients):
    row = patients.iloc[123]
    svg = page.get_by_role("row", name=row["class"]).locator("svg[data-class]")
    place = int((patients["class"][:124] == row["class"]).sum()) - 1
    x, y = re.findall(r"M([\d.]+) ([\d.]+)h0", svg.locator("path[data-side]").get_attribute("d"))[place]
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    scale = box["width"] / 600
    page.mouse.move(box["x"] + float(x) * scale, box["y"] + float(y) * scale)
    tip = page.locator("#strip-explore .tooltip")
    assert tip.text_content().startswith(f"{row['pseudonym']}, {row['class']}\nRank {row['rank']} (")
    assert f"AUC {row['auc']:.2f} ({row['auc_low']:.2f} to {row['auc_high']:.2f})" in tip.text_content()
    assert tip.get_attribute("role") == "status"
    page.mouse.move(5, 5)
    assert tip.text_content() == ""


def test_pointing_at_the_roc_says_what_the_curve_achieves_there(page):
    roc = build_report().attacks[1].pooled.roc
    svg = page.locator("#roc-explore svg")
    svg.scroll_into_view_if_needed()
    box, view = svg.bounding_box(), [float(part) for part in svg.get_attribute("viewBox").split()]
    left, top, width, height = page.evaluate("JSON.parse(document.getElementById('data').textContent).roc.box")
    floor = np.log(0.5 / 400)
    at = 30
    x, y = (1 - np.log(roc.fpr[at]) / floor) * width + left, np.log(roc.tpr[at]) / floor * height + top
    page.mouse.move(box["x"] + x * box["width"] / view[2], box["y"] + y * box["height"] / view[3])
    said = page.locator("#roc-explore .tooltip").text_content()
    assert said.startswith(f"LiRA, online\nrecognises {100 * roc.tpr[at]:.0f} % (")
    assert f"at {100 * roc.fpr[at]:.1f} % false alarms" in said


def test_both_figures_can_be_stepped_through_with_keys(page, patients):
    slider = page.get_by_role("slider", name="Patient by rank")
    slider.focus()
    page.keyboard.press("ArrowRight")
    second = patients.iloc[1]
    assert slider.get_attribute("aria-valuetext").startswith(f"{second['pseudonym']}, {second['class']}, Rank 2")
    assert page.locator("#strip-explore .tooltip").text_content().startswith(second["pseudonym"])
    page.keyboard.press("Escape")
    assert page.locator("#strip-explore .tooltip").text_content() == ""
    page.get_by_role("combobox", name="Curve").select_option("Loss threshold")
    along = page.get_by_role("slider", name="Along the curve")
    along.focus()
    page.keyboard.press("End")
    assert "Loss threshold, recognises 100 %" in along.get_attribute("aria-valuetext")
    page.keyboard.press("Tab")
    assert page.locator("#roc-explore .tooltip").text_content() == ""


def paper(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_it_is_turned(browse, page_text, system):
    page = browse(page_text, color_scheme=system)
    button = page.get_by_role("button", name="Dark")
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 26)"}
    other = {"light": "dark", "dark": "light"}[system]
    assert paper(page) == colours[system]
    assert button.get_attribute("aria-pressed") == str(system == "dark").lower()
    button.focus()
    page.keyboard.press("Space")
    assert paper(page) == colours[other]
    assert button.get_attribute("aria-pressed") == str(other == "dark").lower()
    page.emulate_media(media="print")
    assert paper(page) == colours["light"]
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(browse, page_text, theme):
    page = browse(page_text, color_scheme=theme)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    found = page.evaluate(MEASURE_CONTRAST)
    assert len(found) > 500
    assert [item for item in found if item["ratio"] < 4.5] == []


def test_paper_is_a4_with_the_verdict_on_the_first_page_and_everything_unfolded(page):
    reader = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    sizes = {tuple(round(float(side)) for side in sheet.mediabox.upper_right) for sheet in reader.pages}
    assert sizes <= {(595, 842), (594, 842), (595, 841)}
    texts = [re.sub(r"\s+", " ", sheet.extract_text()) for sheet in reader.pages]
    assert "not met" in texts[0].lower()
    assert build_verdict().reasons[0] in texts[0]
    assert "The risk in plain words" in texts[0]
    assert all("CONFIDENTIAL" in text for text in texts)
    whole = " ".join(texts)
    assert "Needs reference models trained with and without the patient." in whole  # of a folded attack
    assert "sort and filter" not in whole
    assert "Patient by rank" not in whole
    assert page.locator("details[open]").count() == 0


def test_no_row_of_a_table_is_cut_by_the_edge_of_a_sheet_and_no_short_table(page):
    page.emulate_media(media="print")
    styles = "(selector, name) => [...document.querySelectorAll(selector)].map((part) => getComputedStyle(part)[name])"
    whole = page.evaluate(f"({styles})('tr, .verdict, figure, .cards li', 'breakInside')")
    heads = page.evaluate(f"({styles})('thead', 'display')")
    assert set(whole) == {"avoid"}
    assert set(heads) == {"table-header-group"}
    tables = page.evaluate(
        "[...document.querySelectorAll('.scroll:has(table)')].map((part) => [part.querySelectorAll('tbody tr').length, "
        "getComputedStyle(part).breakInside])"
    )
    assert {kept for rows, kept in tables if rows <= 6} == {"avoid"}
    assert {kept for rows, kept in tables if rows > 24} == {"auto"}


def test_the_print_button_prints(browse, page_text):
    page = browse(page_text)
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    page.get_by_role("button", name="Print").click()
    assert page.title() == "printed"


def test_ten_thousand_patients_load_and_sort_at_once(browse):
    names = tuple(f"cancer type number {number}" for number in range(33))
    text = render_html(build_report_of_thirty(), patients=build_patients(10_000, names))
    assert len(text.encode()) < 2_000_000
    page = browse(text)
    page.locator("#all-patients > summary").click()
    for title in ("AUC", "Patient", "Class"):
        took = page.evaluate(
            "(title) => { const button = [...document.querySelectorAll('#all-patients .sort')]"
            ".find((each) => each.textContent === title); const start = performance.now(); button.click();"
            " return performance.now() - start; }",
            title,
        )
        assert took < 1000
    assert page.locator("#patients-found").text_content() == "10,000 patients"
    loading = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert loading < 5000
    assert page.locator("#strip-explore path[data-side]").count() == 33


def test_html_in_names_stays_text_wherever_it_is_shown(browse):
    report = build_report(verdict=build_verdict(reasons=(HOSTILE,)))
    report = report.model_copy(update={"groups": (report.groups[0].model_copy(update={"value": HOSTILE}),)})
    patients = build_patients(60, (HOSTILE, "b"), names=[f"{HOSTILE}{number}" for number in range(60)])
    names = dict(zip(patients["pseudonym"], patients["patient_id"], strict=True))
    page = browse(render_html(report, patients=patients, names=names))
    page.locator("#all-patients > summary").click()
    page.locator("#class-filter").select_option(HOSTILE)
    page.locator("#patient-filter").fill("<img")
    assert page.locator("#patients-found").text_content() != "0 of 60 patients"
    page.get_by_role("slider", name="Patient by rank").focus()
    page.keyboard.press("ArrowRight")
    assert HOSTILE in page.locator("#strip-explore .tooltip").text_content()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert HOSTILE in page.locator("body").inner_text()


def test_the_policy_of_the_page_stops_what_might_get_in_all_the_same(chromium, page_text, tmp_path):
    """An image and a script put into the page by hand: neither may be loaded or run."""
    path = tmp_path / "page.html"
    smuggled = "<img src='https://genoaudit.invalid/x.png'><script>window.hacked = 1;</script>"
    path.write_text(page_text.replace("</main>", f"{smuggled}</main>"), encoding="utf-8")
    context = chromium.new_context()
    seen, blocked, complaints = [], [], []
    context.on("request", lambda request: seen.append(request.url))
    context.on("requestfailed", lambda request: blocked.append((request.url, request.failure)))
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text))
    page.goto(path.as_uri())
    assert page.evaluate("window.hacked") is None
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>parsed</b>'")
    context.close()
    assert seen == [path.as_uri(), "https://genoaudit.invalid/x.png"]
    assert blocked == [("https://genoaudit.invalid/x.png", "csp")]  # asked for, and stopped before it left
    assert sum("Content Security Policy" in complaint for complaint in complaints) >= 2


def test_without_the_script_the_page_says_everything_that_matters(browse, page_text, patients):
    page = browse(page_text, java_script_enabled=False)
    assert page.get_by_role("heading", name="Hold: the policy").is_visible()
    assert page.get_by_role("cell", name="P0007", exact=True).is_visible()  # of the most exposed in the report
    assert page.get_by_text("The table of all patients needs the script of this page").is_visible()
    assert not page.get_by_role("button", name="Print").is_visible()
    assert page.locator("#all-patients").is_hidden()
    page.get_by_text("Cohort and design").click()
    assert page.get_by_text("Neighbouring relation", exact=True).is_visible()


def test_one_given_model_has_members_and_non_members_side_by_side(browse):
    patients = build_release_patients()
    page = browse(render_html(build_release_report(), patients=patients))
    first = patients.iloc[0]
    page.get_by_role("slider", name="Patient by rank").focus()
    page.keyboard.press("Home")
    said = page.locator("#strip-explore .tooltip").text_content()
    assert said.startswith(f"{first['pseudonym']}, {first['class']}\nRank 1")
    assert f"Member {'yes' if first['member'] else 'no'}" in said
    page.locator("#all-patients > summary").click()
    table = page.get_by_role("table", name="All 400 patients: sort and filter")
    head(table, "Member").get_by_role("button").click()
    assert set(column(table, 5)) == {"no"}
    head(table, "Member").get_by_role("button").click()
    assert set(column(table, 5)) == {"yes"}


def test_a_link_into_something_folded_unfolds_it(page):
    page.get_by_role("link", name="All 5 attacks").or_(page.get_by_role("link", name="LiRA, online")).first.click()
    assert page.locator("#attack-lira").is_visible()
    page.goto(page.url.partition("#")[0] + "#reading")
    assert page.get_by_text("Member, non-member").is_visible()


def test_a_screen_reader_finds_landmarks_names_and_one_outline(page):
    for role, name in (("banner", None), ("main", None), ("contentinfo", None), ("navigation", "Contents")):
        assert page.get_by_role(role, **({} if name is None else {"name": name})).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    tree = page.locator("body").aria_snapshot()
    nameless = re.findall(
        r"^\s*- (button|slider|combobox|searchbox|link|table|img|navigation|search)(?::|$)", tree, re.M
    )
    assert nameless == []
    assert page.get_by_role("region", name="Hold: the policy “standard” is not met.").count() == 1
    assert {"table", "img", "slider", "searchbox", "combobox"} <= set(re.findall(r"- (\w+) \"", tree))
    repeated = Counter(page.evaluate("[...document.querySelectorAll('[id]')].map((part) => part.id)"))
    assert max(repeated.values()) == 1


def test_the_first_key_offers_to_skip_to_the_report(page):
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the report")
    assert link.evaluate("element => element === document.activeElement")
    assert link.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
