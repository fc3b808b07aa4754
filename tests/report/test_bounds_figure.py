import struct
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest

from genoaudit.bounds import bounds
from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.report.bounds_figure import check_figure, curve_figure, save_figure


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
