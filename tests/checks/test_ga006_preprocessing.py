from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga006_preprocessing import preprocessing


def found_in(cohort, X):
    return preprocessing(Evidence(cohort=replace(cohort, X=np.ascontiguousarray(X, dtype=np.float32))))


def test_values_as_measured_pass(evidence):
    assert preprocessing(evidence).status == "passed"


def test_no_expression_is_not_applicable():
    assert preprocessing(Evidence()).status == "not_applicable"


def test_a_declaration_is_believed(evidence):
    assert preprocessing(replace(evidence, preprocessing_inside=False)).status == "issue"


def test_genes_standardised_over_the_pool_are_an_issue(cohort):
    found = found_in(cohort, StandardScaler().fit_transform(cohort.X))
    assert found.status == "issue"
    assert "mean 0 and standard deviation 1" in found.summary


@pytest.mark.parametrize("decimals", [2, 4])
def test_rounding_does_not_hide_standardisation_with_n_minus_one(cohort, decimals):
    scaled = (cohort.X - cohort.X.mean(axis=0)) / np.maximum(cohort.X.std(axis=0, ddof=1), 1e-9)
    assert "standard deviation 1" in found_in(cohort, scaled.round(decimals)).summary


def test_a_scaler_fitted_on_half_of_the_pool_leaves_no_such_trace(cohort):
    half = StandardScaler().fit(cohort.X[::2])
    assert found_in(cohort, half.transform(cohort.X)).status == "passed"


def test_genes_between_zero_and_one_are_an_issue(cohort):
    assert "run from 0 to 1" in found_in(cohort, MinMaxScaler().fit_transform(cohort.X)).summary


@pytest.mark.parametrize(("centre", "text"), [(np.mean, "mean 0"), (np.median, "median 0")])
def test_centred_genes_are_an_issue(cohort, centre, text):
    found = found_in(cohort, cohort.X - centre(cohort.X, axis=0))
    assert found.status == "issue"
    assert text in found.summary


def test_principal_components_are_an_issue(cohort):
    parts = PCA(20, random_state=0).fit_transform(cohort.X)
    found = preprocessing(
        Evidence(cohort=replace(cohort, X=parts.astype(np.float32), genes=tuple(f"PC{i}" for i in range(20))))
    )
    assert found.status == "issue"
    assert "principal components" in found.summary


def test_samples_standardised_one_by_one_pass(cohort):
    own = (cohort.X - cohort.X.mean(axis=1, keepdims=True)) / cohort.X.std(axis=1, keepdims=True)
    assert found_in(cohort, own).status == "passed"


def test_quantile_normalisation_is_a_tip(cohort):
    ranks = cohort.X.argsort(axis=1).argsort(axis=1)
    assert found_in(cohort, np.sort(cohort.X, axis=1).mean(axis=0)[ranks]).status == "tip"


@pytest.mark.cohort
def test_published_tables_of_centred_log_ratios_are_recognised(real_cohort):
    assert "median 0" in preprocessing(Evidence(cohort=real_cohort("nci60", "log_ratio"))).summary
    assert preprocessing(Evidence(cohort=real_cohort("srbct_khan", "ratio"))).status == "passed"
