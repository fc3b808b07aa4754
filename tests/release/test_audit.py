"""The audit of one given model, called from Python."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit import AuditSection, RunOptions, build_recipe, simulate_cohort
from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.config import DEFAULT_ATTACKS
from genoaudit.contracts import log_of
from genoaudit.data.target import Target
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.recipes import set_random_state
from genoaudit.release.asking import target_of
from genoaudit.release.audit import audit_target, settings_for_target

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
        told = result.share()
        assert told.task.audit == "release"
        assert abs(told.task.members - target.members.sum()) < 5
        assert {variable.name for variable in told.variables} >= {"class", "sex"}


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


WIDE = simulate_cohort(patients=100, genes=300, classes=2, seed=3)
HALF = np.random.default_rng(5).permutation(100) < 50


@pytest.fixture(scope="module")
def overfitted():
    rows = HALF[WIDE.patients]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=10.0, max_iter=2000))
    return model.fit(WIDE.X[rows], np.array(WIDE.classes)[WIDE.y[rows]])


def test_without_a_recipe_the_attacks_that_need_no_references_run(overfitted, options):
    target = replace(target_of(overfitted, WIDE, HALF, source="m.skops"), sha256="0" * 64, members_by="a list")
    result = audit_target(None, WIDE, target, AuditSection(queries=2), options, groups=("sex",))
    report = result.report
    ran = {attack.name for attack in report.attacks}
    assert ran == {name for name, attack in CATALOGUE.items() if attack.min_models == 1}
    assert (report.recipe, report.design, report.exposure, report.bounds) == (None, None, None, ())
    assert (report.headline, report.adversary.access, report.adversary.queries) == ("loss", "parameters", 2)
    assert all(attack.at_shadow_thresholds == () for attack in report.attacks)
    assert (report.target.members, report.target.non_members, report.target.source) == (50, 50, "m.skops")
    assert {check.code: check.status for check in report.checks}["GA008"] == "not_applicable"
    found = {attack.name: attack.auc.value for attack in report.attacks}
    assert found["influence"] > 0.8  # at the optimum every member's gradient is what the others leave over
    said = {gap.what: gap.why for gap in report.not_tested}
    assert any("LiRA" in what and "no [recipe]" in why for what, why in said.items())
    for what in ("single patients", "Lower bounds", "canaries", "most exposed group", "guarantee", "Thresholds"):
        assert any(what in gap for gap in said), what
    assert result.run["plan"] is None
    assert result.signals.logit.shape == (1, 3, WIDE.n_samples)
    result.report.model_validate_json(report.to_json())


def test_a_table_of_scores_is_asked_nothing_more(overfitted, options):
    target = Target(HALF, log_of(overfitted.predict_proba(WIDE.X)), "scores.csv")
    report = audit_target(None, WIDE, target, AuditSection(queries=2), options).report
    assert (report.adversary.access, report.adversary.queries) == ("logits", 0)
    assert {attack.name for attack in report.attacks} == {
        name for name, attack in CATALOGUE.items() if attack.min_models == 1 and attack.access != "parameters"
    } - {"label_noise"}
    assert report.not_run == ()
    assert any("known by its scores alone" in gap.why for gap in report.not_tested)


def test_attacks_that_are_named_but_need_references_say_so(overfitted, options):
    target = target_of(overfitted, WIDE, HALF)
    report = audit_target(None, WIDE, target, AuditSection(attacks=("loss", "lira", "label_noise")), options).report
    assert {idle.name: idle.reason for idle in report.not_run} == {
        "lira": "needs reference models, and there is no [recipe] to train them by",
        "label_noise": "needs at least 1 further query of each sample; set queries under [audit]",
    }
    with pytest.raises(ConfigError, match="no attack can run: lira needs at least 6 models"):
        audit_target(None, WIDE, target, AuditSection(attacks=("lira",)), options)


def test_a_given_model_is_asked_as_its_references_are(options):
    # The same fitted model, once among the references and once given, must say the same of everything.
    recipe = build_recipe("logistic", {"C": 1.0}, scale="log2")
    rows = HALF[WIDE.patients]
    fitted = set_random_state(recipe, 7, "given").fit(WIDE.X[rows], WIDE.y[rows])
    target = target_of(fitted, WIDE, HALF, classes=WIDE.classes, kind="genoaudit")
    attacks = ("loss", "lira_fixed", "label_noise", "label_augmentation", "grad_norm", "influence")
    result = audit_target(recipe, WIDE, target, AuditSection(models=16, queries=2, attacks=attacks), options)
    report = result.report
    assert {attack.name for attack in report.attacks} == set(attacks)
    assert (report.adversary.access, report.adversary.queries) == ("parameters", 2)
    assert result.signals.logit.shape == (17, 3, WIDE.n_samples)
    for signal in (result.signals.grad_norm, result.signals.influence):
        held = result.design.members[:, WIDE.patients]
        gap = signal.mean(axis=1, where=held) - signal.mean(axis=1, where=~held)
        assert gap[:-1].min() - 3 * gap[:-1].std() < gap[-1] < gap[:-1].max() + 3 * gap[:-1].std()
    assert {check.code: check.status for check in report.checks}["GA013"] == "passed"
    assert next(attack for attack in report.attacks if attack.name == "influence").at_shadow_thresholds


def test_what_only_the_given_model_can_answer_is_scored_by_itself(overfitted, options):
    # The references are of another kind, whose parameters cannot be read.
    target = target_of(overfitted, WIDE, HALF)
    settings = AuditSection(models=8, attacks=("loss", "lira_fixed", "influence"))
    report = audit_target(GaussianNB(), WIDE, target, settings, options).report
    found = {attack.name: attack for attack in report.attacks}
    alone = audit_target(None, WIDE, target, AuditSection(attacks=("influence",)), options).report.attacks[0]
    assert found["influence"].auc == alone.auc
    assert found["influence"].at_shadow_thresholds == ()
    assert found["loss"].at_shadow_thresholds
    assert report.not_run == ()


def test_parameters_that_can_be_read_are_attacked_with_a_recipe_as_without_unless_told_otherwise(overfitted, options):
    target = target_of(overfitted, WIDE, HALF)
    report = audit_target(clone(overfitted), WIDE, target, AuditSection(models=8), options).report
    found = {attack.name: attack for attack in report.attacks}
    assert {"influence", "grad_norm", "lira_fixed"} <= set(found)
    assert found["influence"].at_shadow_thresholds == ()
    assert report.access_used == "parameters"
    scores = replace(target, model=None)
    recipe = clone(overfitted)
    for settings, given in (
        (AuditSection(models=8), scores),
        (AuditSection(models=8, access="probabilities"), target),
        (AuditSection(models=8, attacks=("loss", "lira_fixed")), target),
    ):
        ran = audit_target(recipe, WIDE, given, settings, options).report.attacks
        assert "parameters" not in {attack.access for attack in ran}
    held = HALF[WIDE.patients]
    unread = target_of(GaussianNB().fit(WIDE.X[held], np.array(WIDE.classes)[WIDE.y[held]]), WIDE, HALF)
    report = audit_target(GaussianNB(), WIDE, unread, AuditSection(models=8), options).report
    assert {found.name: found.reason for found in report.not_run}["influence"].endswith("these models do not give")


def test_reference_models_answer_to_as_many_decimals_as_a_table_of_scores_has(overfitted, options):
    """Or a probability of 1.00 stands against one of 0.9996, and both attack and check take that for a difference."""
    exact = Target(HALF, target_of(overfitted, WIDE, HALF).log_proba, "s.csv")
    rounded = replace(exact, log_proba=log_of(np.exp(exact.log_proba).round(2)), decimals=2)
    settings = AuditSection(models=16, attacks=("loss", "lira_fixed"))
    found = {}
    for target in (exact, rounded):
        report = audit_target(clone(overfitted), WIDE, target, settings, options).report
        lira = next(attack for attack in report.attacks if attack.name == "lira_fixed")
        found[target.decimals] = lira.auc.value
        assert {check.code: check.status for check in report.checks}["GA013"] == "passed"
        assert report.adversary.decimals == target.decimals
    assert found[2] > found[None] - 0.15
    given = AuditSection(access="labels")
    assert settings_for_target(given, rounded, overfitted).decimals is None


def test_references_of_another_recipe_are_an_issue(overfitted, options):
    other = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3))
    settings = AuditSection(models=8, attacks=("loss", "lira_fixed"))
    report = audit_target(other, WIDE, target_of(overfitted, WIDE, HALF), settings, options).report
    assert {check.code: check.status for check in report.checks}["GA013"] == "issue"


def test_a_model_that_saw_nobody_leaks_nothing_without_references_either(options):
    aucs = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        members, claimed = rng.permutation(100) < 50, rng.permutation(100) < 50
        rows = members[WIDE.patients]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(WIDE.X[rows], WIDE.y[rows])
        target = target_of(model, WIDE, claimed, classes=WIDE.classes)
        settings = AuditSection(attacks=("loss", "qmia", "grad_norm", "influence"))
        report = audit_target(None, WIDE, target, settings, options).report
        aucs.append([attack.auc.value for attack in report.attacks])
    assert np.abs(np.mean(aucs, axis=0) - 0.5).max() < 3 * 0.058 / np.sqrt(10) + 0.004  # influence is off by 0.4 / 100


def test_an_empty_side_is_refused_before_anything_is_trained(overfitted, options):
    target = target_of(overfitted, WIDE, np.ones(100, dtype=bool))
    with pytest.raises(DataError, match="non-members to compare with are missing"):
        audit_target(None, WIDE, target, AuditSection(), options)


def test_what_is_run_unless_told_otherwise_depends_on_what_is_there(overfitted):
    known, scores = target_of(overfitted, WIDE, HALF), Target(HALF, np.zeros((WIDE.n_samples, 2)), "s.csv")
    recipe = GaussianNB()
    assert settings_for_target(AuditSection(), known, recipe).attacks == DEFAULT_ATTACKS
    assert settings_for_target(AuditSection(models="auto"), known, recipe).models == 64
    assert "lira" not in settings_for_target(AuditSection(), known, None).attacks
    named = AuditSection(attacks=("loss", "lira"))
    assert settings_for_target(named, known, None).attacks == ("loss", "lira")
    for given, seen in ((known, ("parameters", 3)), (scores, ("logits", 0))):
        settings = settings_for_target(AuditSection(queries=3), given, recipe)
        assert (settings.access, settings.queries) == seen
    labels = settings_for_target(AuditSection(access="labels"), known, None)
    assert labels.attacks == ("gap",)
