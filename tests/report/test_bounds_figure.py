import struct
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from genoaudit.bounds import bounds
from genoaudit.calibrate import Target, calibrate
from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.report.bounds_figure import check_figure, curve_figure, save_figure, target_mark


@pytest.fixture(scope="module")
def report():
    return bounds(Mechanism(1.0, 1.1, 0.08, 100, patients=400), 1 / 4000)


def words(document):
    return " ".join("".join(element.itertext()) for element in ET.fromstring(document).iter() if "text" in element.tag)


def test_the_same_report_gives_the_same_bytes_whatever_the_users_style_is(report):
    plain = curve_figure(report)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert curve_figure(report) == plain


def test_both_relations_and_guessing_are_named_and_the_quoted_numbers_labelled(report):
    text = words(curve_figure(report))
    for expected in ("add/remove", "replace-one", "guessing", "AUC"):
        assert expected in text
    for rate in report.under("add/remove").tpr_at_fpr:
        assert f"{100 * rate.tpr:.3g} %" in text


def test_the_description_tells_the_numbers(report):
    root = ET.fromstring(curve_figure(report))
    description = next(element.text for element in root.iter() if element.tag.endswith("desc"))
    assert f"AUC {report.under('replace-one').auc:.3f}" in description


def test_a_vacuous_report_can_be_drawn():
    assert "guessing" in words(curve_figure(bounds(Mechanism(1.0, 0.0, 0.08, 100, patients=400), 1e-3)))


def test_patients_with_several_samples_have_both_curves_and_the_numbers_are_theirs(report):
    both = bounds(Mechanism(1.0, 2.0, 0.08, 100, patients=400), 1 / 4000, samples_per_patient=2)
    text = words(curve_figure(both))
    for unit in ("patient", "sample"):
        assert f"{unit} in or not (add/remove)" in text
        assert f"this {unit} or another (replace-one)" in text
        assert f"{unit}, replace-one: at most" in curve_figure(both)
    for rate in both.under("add/remove").tpr_at_fpr:
        assert f"{100 * rate.tpr:.3g} %" in text
    assert "sample" not in words(curve_figure(report))


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (Target(tpr=0.2, fpr=0.02), "target: TPR 20 %"),
        (Target(reconstruction=0.1, candidates=30), "target: chance to pick the right one 10 %"),
        (Target(advantage=0.3), "target: advantage 0.3"),
    ],
)
def test_a_target_is_marked_where_the_curve_meets_it(target, label):
    found = calibrate(target, sample_rate=0.1, steps=50)
    mark, curve = target_mark(found), found.bounds.under("add/remove").curve
    assert mark.tpr[-1] == pytest.approx(np.interp(mark.fpr[-1], curve.fpr, curve.tpr), rel=0.01)
    assert mark.label == label
    assert label in words(curve_figure(found))
    assert f"Marked is the {label}." in curve_figure(found)


def test_a_target_epsilon_is_a_limit_of_its_own_that_no_point_of_the_curve_exceeds():
    found = calibrate(Target(epsilon=1.0), delta=1e-2, sample_rate=1.0, steps=1)
    mark, curve = target_mark(found), found.bounds.under("add/remove").curve
    over = np.subtract(curve.tpr, mark.tpr)
    assert over.max() == pytest.approx(0, abs=1e-3)  # touched where it is steepest
    assert "epsilon 1 at delta 0.01" in words(curve_figure(found))


def test_an_error_from_scratch_is_said_to_be_nowhere_on_the_curve():
    found = calibrate(Target(mse=0.5, genes=100), sample_rate=0.1, steps=50)
    assert target_mark(found).fpr == ()
    assert "which no curve here shows" in words(curve_figure(found))


def test_files_are_whole_and_readable_by_themselves(report, tmp_path):
    svg, png = save_figure(report, tmp_path / "curve.svg"), save_figure(report, tmp_path / "curve.PNG")
    assert "guessing" in words(svg.read_text())
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == (1480, 940)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.PNG", "curve.svg"]
    before = svg.read_bytes()
    assert save_figure(report, svg).read_bytes() == before


@pytest.mark.parametrize("name", ["curve.pdf", "curve", "missing/curve.svg"])
def test_impossible_places_are_refused_before_anything_is_drawn(tmp_path, name):
    with pytest.raises(ConfigError, match="--figure"):
        check_figure(tmp_path / name)
