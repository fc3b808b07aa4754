from typing import get_args

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.data.preprocessing import ExpressionScaler, LogTransform, Scaling
from genoaudit.errors import DataError


def _known_failures(estimator):
    if isinstance(estimator, LogTransform) and estimator.scale == "counts":
        return {"check_estimators_dtypes": "its data hold a sample without counts, which is an error by design"}
    return {}


@parametrize_with_checks(
    [LogTransform(), LogTransform("counts"), LogTransform("ratio")]
    + [ExpressionScaler(scaling) for scaling in get_args(Scaling)],
    expected_failed_checks=_known_failures,
)
def test_transformers_keep_the_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("scale", "values", "expected"),
    [
        ("counts", [1, 3, 0, 4], [np.log2(125_001), np.log2(375_001), 0, np.log2(500_001)]),
        ("cpm", [0, 1, 3, 7], [0, 1, 2, 3]),
        ("tpm", [0, 1, 3, 7], [0, 1, 2, 3]),
        ("rsem", [0, 1, 3, 7], [0, 1, 2, 3]),
        ("intensity", [-300, 0, 20, 32], [np.log2(20), np.log2(20), np.log2(20), 5]),
        ("ratio", [0, 0.005, 0.5, 4], [np.log2(0.01), np.log2(0.01), -1, 2]),
        ("log2", [-2, 0, 3.5, 11], [-2, 0, 3.5, 11]),
        ("log_ratio", [-2, 0, 3.5, 11], [-2, 0, 3.5, 11]),
        ("zscore", [-2, 0, 3.5, 11], [-2, 0, 3.5, 11]),
    ],
)
def test_log_transform_maps_each_scale_as_declared(scale, values, expected):
    given = np.array([values], dtype=np.float32)
    transformed = LogTransform(scale).fit_transform(given)
    assert transformed.dtype == np.float32
    np.testing.assert_allclose(transformed, [expected], rtol=1e-6)
    np.testing.assert_array_equal(given, np.array([values], dtype=np.float32), err_msg="the input was modified")


def test_counts_do_not_depend_on_sequencing_depth():
    counts = np.random.default_rng(0).poisson(50, size=(3, 400)) + 1
    shallow, deep = (LogTransform("counts").fit_transform(counts * depth) for depth in (1, 8))
    np.testing.assert_allclose(shallow, deep, rtol=1e-6)


@pytest.mark.parametrize(
    "transformer", [LogTransform("counts"), LogTransform("intensity"), ExpressionScaler("sample")], ids=repr
)
def test_patient_local_transforms_do_not_see_the_other_samples(transformer):
    X = np.random.default_rng(1).gamma(2.0, 100.0, size=(23, 1111)).astype(np.float32)
    together = transformer.fit(X).transform(X)
    for rows in ([4], [22, 0, 7], range(5, 20)):
        np.testing.assert_array_equal(transformer.transform(X[list(rows)]), together[list(rows)])
        np.testing.assert_array_equal(transformer.fit(X[list(rows)]).transform(X), together)


@pytest.mark.parametrize("error", [DataError, ValueError])
def test_sample_without_counts_is_an_error_that_names_its_row(error):
    counts = np.array([[1, 2], [0, 0], [3, 0], [0, 0]])
    with pytest.raises(error, match=r"2 of 4 samples have no counts at all \(first: row 1\)"):
        LogTransform("counts").fit_transform(counts)


def test_negative_amounts_are_an_error_that_names_row_and_gene():
    frame = pd.DataFrame({"TP53": [1.0, 2.0, 3.0], "MYC": [0.0, 4.0, -0.25]}, index=["patient-a", "patient-b", "c"])
    with pytest.raises(DataError, match=r"1 of 6 \(first: row 2, column 'MYC': -0\.25\)") as caught:
        LogTransform("tpm").fit(frame)
    assert "patient" not in str(caught.value)
    fitted = LogTransform("tpm").fit(frame.abs())
    with pytest.raises(DataError, match="row 2"):
        fitted.transform(frame)


def test_member_scaling_is_the_z_score_of_the_fitted_rows():
    rng = np.random.default_rng(2)
    members, others = (rng.normal(rng.normal(7, 3, size=300), 2, size=(n, 300)) for n in (40, 9))
    scaler = ExpressionScaler(gain=None).fit(members)
    expected = (others - members.mean(axis=0)) / members.std(axis=0)
    np.testing.assert_allclose(scaler.transform(others), expected, atol=2e-6)
    assert scaler.transform(others).dtype == np.float32


def test_member_statistics_are_accumulated_in_double_precision():
    values = (np.arange(20_001) % 2 + 2**14).astype(np.float32)[:, np.newaxis]  # running sums beyond 2**24
    scaler = ExpressionScaler(gain=None).fit(values)
    np.testing.assert_allclose(scaler.mean_, values.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.sd_, values.astype(np.float64).std(axis=0), rtol=1e-6)


def test_constant_gene_is_centred_and_divided_by_one():
    members = np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 5.0]])
    scaler = ExpressionScaler(gain=None).fit(members)
    np.testing.assert_array_equal(scaler.transform(members)[:, 0], 0)
    np.testing.assert_allclose(scaler.transform([[2.1, 3.0]]), [[2.0, 0.0]], atol=1e-6)


def test_sample_scaling_standardises_each_row_over_its_genes():
    X = np.random.default_rng(3).normal(5, 2, size=(6, 500))
    scaled = ExpressionScaler("sample", gain=None).fit_transform(X)
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=1), 1, rtol=1e-5)


def test_constant_sample_becomes_zero():
    np.testing.assert_array_equal(ExpressionScaler("sample").fit_transform(np.full((2, 77), 0.1)), 0)


@pytest.mark.parametrize("genes", [200, 6_000])
@pytest.mark.parametrize("scaling", ["members", "sample"])
def test_rows_have_length_gain_whatever_the_number_of_genes(scaling, genes):
    X = np.random.default_rng(4).normal(6, 3, size=(50, genes))
    scaled = ExpressionScaler(scaling, gain=7.0).fit_transform(X)
    np.testing.assert_allclose((scaled.astype(np.float64) ** 2).sum(axis=1).mean(), 49, rtol=1e-5)


def test_no_scaling_leaves_values_as_they_are():
    X = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(ExpressionScaler("none", gain=10.0).fit_transform(X), X)


def test_scaler_does_not_modify_its_input():
    X = np.random.default_rng(6).normal(size=(8, 5)).astype(np.float32)
    before = X.copy()
    for scaling in get_args(Scaling):
        ExpressionScaler(scaling).fit_transform(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("transformer", [LogTransform("cpm"), ExpressionScaler()], ids=repr)
def test_genes_are_known_by_name(transformer):
    frame = pd.DataFrame({"TP53": [1.0, 2.0], "MYC": [0.0, 4.0]})
    transformer.fit(frame)
    assert transformer.get_feature_names_out().tolist() == ["TP53", "MYC"]
    with pytest.raises(ValueError, match="same order"):
        transformer.transform(frame[["MYC", "TP53"]])


@pytest.mark.parametrize(
    ("transformer", "parameter"),
    [
        (LogTransform("log10"), "scale"),
        (ExpressionScaler("gene"), "scaling"),
        (ExpressionScaler(gain=0.0), "gain"),
        (ExpressionScaler(gain=-1), "gain"),
        (ExpressionScaler(gain="ten"), "gain"),
    ],
    ids=repr,
)
def test_impossible_parameters_are_named(transformer, parameter):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of {type(transformer).__name__}"):
        transformer.fit(np.eye(3))
