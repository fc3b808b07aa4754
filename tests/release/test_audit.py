"""The audit of one given model, called from Python."""

import numpy as np
import pytest

from genoaudit import AuditSection, RunOptions, build_recipe, simulate_cohort
from genoaudit.data.target import Target, log_of
from genoaudit.models.recipes import set_random_state
from genoaudit.release.audit import audit_target

COHORT = simulate_cohort(patients=60, genes=40, classes=2, seed=1)


@pytest.fixture
def options(tmp_path):
    return RunOptions(threads=1, cache=tmp_path)


@pytest.fixture
def recipe():
    return build_recipe("mlp", {"hidden": [16]}, scale="log2")


def given_model(recipe, members, cohort=COHORT):
    rows = members[cohort.patients]
    fitted = set_random_state(recipe, 99, "released").fit(cohort.X[rows], cohort.y[rows])
    return Target(members, log_of(fitted.predict_proba(cohort.X)), "model.csv")


def test_a_given_model_is_audited_against_references_with_as_many_members(recipe, options):
    cohort = simulate_cohort(patients=120, genes=400, classes=4, seed=2)
    rng = np.random.default_rng(0)
    for share in (0.5, 0.7):
        target = given_model(recipe, rng.permutation(120) < round(120 * share), cohort)
        result = audit_target(recipe, cohort, target, AuditSection(models=32), options, groups=("sex",))
        report = result.report
        assert report.audit == "release"
        assert {attack.estimand for attack in report.attacks} == {"single_target"}
        assert report.design.members_per_model == (round(120 * share),) * 2
        assert report.design.kind == ("half_split" if share == 0.5 else "random_split")
        found = {attack.name: attack for attack in report.attacks}
        assert found["lira_fixed"].auc.value > 0.6
        assert found["lira_fixed"].at_shadow_thresholds[0].achieved_fpr.value < 0.35
        assert report.exposure is None
        assert report.adversary.access == "logits"
        status = {check.code: check.status for check in report.checks}
        assert status["GA008"] == "tip"  # 32 references
        assert status["GA010"] == status["GA012"] == "passed"
        assert result.patients["member"].sum() == target.members.sum()
        assert set(result.patients["patient_id"]) == set(cohort.patient_ids)


def test_a_given_model_that_says_the_same_of_everybody_is_pointed_out(recipe, options):
    members = np.random.default_rng(0).permutation(60) < 30
    target = Target(members, np.full((COHORT.n_samples, 2), np.log(0.5)), "flat.csv")
    report = audit_target(recipe, COHORT, target, AuditSection(models=8), options).report
    assert {check.code for check in report.checks if check.status == "issue"} >= {"GA010"}
    assert all(attack.auc.value == 0.5 for attack in report.attacks if attack.name == "loss")


def test_a_model_that_never_saw_them_leaks_nothing_in_the_release_audit(recipe, options):
    aucs = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        trained = given_model(recipe, rng.permutation(60) < 30)
        claimed = Target(rng.permutation(60) < 30, trained.log_proba, "claimed.csv")
        report = audit_target(recipe, COHORT, claimed, AuditSection(models=16), options).report
        aucs.append({attack.name: attack.auc.value for attack in report.attacks}["lira_fixed"])
    assert abs(np.mean(aucs) - 0.5) < 3 * 0.075 / np.sqrt(12)  # the error of an AUC of 30 against 30
