from dataclasses import replace

import numpy as np
import pytest

from genoaudit.data.features import expression_features
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.simulate import simulate_cohort


@pytest.mark.parametrize("scale", ["log2", "counts"])
def test_features_are_standardised_principal_components_of_log_expression(scale):
    cohort = simulate_cohort(patients=40, genes=100, classes=3, seed=1, scale=scale)
    found = expression_features(cohort, components=3)
    values = LogTransform(scale).fit_transform(cohort.X).astype(float)
    U, s, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    expected = U[:, :3] * s[:3]
    for ours, theirs in zip(found.T, expected.T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) > 0.999
    assert found.std(axis=0) == pytest.approx(1, rel=1e-3)


def test_features_are_the_same_every_time_and_no_more_than_there_can_be():
    cohort = simulate_cohort(patients=40, genes=10, classes=2, seed=1)
    assert np.array_equal(expression_features(cohort), expression_features(cohort))
    assert expression_features(cohort).shape[1] == 9


def test_samples_that_are_the_same_have_the_same_coordinates_whoever_they_belong_to():
    cohort = simulate_cohort(patients=40, genes=100, classes=3, seed=1)
    X = np.array(cohort.X)
    first, other = (np.flatnonzero(cohort.patients == patient)[0] for patient in (3, 31))
    X[other] = X[first]
    found = expression_features(replace(cohort, X=X), components=5)
    assert found[first] == pytest.approx(found[other], abs=1e-5)  # single precision
