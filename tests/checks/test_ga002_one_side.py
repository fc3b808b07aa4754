from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga002_one_side import one_side
from genoaudit.data.design import make_design


def test_a_design_by_patient_passes(evidence):
    assert one_side(evidence).status == "passed"


def test_no_cohort_is_not_applicable(design):
    assert one_side(Evidence(design=design)).status == "not_applicable"


def test_a_design_by_sample_is_an_issue(cohort, own_patients):
    by_sample = make_design(own_patients.y, own_patients.patients, models=4, seed=0)
    found = one_side(Evidence(cohort=cohort, design=by_sample))
    assert found.status == "issue"
    assert "chosen by sample" in found.summary


def test_patients_split_by_a_released_model_are_counted(cohort):
    repeated = np.flatnonzero(np.bincount(cohort.patients) == 2)[:3]
    released = np.zeros(cohort.n_samples, dtype=bool)
    released[::2] = True
    released = np.bincount(cohort.patients, weights=released)[cohort.patients] > 0
    for patient in repeated:
        released[np.flatnonzero(cohort.patients == patient)] = [True, False]
    found = one_side(Evidence(cohort=cohort, released=released))
    assert found.status == "issue"
    assert found.summary.startswith("3 patients with samples among the members and among")


def test_membership_of_other_samples_is_an_issue(cohort):
    assert one_side(Evidence(cohort=cohort, released=np.ones(3, dtype=bool))).status == "issue"


def test_an_undeclared_patient_column_is_an_issue(cohort, own_patients):
    names = np.array(cohort.patient_ids)[cohort.patients]
    undeclared = replace(own_patients, obs=own_patients.obs.assign(donor_id=names))
    found = one_side(Evidence(cohort=undeclared))
    assert found.status == "issue"
    assert "'donor_id' names 120 patients for 144 samples" in found.summary


def test_barcodes_of_one_participant_are_an_issue(own_patients):
    ids = [f"TCGA-AA-{number // 2:04d}-{1 + 10 * (number % 2):02d}A" for number in range(own_patients.n_samples)]
    found = one_side(Evidence(cohort=replace(own_patients, sample_ids=tuple(ids))))
    assert found.status == "issue"
    assert f"{own_patients.n_samples // 2} TCGA barcodes" in found.summary


def test_a_group_column_is_no_patient_column(own_patients):
    few = replace(own_patients, obs=own_patients.obs.assign(patient_group=own_patients.obs["sex"]))
    assert one_side(Evidence(cohort=few)).status == "passed"


def test_second_biopsies_under_other_names_are_a_tip(twins):
    found = one_side(Evidence(cohort=twins))
    assert found.status == "tip"
    assert "one person may be behind them" in found.summary


@pytest.mark.cohort
def test_barcodes_of_tumours_and_normals_betray_their_patients(real_cohort):
    found = one_side(Evidence(cohort=real_cohort("tcga_paired11", "log2", patient=None)))
    assert found.status == "issue"
    assert "602" in found.summary


@pytest.mark.cohort
def test_the_double_cell_lines_of_nci60_are_found_when_nobody_declares_them(real_cohort):
    cohort = real_cohort("nci60", "log_ratio", patient=None)
    undeclared = replace(cohort, obs=cohort.obs.drop(columns="patient_id"))
    assert one_side(Evidence(cohort=cohort)).status == "issue"
    assert one_side(Evidence(cohort=undeclared)).status == "tip"
