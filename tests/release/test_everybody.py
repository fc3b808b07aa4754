"""A model trained on everybody, judged by models of its recipe that were not."""

from dataclasses import replace

import numpy as np
import pytest

from genoaudit import AuditSection, audit_recipe, build_recipe, privacy_claim, simulate_cohort
from genoaudit.contracts import draw_codes
from genoaudit.errors import DataError
from genoaudit.metrics.trend import extrapolate
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.release.everybody import FEWEST_ROUNDS, audit_everybody, nearly_all
from genoaudit.report import summary

ATTACKS = ("loss", "lira_fixed", "bavaria_t")


@pytest.fixture(scope="module")
def given(pool, recipe, release):
    return release(recipe, np.ones(pool.n_patients, dtype=bool))


@pytest.fixture(scope="module")
def audited(pool, recipe, options, given):
    settings = AuditSection(models=16, attacks=ATTACKS)
    return audit_everybody(recipe, pool, given, settings, options, groups=("sex",))


def test_the_body_is_the_recipe_audit_at_one_half(pool, recipe, options, audited):
    alone = audit_recipe(recipe, pool, AuditSection(models=16, attacks=ATTACKS), options, groups=("sex",))
    added = {"full_size", "target", "not_tested"}
    assert audited.report.model_dump(exclude=added) == alone.report.model_dump(exclude=added)
    assert audited.report.audit == "recipe"
    assert audited.patients.equals(alone.patients)


def test_the_trend_is_drawn_through_the_headline_attack_at_two_shares(pool, audited):
    full_size = audited.report.full_size
    half, beyond = full_size.points
    headline = next(attack for attack in audited.report.attacks if attack.name == audited.report.headline)
    assert full_size.attack == headline.name
    assert (half.share, half.members, half.models, half.auc) == (0.5, 40, 16, headline.auc)
    assert (beyond.share, beyond.members) == (0.875, 70)  # two of the smallest class, which has 16, are left out
    assert beyond.models == 8 * 8  # everybody is left out as often as by 16 half splits
    assert half.tpr_at_fpr.n_out == beyond.tpr_at_fpr.n_out == pool.n_patients
    ends = sorted((half.auc.value, beyond.auc.value))
    slack = 0.4 * (ends[1] - ends[0])
    assert ends[0] - slack <= full_size.auc.value <= ends[1] + slack
    assert full_size.auc.low < beyond.auc.low
    assert full_size.auc.high > beyond.auc.value
    assert full_size.auc.low < full_size.auc.at_least < full_size.auc.value < full_size.auc.at_most
    assert full_size.tpr.at_least is not None


def test_every_attack_is_drawn_on_by_the_same_rule(audited):
    full_size = audited.report.full_size
    assert {full_size.attack, *(other.attack for other in full_size.others)} == set(ATTACKS)
    by_name = {attack.name: attack for attack in audited.report.attacks}
    for other in full_size.others:
        half, beyond = other.points
        assert half.auc == by_name[other.attack].auc
        assert (half.members, beyond.members) == tuple(point.members for point in full_size.points)
        assert other.auc == extrapolate(half.auc, beyond.auc, members=(half.members, beyond.members), to=80)


def test_it_says_that_the_model_itself_was_not_measured_and_which_it_is(audited, given):
    assert audited.report.target == summary.given_model(given)
    assert (audited.report.target.members, audited.report.target.non_members) == (80, 0)
    assert [gap.what for gap in audited.report.not_tested] == ["This very model"]
    assert "larger share" in audited.run["seconds"]


def test_the_manifest_of_the_model_is_believed_before_the_recipe(pool, recipe, options, given):
    mechanism = Mechanism(clip=1.0, noise_multiplier=0.4, sampling_rate=0.2, steps=50, patients=80)
    trained = replace(given, kind="genoaudit", mechanisms=(mechanism,), delta=1e-3, seeded=True)
    report = audit_everybody(recipe, pool, trained, AuditSection(models=6, attacks=("loss",)), options).report
    assert report.promise.epsilon == guarantee([mechanism], 1e-3).epsilon
    assert report.promise.seeded
    assert not report.promise.assumed
    assert report.guarantee is None


@pytest.mark.parametrize("patients", [100, 109, 131, 147])
def test_the_turns_come_out_even(patients):
    pool = simulate_cohort(patients=patients, genes=20, classes=2, imbalance=1.0, repeat_share=0.0, seed=1)
    out = (~nearly_all(pool, AuditSection(), models=20).members).sum(axis=0)
    assert out.min() >= 8
    assert out.max() == 10


@pytest.mark.parametrize("models", [2, 16, 33])
def test_everybody_is_left_out_as_often_as_by_half_splits(pool, models):
    design = nearly_all(pool, AuditSection(), models=models)
    out = (~design.members).sum(axis=0)
    rounds = max((models + 1) // 2, FEWEST_ROUNDS)
    assert out.mean() == pytest.approx(rounds, rel=0.1)
    assert out.min() >= 0.7 * rounds
    assert draw_codes(design.partner).max() + 1 == rounds


def test_small_classes_leave_more_out_and_too_small_ones_are_refused():
    pool = simulate_cohort(patients=90, genes=20, classes=3, seed=1)
    y, patients = np.repeat([0, 1], [80, 10]), np.arange(90)
    few = replace(
        pool,
        X=pool.X[:90],
        y=y,
        patients=patients,
        classes=("a", "b"),
        sample_ids=pool.sample_ids[:90],
        patient_ids=tuple(map(str, range(90))),
        obs=pool.obs.iloc[:90],
    )
    design = nearly_all(few, AuditSection(), models=8)
    assert (design.members.sum(axis=1) == 90 - 18).all()
    assert (~design.members).sum(axis=0).tolist() == [FEWEST_ROUNDS] * 90  # everybody once in a round
    uneven = replace(few, y=np.repeat([0, 1], [82, 8]))  # 23 must be left out, 30 would come out even and be too many
    assert nearly_all(uneven, AuditSection(), models=8).members[0].sum() == 90 - 23 - 4
    fewer = replace(few, y=np.repeat([0, 1], [84, 6]))
    with pytest.raises(DataError, match=r"the smallest class has 6 patients.*Drop or merge small classes"):
        nearly_all(fewer, AuditSection(), models=8)


def test_a_private_recipe_is_promised_for_all_patients(pool, options, given):
    dp = DPSGD(clip=1.0, noise_multiplier=1.0, sampling_rate=0.2, steps=20)
    recipe = build_recipe("mlp", {"hidden": [8], "scaling": "sample", "dp": dp}, scale="log2")
    report = audit_everybody(recipe, pool, given, AuditSection(models=6, attacks=("loss",)), options).report
    assert report.full_size.guarantee is not None
    assert report.full_size.guarantee.epsilon == privacy_claim(recipe, patients=80).guarantee.epsilon
    assert report.full_size.guarantee.assumed
    assert report.promise == report.full_size.guarantee
    assert report.guarantee.epsilon == privacy_claim(recipe, patients=40).guarantee.epsilon
    assert report.full_size.attack == "loss"
