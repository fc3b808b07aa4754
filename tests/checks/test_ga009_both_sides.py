from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga009_both_sides import both_sides
from genoaudit.data.design import make_design


def classes_of_patients(cohort):
    return cohort.y[np.unique(cohort.patients, return_index=True)[1]]


def test_a_stratified_design_passes(evidence):
    found = both_sides(evidence)
    assert found.status == "passed"
    smallest = np.bincount(classes_of_patients(evidence.cohort)).min()
    assert found.summary.startswith(f"Each class has {smallest // 2} or more")


def test_no_membership_is_not_applicable(cohort):
    assert both_sides(Evidence(cohort=cohort)).status == "not_applicable"


def test_coins_leave_it_to_chance(cohort):
    coins = make_design(cohort.y, cohort.patients, models=4, seed=0, kind="coins", audited=np.arange(10))
    assert both_sides(Evidence(cohort=cohort, design=coins)).status == "not_applicable"


@pytest.mark.parametrize("side", [True, False], ids=["no non-member", "no member"])
def test_a_class_on_one_side_is_an_issue(evidence, side):
    members = evidence.design.members.copy()
    members[3, classes_of_patients(evidence.cohort) == 1] = side
    found = both_sides(replace(evidence, design=replace(evidence.design, members=members)))
    assert found.status == "issue"
    assert found.summary.startswith("1 class without a member or without a non-member")


def test_a_single_patient_of_a_class_on_a_side_is_a_tip(evidence):
    members = evidence.design.members.copy()
    own = np.flatnonzero(classes_of_patients(evidence.cohort) == 1)
    members[0, own] = False
    members[0, own[0]] = True
    found = both_sides(replace(evidence, design=replace(evidence.design, members=members)))
    assert found.status == "tip"
    assert found.summary.startswith("1 class with a single patient")


def test_a_patient_who_is_never_a_member_is_an_issue(evidence):
    members = evidence.design.members.copy()
    members[:, 5] = False
    found = both_sides(replace(evidence, design=replace(evidence.design, members=members)))
    assert found.status == "issue"
    assert "1 patient in or out of fewer than 2 models" in found.summary


def test_a_released_model_without_one_class_is_an_issue(cohort):
    found = both_sides(Evidence(cohort=cohort, released=cohort.y != 0))
    assert found.status == "issue"
    assert found.summary.startswith("3 classes")
