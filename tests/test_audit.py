"""The story of an audit, called from Python."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort
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
    assert [attack.name for attack in result.report.attacks] == ["loss", "per_class", "rmia"]
    assert result.report.headline == "rmia"
    idle = {idle.name: idle.reason for idle in result.report.not_run}
    assert set(idle) == {"lira", "lira_fixed", "lira_offline", "lira_offline_fixed", "bavaria_t", "rmia_offline"}
    assert idle["lira"] == "needs at least 6 models, has 4"
    with pytest.raises(ConfigError, match="no attack can run: lira needs at least 6 models"):
        audit_recipe(LogisticRegression(), COHORT, AuditSection(models=4, attacks=("lira",)), options)


def test_an_adversary_with_labels_alone_runs_the_attacks_on_labels(options):
    settings = AuditSection(models=16, attacks=("all",), access="labels", queries=2)
    result = audit_recipe(build_recipe("mlp", {"hidden": [8], "epochs": 5}, scale="log2"), COHORT, settings, options)
    ran = {attack.name for attack in result.report.attacks}
    assert ran == {"gap", "label_noise", "label_augmentation", "stacked"}
    assert result.report.headline == "label_augmentation"
    reasons = {idle.name: idle.reason for idle in result.report.not_run}
    assert reasons["loss"] == "needs to see probabilities; this adversary sees labels only"
    assert set(result.patients["auc"].round(6)) - {0.5}


def test_white_box_attacks_run_where_parameters_can_be_read_and_the_others_say_why(options):
    attacks = ("loss", "grad_norm", "influence")
    found = {}
    for kind in ("logistic", "mlp", "xgboost"):
        parameters = {"n_estimators": 2} if kind == "xgboost" else {}
        settings = AuditSection(models=6, attacks=attacks)
        result = audit_recipe(build_recipe(kind, parameters, scale="log2"), COHORT, settings, options)
        found[kind] = {attack.name: attack.auc.value for attack in result.report.attacks}
        assert set(found[kind]) | {idle.name for idle in result.report.not_run} == set(attacks)
    assert set(found["logistic"]) == set(attacks)
    assert found["logistic"]["influence"] > 0.95  # at an optimum nobody is hidden from who knows everybody else
    assert set(found["mlp"]) == {"loss", "grad_norm"}
    assert set(found["xgboost"]) == {"loss"}


def test_rounded_probabilities_leave_few_different_scores_and_the_report_says_what_was_seen(options):
    recipe = build_recipe("mlp", {"hidden": [16]}, scale="log2")
    settings = AuditSection(models=8, attacks=("loss",), access="probabilities", decimals=1)
    coarse = audit_recipe(recipe, COHORT, settings, options)
    exact = audit_recipe(recipe, COHORT, settings.model_copy(update={"decimals": None}), options)
    assert coarse.report.adversary.decimals == 1
    assert coarse.report.attacks[0].tpr_at_fpr[0].achieved_fpr < exact.report.attacks[0].tpr_at_fpr[0].achieved_fpr
    assert coarse.report.attacks[0].auc != exact.report.attacks[0].auc


def test_models_auto_doubles_until_the_interval_says_stop_and_says_why(options):
    settings = AuditSection(models="auto", max_models=64, attacks=("loss", "lira_fixed"))
    result = audit_recipe(build_recipe("mlp", {"hidden": [8]}, scale="log2"), COHORT, settings, options)
    assert result.report.design.models in {32, 64}
    assert result.report.stopped
    assert [row.models for row in result.report.convergence][-1] == result.report.design.models
    fixed = settings.model_copy(update={"models": result.report.design.models})
    again = audit_recipe(build_recipe("mlp", {"hidden": [8]}, scale="log2"), COHORT, fixed, options)
    assert again.report.attacks == result.report.attacks


def test_an_invented_membership_gives_nothing_away(options):
    recipe = build_recipe("mlp", {"hidden": [16]}, scale="log2")
    settings = AuditSection(models=32)
    test = audit_recipe(recipe, COHORT, settings, options, self_test=True).report.self_test
    assert test.passed
    assert test.flagged == 0
    assert test.epsilon == 0
    assert {attack.name for attack in test.attacks} == set(settings.attacks)


def test_the_report_holds_what_a_board_must_see(options):
    result = audit_recipe(build_recipe("mlp", {"hidden": [16]}, scale="log2"), COHORT, AuditSection(models=64), options)
    report = result.report
    assert report.exposure.flagging.flagged == int(result.patients["flagged"].sum()) > 0
    assert [worst.k for worst in report.exposure.worst] == [1, 5, 20]
    assert report.exposure.worst[0].auc.value > 0.6
    assert report.worst_group.value in {group.value for group in report.groups if not group.suppressed}
    assert report.worst_group.models_per_half == 32
    for read in (report.worst_group.auc, report.exposure.worst[0].auc, report.utility.unseen_accuracy):
        assert read.low <= read.at_least <= read.value <= read.at_most <= read.high
    assert report.utility.unseen_accuracy.value == pytest.approx(report.utility.non_members.accuracy.value)
    assert report.exposure.stability.models_per_half == 32
    assert report.exposure.calibration.bins
    assert [row.models for row in report.convergence] == [32, 64]
    assert [bound.kind for bound in report.bounds] == ["many_run", "gdp_fit"]
    assert {bound.neighbouring for bound in report.bounds} == {"replace-one"}
    assert "if the mechanism is GDP" in report.bounds[1].note
    assert [finding.code for finding in report.checks] == [f"GA{number:03}" for number in range(1, 14)]
    assert report.union.achieved_fpr > report.union.fpr
    headline = next(attack for attack in report.attacks if attack.name == report.headline)
    assert headline.at_shadow_thresholds[0].ppv[0].prior == 0.01
    worst = result.patients.iloc[0]
    assert worst["rank_low"] <= worst["rank"] <= worst["rank_high"]
