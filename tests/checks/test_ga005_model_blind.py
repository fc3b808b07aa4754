from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga005_model_blind import blind_auc, model_blind, patient_kernel


def test_a_random_design_passes(evidence):
    found = model_blind(evidence)
    assert found.status == "passed"
    assert "4 targets" in found.summary
    assert all(one.value <= one.chance for one in found.measured)


def test_a_random_release_passes(cohort):
    members = np.random.default_rng(1).permutation(cohort.n_patients) < 60
    assert model_blind(Evidence(cohort=cohort, released=members[cohort.patients])).status == "passed"


def test_no_membership_is_not_applicable(cohort):
    assert model_blind(Evidence(cohort=cohort)).status == "not_applicable"


def test_few_members_are_not_applicable(cohort):
    assert model_blind(Evidence(cohort=cohort, released=cohort.patients < 5)).status == "not_applicable"


def test_members_from_some_hospitals_are_told_by_their_expression_alone(cohort):
    released = cohort.obs["site"].isin(["site-1", "site-2"]).to_numpy()
    hidden = replace(cohort, obs=cohort.obs[["age"]])
    found = model_blind(Evidence(cohort=hidden, released=released))
    assert found.status == "issue"
    assert [one.what for one in found.measured] == ["expression", "covariates"]
    assert found.measured[0].value > found.measured[0].chance > 0.5
    assert f"{found.measured[0].value:.2f} from expression" in found.summary
    assert "control group is biased" in found.summary


def test_members_of_an_age_are_told_by_covariates_alone(cohort):
    age = cohort.obs["age"].groupby(cohort.patients).first().to_numpy()
    found = model_blind(Evidence(cohort=cohort, released=(age > np.median(age))[cohort.patients]))
    assert found.status == "issue"


def test_the_second_release_of_a_source_is_told_by_its_shift(cohort):
    members = np.random.default_rng(1).permutation(cohort.n_patients) < 60
    X = cohort.X + 0.3 * np.random.default_rng(2).normal(size=cohort.n_genes) * members[cohort.patients][:, None]
    shifted = replace(cohort, X=X.astype(np.float32))
    assert model_blind(Evidence(cohort=shifted, released=members[cohort.patients])).status == "issue"


def test_the_classifier_is_ridge_regression_within_folds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 8))
    members = (X[:, 0] + rng.normal(size=50) > 0)[None]
    penalty = (X**2).sum() / 50
    won = pairs = 0.0
    for fold in range(5):
        held = np.arange(50) % 5 == fold
        # Without an intercept on centred labels, as kernel ridge regression is.
        labels = members[0, ~held] - members[0, ~held].mean()
        score = Ridge(alpha=penalty, fit_intercept=False).fit(X[~held], labels).predict(X[held])
        cells = members[0, held].sum() * (~members[0, held]).sum()
        won, pairs = won + cells * roc_auc_score(members[0, held], score), pairs + cells
    order = np.arange(50)[::-1][None]
    found = blind_auc(X @ X.T, members, order)
    assert found[0] == pytest.approx(won / pairs)
    assert found[1] == pytest.approx(blind_auc(X @ X.T, members[:, ::-1], order)[0])


def test_a_patients_kernel_is_of_the_mean_sample():
    X = np.random.default_rng(0).normal(size=(6, 4))
    patients = np.array([0, 0, 1, 2, 2, 2])
    means = np.array([X[patients == p].mean(axis=0) for p in range(3)])
    np.testing.assert_allclose(patient_kernel(X @ X.T, patients), means @ means.T)
