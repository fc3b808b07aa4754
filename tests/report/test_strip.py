import re

import numpy as np
import pytest
from sample_patients import build_patients, build_release_patients

from genoaudit.report.strip import WIDTH, strip_of


def marks(path):
    return np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", path), dtype=float).reshape(-1, 2)


@pytest.fixture(scope="module")
def patients():
    return build_patients(300)


@pytest.fixture(scope="module")
def strip(patients, report):
    return strip_of(patients, report)


def test_every_patient_has_one_mark_in_the_row_of_the_class_and_in_the_order_of_the_table(patients, strip, report):
    assert sum(row.patients for row in strip.rows) == len(patients)
    for row in strip.rows:
        ((side, path),) = row.paths
        own = patients.loc[patients["class"] == row.name, "auc"].to_numpy()
        assert side == "all"
        assert len(marks(path)) == row.patients == own.size
        across = marks(path)[:, 0]
        ends = [at for _, at in (strip.ticks[0], strip.ticks[-1])]
        low = strip.ticks[0][0]
        expected = ends[0] + (ends[1] - ends[0]) * (own - low) / (1 - low)
        np.testing.assert_allclose(across, expected, atol=3)


def test_no_two_marks_lie_on_one_another_and_none_outside_the_drawing(strip):
    for row in strip.rows:
        found = marks(row.paths[0][1])
        assert len(np.unique(found, axis=0)) == len(found)
        assert found.min() >= 0
        assert found[:, 0].max() <= WIDTH
        assert found[:, 1].max() <= strip.height


def test_marks_of_equal_value_are_stacked_without_a_gap(report):
    patients = build_patients(40, classes=("one",))
    patients["auc"] = 0.75
    (row,) = strip_of(patients, report).rows
    found = marks(row.paths[0][1])
    assert np.unique(found[:, 0]).size == 1
    steps = np.diff(np.sort(found[:, 1]))
    assert steps.min() == pytest.approx(steps.max(), abs=0.11)


def test_the_class_with_the_highest_median_comes_first_and_quantiles_are_those_of_the_class(patients, strip):
    medians = [row.median for row in strip.rows]
    assert medians == sorted(medians, reverse=True)
    for row in strip.rows:
        own = patients.loc[patients["class"] == row.name, "auc"]
        assert row.median == pytest.approx(own.median())
        assert row.high == pytest.approx(own.quantile(0.95))


def test_the_band_is_where_patients_lie_who_left_no_trace(strip, report):
    from genoaudit.report.wording import unexposed_band

    low, at_low = strip.ticks[0]
    scale = (strip.ticks[-1][1] - at_low) / (1 - low)
    expected = [at_low + scale * (end - low) for end in unexposed_band(report)]
    assert strip.band == pytest.approx(expected, abs=0.2)
    assert strip.guess == pytest.approx(at_low + scale * (0.5 - low), abs=0.2)


def test_members_of_one_model_are_told_from_non_members_and_only_they_have_quantiles(release_report):
    patients = build_release_patients()
    strip = strip_of(patients, release_report)
    assert strip.measure == "non_members_below"
    assert strip.band is None
    assert strip.guess is None
    for row in strip.rows:
        own = patients[patients["class"] == row.name]
        sides = dict(row.paths)
        assert len(marks(sides["members"])) == own["member"].sum()
        assert len(marks(sides["non_members"])) == (~own["member"]).sum()
        assert row.median == pytest.approx(own.loc[own["member"], "non_members_below"].median())


def test_a_class_without_members_has_no_quantiles(release_report):
    patients = build_release_patients(classes=("one",))
    patients["member"] = False
    (row,) = strip_of(patients, release_report).rows
    assert row.median is None
    assert row.high is None


@pytest.mark.parametrize("empty", ["rows", "measure"])
def test_without_numbers_of_patients_there_is_nothing_to_draw(empty, patients, report):
    table = patients.iloc[:0] if empty == "rows" else patients.drop(columns="auc")
    assert strip_of(table, report) is None


def test_many_classes_get_lower_strips(report):
    heights = [strip_of(build_patients(400, tuple(map(str, range(n)))), report).height for n in (3, 12, 33)]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3
