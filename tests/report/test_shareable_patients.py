"""Classes, groups and the spread of exposure, in counts and bands that point at nobody."""

import numpy as np
import pytest
from sample_report import CLASSES, build_report
from sample_summary import build_full_report, build_members, build_patients, build_summary

from genoaudit.report.sections import Flagging
from genoaudit.report.shareable_patients import Patients, most_exposed_group, shared_exposure, shared_variables


@pytest.fixture(scope="module")
def patients():
    return Patients(build_patients(), build_members())


@pytest.fixture(scope="module")
def variables(patients):
    return {variable.name: variable for variable in shared_variables(build_report(), patients)}


def test_small_classes_and_one_more_are_not_shown_nor_named(variables):
    shown = {value.name for value in variables["class"].values}
    assert shown == set(CLASSES) - {"THCA", "PRAD"}
    assert not variables["class"].complete
    assert variables["sex"].complete


def test_counts_are_multiples_of_five_near_the_truth(variables):
    for value in variables["class"].values:
        assert value.patients % 5 == 0
        assert abs(value.patients - CLASSES[value.name]) < 5


def test_a_group_has_the_numbers_of_the_report_rounded(variables):
    exact = next(group for group in build_report().groups if group.value == "female")
    told = next(value for value in variables["sex"].values if value.name == "female")
    assert told.auc.value == round(exact.auc.value, 2)
    assert told.rate.fpr == exact.tpr_at_fpr.fpr
    assert [value.auc for value in variables["site"].values] == [None]  # the report knows no sites


def test_groups_that_the_table_does_not_know_are_left_out():
    table = build_patients().drop(columns="group: sex")
    told = shared_variables(build_report(), Patients(table, build_members()))
    assert {variable.name for variable in told} == {"class", "site"}
    bare = table.drop(columns=["group: class", "group: site"])
    assert shared_variables(build_report(), Patients(bare, build_members())) == ()


def test_the_ends_of_ranges_are_not_told():
    """The youngest and the oldest are single patients."""
    table = build_patients().drop(columns=["group: sex", "group: site"])
    ages = np.array(["17.25 to 43", "43 to 55", "55 to 61", "61 to 103.5", "(missing)"])
    table["group: age"] = ages[np.arange(400) % 5]
    table["group: stage"] = np.array(["I", "II to III"])[np.arange(400) % 2]
    told = {variable.name: variable for variable in shared_variables(build_report(), Patients(table, build_members()))}
    assert [value.name for value in told["age"].values] == [
        "(missing)",
        *(f"part {number} of 4, from the lowest" for number in (1, 2, 3, 4)),
    ]
    assert [value.name for value in told["stage"].values] == ["I", "II to III"]


def test_the_most_exposed_group_is_told_only_where_no_group_is_hidden(variables):
    """Of a hidden one it would say that it is large enough to be attacked by itself."""
    report, known = build_full_report(), tuple(variables.values())
    assert not all(variable.complete for variable in known)
    assert most_exposed_group(report, known) is None
    worst = report.worst_group.model_copy(update={"variable": "sex", "value": "female"})
    named = report.model_copy(update={"worst_group": worst})
    assert most_exposed_group(named, known) is None  # or its absence would speak of a hidden one
    told = most_exposed_group(named, tuple(variable for variable in known if variable.complete))
    assert (told.variable, told.value, told.auc.low, told.auc.high) == ("sex", "female", 0.8, 0.9)
    assert most_exposed_group(build_report(worst_group=None), ()) is None


def test_every_band_of_exposure_holds_at_least_ten(patients):
    bands = shared_exposure(build_report(), patients).bands
    assert bands[0].auc.high is None
    assert bands[-1].auc.low is None
    assert [band.auc.low for band in bands[:-1]] == [band.auc.high for band in bands[1:]]
    assert sum(band.patients for band in bands) == pytest.approx(400, abs=5 * len(bands))


@pytest.mark.parametrize(
    ("auc", "edges"),
    [
        ([0.95] * 9 + [0.85] * 40 + [0.65] * 40 + [0.5] * 11, [(0.8, None), (0.6, 0.8), (None, 0.6)]),
        ([0.95] * 10 + [0.5] * 9 + [0.75] * 81, [(0.9, None), (None, 0.9)]),
        ([0.55] * 100, [(None, None)]),
    ],
)
def test_bands_with_fewer_join_their_neighbour(auc, edges):
    table = build_patients().head(100).assign(auc=auc)
    bands = shared_exposure(build_report(), Patients(table, build_members(100))).bands
    assert [(band.auc.low, band.auc.high) for band in bands] == edges
    assert all(band.patients >= 10 for band in bands)


@pytest.mark.parametrize(
    ("flagged", "how_many", "patients"),
    [
        (0, "fewer than 10", None),
        (9, "fewer than 10", None),
        (391, "all but fewer than 10", None),
        (120, "counted", 120),
    ],
)
def test_few_flagged_patients_are_not_counted(flagged, how_many, patients):
    table = build_patients().assign(flagged=np.arange(400) < flagged)
    exposure = build_report().exposure.model_copy(
        update={"flagging": Flagging(least_auc=0.6, level=0.05, flagged=flagged, patients=400)}
    )
    told = shared_exposure(build_report(exposure=exposure), Patients(table, build_members())).flagged
    assert (told.how_many, told.patients) == (how_many, patients)


def test_the_most_exposed_patient_is_a_band_and_twenty_are_a_number(patients):
    told = shared_exposure(build_report(), patients)
    assert (told.worst_patient.low, told.worst_patient.high) == (0.9, None)
    assert told.worst_twenty.value == 0.89
    assert (told.median.low, told.median.high) == (0.7, 0.8)
    assert told.one_in_twenty.low == 0.9


def test_exposure_of_references_is_told_though_the_table_knows_no_patient_of_it():
    table = build_patients().drop(columns=["auc", "flagged"])
    told = shared_exposure(build_report(), Patients(table, build_members()))
    assert told.bands == ()
    assert told.flagged is None
    assert told.worst_patient is not None


def test_other_pseudonyms_round_otherwise():
    counts = set()
    for seed in range(6):
        table = build_patients()
        table["pseudonym"] = np.random.default_rng(seed).permutation(table["pseudonym"])
        own = table["group: sex"] == "male"
        told = shared_variables(build_report(), Patients(table, build_members()))
        counts.add(next(value.patients for variable in told for value in variable.values if value.name == "male"))
        assert abs(own.sum() - max(counts)) < 5
    assert len(counts) == 2 or int(own.sum()) % 5 == 0


def test_a_summary_holds_what_may_be_shown():
    assert {variable.name for variable in build_summary().variables} == {"class", "sex", "site"}
