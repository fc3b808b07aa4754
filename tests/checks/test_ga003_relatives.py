from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.alikeness import alike_pairs, sample_gram, without
from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga003_relatives import relatives
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.simulate import simulate_cohort


def test_unrelated_patients_pass(evidence):
    assert relatives(evidence).status == "passed"


def test_no_expression_is_not_applicable():
    assert relatives(Evidence()).status == "not_applicable"


def test_pairs_that_share_most_of_their_variation_are_a_tip(twins):
    assert relatives(Evidence(cohort=twins)).status == "tip"


def test_a_small_class_of_its_own_is_no_pair_of_relatives(cohort):
    # Two patients of one rare type resemble each other; fitting the class takes that away.
    X, y = cohort.X.copy(), cohort.y.copy()
    rare = np.flatnonzero(np.bincount(cohort.patients)[cohort.patients] == 1)[:4]
    X[rare] += np.random.default_rng(0).normal(0, 1.5, cohort.n_genes)
    y[rare] = len(cohort.classes)
    named = replace(cohort, X=X, y=y, classes=(*cohort.classes, "rare"))
    assert relatives(Evidence(cohort=named)).status == "passed"


@pytest.mark.parametrize("scale", ["log2", "counts"])
def test_the_gram_matrix_is_that_of_centred_log_expression(scale):
    cohort = simulate_cohort(patients=30, genes=2500, classes=2, scale=scale, seed=1)
    X = LogTransform(scale).fit_transform(cohort.X).astype(np.float64)
    X -= X.mean(axis=0)
    np.testing.assert_allclose(sample_gram(cohort), X @ X.T, rtol=1e-9, atol=1e-6)


def test_fitting_labels_is_taking_means_within_labels():
    X = np.random.default_rng(0).normal(size=(30, 50))
    label = np.repeat([0, 1, 2], 10)
    centred = X - np.array([X[label == level].mean(axis=0) for level in label])
    np.testing.assert_allclose(without(X @ X.T, [label]), centred @ centred.T, atol=1e-9)


def test_alike_pairs_equals_a_slow_search():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 20))
    patients = np.repeat(np.arange(20), 2)
    X[7] = X[20] + 0.1 * rng.normal(size=20)
    C = (X @ X.T) / np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(X, axis=1))
    found = {}
    for i in range(40):
        order = sorted((np.sqrt(max(2 - 2 * C[i, j], 0)), j) for j in range(40) if patients[j] != patients[i])
        found[i] = (order[0][1], order[0][0] / order[5][0])
    expected = {(i, j): max(found[i][1], found[j][1]) for i, (j, _) in found.items() if found[j][0] == i and i < j}
    pairs = alike_pairs(X @ X.T, patients)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == set(expected)
    np.testing.assert_allclose(pairs.ratio, [expected[pair] for pair in sorted(expected)])
    assert pairs.count(below=0.4) == 1
