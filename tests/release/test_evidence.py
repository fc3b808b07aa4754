"""What reference models of a release audit say of the recipe."""

import numpy as np
import pytest

from genoaudit import AuditSection, audit_recipe, build_recipe
from genoaudit.config import CanarySection
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.release.audit import audit_target
from genoaudit.release.evidence import with_recipe_evidence

ATTACKS = ("loss", "lira_fixed", "bavaria_t")


@pytest.fixture(scope="module")
def settings():
    return AuditSection(models=32, attacks=ATTACKS)


@pytest.fixture(scope="module")
def audited(pool, recipe, half, release, options, settings):
    target = release(recipe, half)
    alone = audit_target(recipe, pool, target, settings, options)
    return alone, with_recipe_evidence(alone, recipe, pool, settings, options)


def test_what_is_said_of_the_recipe_is_no_longer_said_to_be_untested(audited):
    alone, full = (" ".join(gap.what for gap in result.report.not_tested) for result in audited)
    assert "How exposed single patients are" in alone
    assert "Lower bounds on" in alone
    assert "How exposed single patients are" not in full
    assert "Lower bounds on" not in full
    assert "canaries" in full


def test_the_references_are_an_audit_of_the_recipe(pool, recipe, options, settings, audited):
    _, full = audited
    recipe_audit = audit_recipe(recipe, pool, settings, options)  # half splits of the same seed: the same models
    assert full.report.exposure == recipe_audit.report.exposure
    assert full.report.bounds == recipe_audit.report.bounds
    assert full.report.worst_group == recipe_audit.report.worst_group
    assert len(full.report.bounds) == 2


def test_what_is_said_of_the_model_does_not_change(audited):
    alone, full = audited
    filled = {"exposure", "worst_group", "bounds", "theory", "canaries", "not_tested"}
    assert full.report.model_dump(exclude=filled) == alone.report.model_dump(exclude=filled)
    assert full.run["seconds"].keys() > alone.run["seconds"].keys()


def test_the_table_of_patients_keeps_the_two_apart_under_the_pseudonyms_of_the_report(audited):
    alone, full = audited
    assert list(full.patients["patient_id"]) == list(alone.patients["patient_id"])
    for name in ("member", "score", "non_members_below", "rank"):
        assert list(full.patients[name]) == list(alone.patients[name])
    first = full.report.exposure.most_exposed[0]
    row = full.patients.loc[full.patients["recipe_rank"] == 1].iloc[0]
    assert row["pseudonym"] == first.pseudonym
    assert row["recipe_auc"] == first.auc.value
    assert full.patients.columns[:4].tolist() == ["patient_id", "pseudonym", "class", "samples"]


def test_canaries_audit_the_recipe(pool, recipe, options, settings, audited):
    alone, _ = audited
    canaries = CanarySection(kinds=("label_swapped",), count=8, models=32)
    found = with_recipe_evidence(alone, recipe, pool, settings, options, canaries=canaries).report
    assert {kind.kind for kind in found.canaries.kinds} == {"label_swapped", "all"}
    assert {bound.neighbouring for bound in found.canaries.bounds} == {"add/remove"}
    assert {bound.neighbouring for bound in found.bounds} == {"replace-one"}


def test_models_that_hold_most_patients_speak_of_single_patients_too(pool, recipe, release, options, settings):
    members = np.random.default_rng(1).permutation(pool.n_patients) < round(0.8 * pool.n_patients)
    many = settings.model_copy(update={"models": 64})
    alone = audit_target(recipe, pool, release(recipe, members), many, options)
    assert alone.report.design.kind == "random_split"
    assert alone.report.design.pairs == 0
    report = with_recipe_evidence(alone, recipe, pool, many, options).report
    assert len(report.exposure.most_exposed) == 20
    assert report.exposure.flagging is not None
    assert report.exposure.stability is not None
    assert report.exposure.worst == ()  # 13 rounds are too few for halves of eight
    assert [bound.kind for bound in report.bounds] == ["many_run", "gdp_fit"]


def test_too_few_references_say_nothing_of_single_patients_and_it_is_said_why(pool, recipe, release, options, settings):
    members = np.random.default_rng(1).permutation(pool.n_patients) < round(0.8 * pool.n_patients)
    few = settings.model_copy(update={"models": 5})
    alone = audit_target(recipe, pool, release(recipe, members), few, options)
    full = with_recipe_evidence(alone, recipe, pool, few, options)
    assert full.report.exposure is None
    assert full.report.bounds == ()
    (gap,) = (gap for gap in full.report.not_tested if gap.what.startswith("How exposed single patients are"))
    assert "5 reference models are too few" in gap.why
    assert list(full.patients.columns) == list(alone.patients.columns)


def test_a_private_recipe_is_held_against_its_own_references(pool, release, options, settings, half):
    dp = DPSGD(clip=1.0, noise_multiplier=1.0, sampling_rate=0.2, steps=20)
    private = build_recipe("mlp", {"hidden": [8], "scaling": "sample", "dp": dp}, scale="log2")
    from genoaudit.models.claims import settle_privacy

    target = release(settle_privacy(private, patients=int(half.sum())), half)
    alone = audit_target(private, pool, target, settings, options)
    report = with_recipe_evidence(alone, private, pool, settings, options).report
    assert report.theory is not None
    assert not report.theory.alarm
    assert {found.neighbouring for found in report.theory.comparisons} == {"replace-one"}
