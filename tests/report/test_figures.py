import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.figures import (
    INK,
    SERIES,
    convergence_figure,
    drawn_attacks,
    reliability_figure,
    roc_figure,
    roc_points,
)


def reliability(report):
    return reliability_figure(report.exposure.calibration)


def convergence(report):
    return convergence_figure(report.convergence)


ALL = (roc_figure, reliability, convergence)
FIGURES = pytest.mark.parametrize("draw", ALL)
SVG = "{http://www.w3.org/2000/svg}"


def words(figure):
    return " ".join(element.text for element in ET.fromstring(figure).iter(f"{SVG}text"))


@FIGURES
def test_the_same_report_gives_the_same_bytes_whatever_the_users_style_is(draw, report):
    plain = draw(report)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert draw(report) == plain


@FIGURES
def test_drawing_leaves_no_global_state(draw, report):
    before = dict(mpl.rcParams)
    draw(report)
    assert dict(mpl.rcParams) == before


def test_drawing_needs_no_pyplot_and_importing_no_matplotlib():
    code = (
        "import sys, genoaudit.report.figures as figures, genoaudit.report.html\n"
        "assert 'matplotlib' not in sys.modules\n"
        "figures._svg(lambda axes: None, name='x', height=3, title='t', description='d')\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@FIGURES
def test_a_figure_has_a_name_and_a_description_for_screen_readers(draw, report):
    root = ET.fromstring(draw(report))
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    named = root.get("aria-labelledby").split()
    assert root.get("role") == "img"
    assert [by_id[name].tag for name in named] == [f"{SVG}title", f"{SVG}desc"]
    assert all(by_id[name].text for name in named)


def test_figures_share_a_page_without_sharing_ids(report):
    ids = [{element.get("id") for element in ET.fromstring(draw(report)).iter() if element.get("id")} for draw in ALL]
    assert all(ids)
    assert len(set.union(*ids)) == sum(map(len, ids))


@FIGURES
def test_every_reference_inside_a_figure_is_resolved(draw, report):
    root = ET.fromstring(draw(report))
    ids = {element.get("id") for element in root.iter()}
    links = [element.get("href")[1:] for element in root.iter() if element.get("href")]
    clips = [element.get("clip-path")[len("url(#") : -1] for element in root.iter() if element.get("clip-path")]
    assert links
    assert clips
    assert set(links) | set(clips) <= ids


@FIGURES
def test_a_figure_brings_no_style_sheet_and_no_background_and_its_colours_follow_the_page(draw, report):
    figure = draw(report)
    assert "<style" not in figure
    assert f"fill: var(--ink, {INK})" in figure
    assert "fill: #ffffff" not in figure
    assert "#" + "000000" not in figure


def test_the_roc_names_every_attack_and_says_where_rates_cannot_be_resolved(report):
    found = words(roc_figure(report))
    assert all(attack.title in found for attack in report.attacks)
    assert "10 of 400 non-members" in found
    assert "not measurable" in found


def test_the_roc_describes_resolvable_rates_only(report):
    description = ET.fromstring(roc_figure(report)).find(f"{SVG}desc").text
    assert "at 0.1 false alarms" in description
    assert "at 0.01 false alarms" not in description


def test_titles_are_plain_text_neither_markup_nor_mathematics(make_report):
    report = make_report()
    hostile = report.attacks[0].model_copy(update={"title": "<script>alert(1)</script> $\\frac$"})
    figure = roc_figure(report.model_copy(update={"attacks": (hostile,), "headline": hostile.name}))
    assert "<script" not in figure
    assert "<script>alert(1)</script> $\\frac$" in words(figure)


def test_the_headline_and_the_loss_attack_come_first_then_the_highest_auc(report):
    names = [attack.name for attack in drawn_attacks(report)]
    assert names == ["lira", "loss", "lira_offline", "grad_norm", "label_noise"]


def test_of_many_attacks_only_as_many_have_a_curve_as_there_are_colours(report_of_thirty):
    drawn = drawn_attacks(report_of_thirty)
    assert [attack.name for attack in drawn] == ["lira", "loss", "attack_27", "attack_26", "attack_25", "attack_24"]
    assert len(drawn) == len(SERIES)
    found = words(roc_figure(report_of_thirty))
    assert "Attack number 24" in found
    assert "Attack number 23" not in found


@pytest.mark.parametrize(
    "title",
    [
        "Loss",
        "Attack classifier, logistic, one per class",
        "An attack of a rather long name, offline, one per class",
    ],
)
def test_a_legend_stands_above_the_axes_and_inside_the_figure(report_of_thirty, title):
    attacks = tuple(attack.model_copy(update={"title": title}) for attack in report_of_thirty.attacks)
    report = report_of_thirty.model_copy(update={"attacks": attacks})
    root = ET.fromstring(roc_figure(report))
    names = [element for element in root.iter(f"{SVG}text") if (element.text or "").startswith((title, "guessing"))]
    assert len(names) == 7
    top, right = roc_points(report)["box"][1], float(root.get("viewBox").split()[2])
    for name in names:
        size = float(re.search(r"font-size: ([\d.]+)px", name.get("style"))[1])
        assert float(name.get("y")) < top
        assert float(name.get("x")) + 0.5 * size * len(name.text) <= right + 1


def curve(figure, colour):
    """Points of the line drawn in `colour`, in page units."""
    lines = [
        element.get("d")
        for element in ET.fromstring(figure).iter(f"{SVG}path")
        if colour in element.get("style", "") and "fill: none" in element.get("style", "")
    ]
    numbers = np.array(lines[0].replace("M", " ").replace("L", " ").split(), dtype=float)
    return numbers.reshape(-1, 2)


def test_a_higher_roc_is_drawn_higher(make_report):
    weak, strong = (curve(roc_figure(make_report(separation=s)), "--series-1") for s in (0.5, 1.5))
    inside = slice(5, 50)
    np.testing.assert_allclose(weak[inside, 0], strong[inside, 0], atol=1e-3)
    assert (strong[inside, 1] < weak[inside, 1]).all()  # page coordinates grow downwards


def test_the_points_for_the_script_lie_on_the_curve_that_is_drawn(report):
    points = roc_points(report)
    left, top, width, height = points["box"]
    own = points["curves"][0]
    floor = np.log(points["floor"])
    across = left + width * (1 - np.log(own["fpr"]) / floor)
    down = top + height * np.log(own["tpr"]) / floor
    drawn = curve(roc_figure(report), "--series-1")
    for x, y in np.column_stack([across, down])[[10, 30, 60]]:
        assert np.interp(x, drawn[:, 0], drawn[:, 1]) == pytest.approx(y, abs=0.3)
    assert [each["title"] for each in points["curves"]] == [attack.title for attack in drawn_attacks(report)]
    assert points["non_members"] == 400


def test_an_attack_that_finds_nobody_can_be_drawn(make_report):
    report = make_report()
    attack = report.attacks[1]
    roc = attack.pooled.roc
    zeros = (0.0,) * (len(roc.fpr) - 1) + (1.0,)
    flat = roc.model_copy(update={"tpr": zeros, "low": zeros, "high": zeros})
    attack = attack.model_copy(update={"pooled": attack.pooled.model_copy(update={"roc": flat})})
    assert "nan" not in roc_figure(report.model_copy(update={"attacks": (attack,)})).lower()


def heights(figure):
    """Vertical ends of every interval drawn in the first colour, in page units."""
    return [abs(ends[0, 1] - ends[-1, 1]) for ends in lines(figure) if len(ends) == 2 and ends[0, 0] == ends[-1, 0]]


def lines(figure):
    drawn = [
        element.get("d")
        for element in ET.fromstring(figure).iter(f"{SVG}path")
        if "--series-1" in element.get("style", "") and "fill: none" in element.get("style", "")
    ]
    return [np.array(line.replace("M", " ").replace("L", " ").split(), dtype=float).reshape(-1, 2) for line in drawn]


def test_probabilities_that_come_true_lie_on_the_diagonal(report):
    calibration = report.exposure.calibration
    true = calibration.model_copy(
        update={
            "bins": tuple(
                part.model_copy(update={"observed": Estimate(part.predicted, None, None)}) for part in calibration.bins
            )
        }
    )
    (points,) = lines(reliability_figure(true))
    slopes = np.diff(points[:, 1]) / np.diff(points[:, 0])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-4)


def test_every_doubling_of_models_is_one_step_and_intervals_shrink(report):
    figure = convergence_figure(report.convergence)
    points = max(lines(figure), key=len)
    assert np.diff(points[:, 0])[0] == pytest.approx(np.diff(points[:, 0])[1], rel=1e-4)
    found = heights(figure)
    assert len(found) == 3
    assert found == sorted(found, reverse=True)
    assert {"16", "32", "64"} <= set(words(figure).split())


def test_a_number_without_a_value_is_left_out_of_its_figure(report):
    empty = report.convergence[0].model_copy(update={"auc": Estimate(None, None, None)})
    assert "nan" not in convergence_figure((empty, *report.convergence[1:])).lower()
    assert len(heights(convergence_figure((empty, *report.convergence[1:])))) == 2
