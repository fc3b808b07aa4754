from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga001_duplicates import duplicates
from genoaudit.data.simulate import simulate_cohort


def with_rows(cohort, X):
    return Evidence(cohort=replace(cohort, X=np.ascontiguousarray(X, dtype=np.float32)))


def lone_samples(cohort, count):
    """Samples of patients with one sample, patients all different."""
    return np.flatnonzero(np.bincount(cohort.patients)[cohort.patients] == 1)[:count]


def test_a_cohort_of_different_people_passes(evidence):
    assert duplicates(evidence).status == "passed"


def test_no_expression_is_not_applicable():
    assert duplicates(Evidence()).status == "not_applicable"


def test_an_exact_copy_of_another_patients_sample_is_an_issue(cohort):
    X = cohort.X.copy()
    one, other = lone_samples(cohort, 2)
    X[one] = X[other]
    found = duplicates(with_rows(cohort, X))
    assert found.status == "issue"
    assert found.summary.startswith("2 samples with exactly")
    assert "pair" not in found.summary


def test_negative_zero_is_zero(cohort):
    X = cohort.X.copy()
    one, other = lone_samples(cohort, 2)
    X[one] = X[other]
    X[one, 5], X[other, 5] = 0.0, -0.0
    assert duplicates(with_rows(cohort, X)).summary.startswith("2 samples")


def test_a_repeat_within_a_patient_is_a_tip(cohort):
    X = cohort.X.copy()
    first = np.flatnonzero(np.diff(cohort.patients) == 0)[0]
    X[first + 1] = X[first]
    found = duplicates(with_rows(cohort, X))
    assert found.status == "tip"
    assert found.summary == "2 samples repeated exactly within a patient."


def test_one_specimen_sequenced_twice_is_found_and_nothing_else():
    # The same expression, reads drawn anew: the counts of two runs of one library.
    cohort = simulate_cohort(patients=120, genes=800, classes=3, scale="counts", seed=7)
    X = cohort.X.copy()
    lone = lone_samples(cohort, 6)
    X[lone[3:]] = np.random.default_rng(0).poisson(X[lone[:3]])
    found = duplicates(with_rows(cohort, X))
    assert found.status == "issue"
    assert found.summary.startswith("3 pairs of patients")


def test_a_copy_at_another_depth_is_one_too():
    cohort = simulate_cohort(patients=120, genes=800, classes=3, scale="counts", seed=7)
    X = cohort.X.copy()
    one, other = lone_samples(cohort, 2)
    X[one] = 2 * X[other]
    assert duplicates(with_rows(cohort, X)).summary.startswith("1 pair of patients")


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_of_a_repeated_measurement_does_not_hide_a_copy(cohort, noise):
    X = cohort.X.copy()
    one, other = lone_samples(cohort, 2)
    X[one] = X[other] + np.random.default_rng(0).normal(0, noise, cohort.n_genes)
    assert duplicates(with_rows(cohort, X)).summary.startswith("1 pair")


def test_resampling_with_replacement_is_caught(own_patients):
    drawn = np.random.default_rng(0).integers(own_patients.n_samples, size=own_patients.n_samples)
    copied = int((np.bincount(drawn)[drawn] > 1).sum())
    found = duplicates(with_rows(own_patients, own_patients.X[drawn]))
    assert found.status == "issue"
    assert found.summary.startswith(f"{copied} samples with exactly")


def test_findings_name_nobody(cohort):
    X = cohort.X.copy()
    one, other = lone_samples(cohort, 2)
    X[one] = X[other]
    found = duplicates(with_rows(cohort, X))
    assert not any(name in found.summary + found.advice for name in (*cohort.patient_ids, *cohort.sample_ids))


@pytest.mark.cohort
@pytest.mark.parametrize(
    ("name", "scale", "status"),
    [("tcga_paired11", "log2", "passed"), ("tcga_gbm_subtypes_counts", "counts", "passed")],
)
def test_real_patients_are_different(real_cohort, name, scale, status):
    assert duplicates(Evidence(cohort=real_cohort(name, scale))).status == status


@pytest.mark.cohort
def test_two_arrays_of_one_specimen_in_the_khan_data_are_found(real_cohort):
    # Two samples correlate by 0.986 after removing gene means, where the next pair has 0.772.
    found = duplicates(Evidence(cohort=real_cohort("srbct_khan", "ratio")))
    assert found.status == "issue"
    assert found.summary.startswith("1 pair of patients")
