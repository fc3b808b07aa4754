"""The story of an audit, called from Python."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from genoaudit import AuditSection, RunOptions, audit_recipe, simulate_cohort
from genoaudit.errors import ConfigError, DataError, TrainingError

COHORT = simulate_cohort(patients=60, genes=40, classes=2, seed=1)


@pytest.fixture
def options(tmp_path):
    return RunOptions(threads=1, cache=tmp_path)


def test_a_patient_who_is_memorised_comes_out_on_top(options):
    """A model that knows one member by heart and guesses about everybody else."""
    victim = 17
    rows = np.flatnonzero(COHORT.patients == victim)
    result = audit_recipe(Memoriser(tuple(COHORT.X[rows[0]].tolist())), COHORT, AuditSection(models=32), options)
    worst = result.patients.iloc[0]
    assert worst["patient_id"] == COHORT.patient_ids[victim]
    assert worst["auc"] == 1.0
    assert result.report.exposure.most_exposed[0].pseudonym == worst["pseudonym"]
    assert result.patients["auc"].iloc[1:].between(0.1, 0.9).all()


class Memoriser(ClassifierMixin, BaseEstimator):
    def __init__(self, face=(), random_state=None):
        self.face = face
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        face = np.asarray(self.face, dtype=np.float32)
        hit = np.flatnonzero((face == X).all(axis=1))
        self.known_ = int(y[hit[0]]) if hit.size else None
        self.noise_ = np.random.default_rng(self.random_state)
        return self

    def predict_proba(self, X):
        proba = self.noise_.uniform(0.3, 0.7, size=(len(X), 1))
        proba = np.hstack([proba, 1 - proba])
        if self.known_ is not None:
            hit = (np.asarray(self.face, dtype=np.float32) == X).all(axis=1)
            proba[hit] = 0.01
            proba[hit, self.known_] = 0.99
        return proba


@pytest.mark.parametrize("recipe", ["mlp", LogisticRegression, SVC(), None])
def test_what_is_no_recipe_is_refused_in_words(options, recipe):
    with pytest.raises(ConfigError, match="unfitted scikit-learn classifier with predict_proba"):
        audit_recipe(recipe, COHORT, AuditSection(models=4), options)


def test_a_recipe_that_breaks_is_named_with_what_it_said(options):
    with pytest.raises(TrainingError, match=r"model 0: the recipe raised ValueError: Solver lbfgs"):
        audit_recipe(LogisticRegression(solver="lbfgs", l1_ratio=0.5), COHORT, AuditSection(models=4), options)


def test_an_identifier_is_no_group(options):
    cohort = simulate_cohort(patients=60, genes=40, classes=2, seed=1)
    cohort.obs["barcode"] = [f"X{i}" for i in range(cohort.n_samples)]
    with pytest.raises(DataError, match="'barcode', more than 40: too many for groups") as caught:
        audit_recipe(LogisticRegression(), cohort, AuditSection(models=4), options, groups=["barcode"])
    assert "X1" not in str(caught.value)


def test_attacks_that_cannot_run_are_listed_and_if_none_can_it_is_refused(options):
    result = audit_recipe(LogisticRegression(), COHORT, AuditSection(models=4), options)
    assert [attack.name for attack in result.report.attacks] == ["loss"]
    assert {idle.name for idle in result.report.not_run} == {
        "lira",
        "lira_fixed",
        "lira_offline",
        "lira_offline_fixed",
    }
    with pytest.raises(ConfigError, match="no attack can run: lira needs at least 6 models"):
        audit_recipe(LogisticRegression(), COHORT, AuditSection(models=4, attacks=("lira",)), options)
