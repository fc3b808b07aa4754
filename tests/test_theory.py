"""What an audit of a DP recipe says of its guarantee, from the mechanism to the page."""

import numpy as np
import pytest

from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort
from genoaudit.config import CanarySection
from genoaudit.data.target import Target
from genoaudit.judging import judge_theory, theory_of_one_model
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.alarm import claimed_epsilon
from genoaudit.privacy.gdp import gdp_tpr
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.release.audit import audit_target
from genoaudit.report.html import render_html
from genoaudit.report.result import AuditReport
from genoaudit.report.sections import EpsilonBound

HALF = Mechanism(1.0, 5.0, 1.0, 25, patients=100)  # mu = 1, and 2 for replacing
PLANTED = Mechanism(1.0, 10.0, 1.0, 25, patients=250)


def bound(kind, epsilon, neighbouring, delta=1e-3):
    return EpsilonBound(
        epsilon=epsilon,
        delta=delta,
        significance=0.05,
        kind=kind,
        neighbouring=neighbouring,
        on="whom",
        trials=64,
        threshold="",
        note="",
    )


def judged(*bounds, vacuous=False):
    return judge_theory({"replace-one": [HALF], "add/remove": [PLANTED]}, bounds, vacuous=vacuous)


def test_each_bound_is_compared_under_its_relation_with_the_models_it_is_about():
    found = judged(bound("many_run", 4.0, "replace-one"), bound("one_run", 4.0, "add/remove", 1e-4))
    claims = [
        claimed_epsilon([HALF], 1e-3, neighbouring="replace-one"),
        claimed_epsilon([PLANTED], 1e-4, neighbouring="add/remove"),
    ]
    assert [compared.claimed for compared in found.comparisons] == claims
    # 4 is more than mu = 0.5 allows under adding, and less than mu = 2 does under replacing.
    assert [compared.exceeded for compared in found.comparisons] == [False, True]
    assert found.alarm
    assert found.level == pytest.approx(0.1)


def test_fits_of_gaussian_dp_are_not_compared():
    found = judged(bound("gdp_fit", 40.0, "replace-one"), bound("one_run_fdp", 40.0, "add/remove"))
    assert found.comparisons == ()
    assert not found.alarm


def test_the_curves_are_those_of_half_split_models_under_both_relations():
    found = judged()
    assert [curve.neighbouring for curve in found.curves] == ["replace-one", "add/remove"]
    for curve, mu in zip(found.curves, (2.0, 1.0), strict=True):
        assert curve.tpr == pytest.approx(gdp_tpr(mu, curve.fpr), abs=2e-3)


def test_a_vacuous_guarantee_has_no_curve():
    assert judged(vacuous=True).curves == ()


def test_trainings_that_went_on_from_one_another_count_together():
    once = judge_theory({"replace-one": [HALF]}, [bound("many_run", 1.0, "replace-one")], vacuous=False)
    twice = judge_theory({"replace-one": [HALF, HALF]}, [bound("many_run", 1.0, "replace-one")], vacuous=False)
    assert twice.comparisons[0].claimed > once.comparisons[0].claimed
    assert twice.curves[0].tpr == pytest.approx(gdp_tpr(2 * 2**0.5, once.curves[0].fpr), abs=2e-3)


def test_one_given_model_has_curves_and_nothing_that_could_ring():
    found = theory_of_one_model([HALF], vacuous=False)
    assert [curve.tpr for curve in found.curves] == [curve.tpr for curve in judged().curves]
    assert (found.comparisons, found.alarm, found.level) == ((), False, 0)
    assert theory_of_one_model([HALF], vacuous=True).curves == ()


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(patients=60, genes=30, classes=2, seed=2)


def audited(cohort, tmp_path, dp, canaries=None):
    recipe = build_recipe(
        "mlp", {"scaling": "sample", "hidden": [4], **({} if dp is None else {"dp": dp})}, scale=cohort.scale
    )
    settings = AuditSection(models=32, attacks=("loss",))
    options = RunOptions(threads=1, cache=tmp_path / "cache")
    return audit_recipe(recipe, cohort, settings, options, canaries=canaries).report


def test_an_audit_with_canaries_compares_both_relations(cohort, tmp_path):
    dp = {"epsilon": 4, "steps": 5, "hyperparameters": "public"}
    canaries = CanarySection(kinds=("label_swapped", "sample_swap"), count=5, models=32)
    report = audited(cohort, tmp_path, dp, canaries)
    found = report.theory
    assert [(one.kind, one.neighbouring) for one in found.comparisons] == [
        ("many_run", "replace-one"),
        ("one_run", "add/remove"),
        ("many_run", "add/remove"),
        ("many_run", "add/remove"),
    ]
    replaced, *added = [one.claimed for one in found.comparisons]
    # The promise is 4 at 1 / 300 for 30 patients and at 1 / 650 for 65; the bounds are at 1 / 600.
    assert replaced > report.guarantee.epsilon == pytest.approx(4, rel=1e-3)
    assert added == pytest.approx([4] * 3, rel=0.02)
    assert not found.alarm
    assert AuditReport.model_validate_json(report.to_json()).theory.comparisons[0].on == found.comparisons[0].on
    assert "Guarantee and evidence" in render_html(report)


def test_an_audit_without_dp_has_no_theory(cohort, tmp_path):
    assert audited(cohort, tmp_path, None).theory is None


def test_an_audit_of_a_vacuous_guarantee_claims_nothing_and_stays_silent(cohort, tmp_path):
    report = audited(cohort, tmp_path, {"epsilon": 1e9, "steps": 5})
    assert report.guarantee.vacuous
    assert report.theory.curves == ()
    assert [one.claimed for one in report.theory.comparisons] == [None]
    assert not report.theory.alarm


def given(cohort, tmp_path, dp, **told):
    parameters = {"scaling": "sample", "hidden": [4], **({} if dp is None else {"dp": dp})}
    recipe = build_recipe("mlp", parameters, scale=cohort.scale)
    rng = np.random.default_rng(0)
    target = Target(rng.permutation(60) < 30, np.log(rng.dirichlet([1.0, 1.0], cohort.n_samples)), "model.csv", **told)
    settings, options = AuditSection(models=8, attacks=("loss",)), RunOptions(threads=1, cache=tmp_path / "cache")
    return audit_target(recipe, cohort, target, settings, options).report


def test_a_release_audit_sets_what_its_recipe_promises_beside_the_attacks(cohort, tmp_path):
    report = given(cohort, tmp_path, {"epsilon": 4, "steps": 5, "hyperparameters": "public"})
    assert report.guarantee.epsilon == pytest.approx(4, rel=1e-3)
    assert report.guarantee.end_to_end
    assert "was trained by this recipe" in report.guarantee.assumptions[-1]
    assert [curve.neighbouring for curve in report.theory.curves] == ["replace-one", "add/remove"]
    assert report.theory.comparisons == ()
    page = render_html(AuditReport.model_validate_json(report.to_json()))
    assert "Guarantee and evidence" in page
    assert "One given model gives no lower bound" in page


def test_a_model_that_tells_its_mechanism_is_believed_before_its_recipe(cohort, tmp_path):
    report = given(cohort, tmp_path, {"epsilon": 4, "steps": 5}, mechanisms=(HALF, HALF), delta=1e-3)
    assert report.guarantee.epsilon == pytest.approx(guarantee([HALF, HALF], 1e-3).epsilon)
    assert not report.guarantee.end_to_end  # nobody says what else was done
    assert report.theory.curves[1].tpr == pytest.approx(gdp_tpr(2**0.5, report.theory.curves[1].fpr), abs=2e-3)


def test_a_release_audit_without_dp_has_neither_promise_nor_theory(cohort, tmp_path):
    report = given(cohort, tmp_path, None)
    assert (report.guarantee, report.theory) == (None, None)
