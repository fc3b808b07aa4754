"""Several releases on the same patients."""

from dataclasses import replace

import numpy as np
import pytest

from genoaudit import AuditSection, build_recipe
from genoaudit.errors import DataError
from genoaudit.models.claims import privacy_claim
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.release.audit import audit_target
from genoaudit.release.earlier import Release, composed, earlier_design, unchanged, with_earlier

SETTINGS = AuditSection(models=32, attacks=("loss", "bavaria_t"))


@pytest.fixture(scope="module")
def moved(half):
    """Three members left between the releases, and three others joined."""
    members = half.copy()
    members[np.flatnonzero(half)[:3]] = False
    members[np.flatnonzero(~half)[:3]] = True
    return members


@pytest.fixture(scope="module")
def releases(recipe, half, moved, release):
    old = release(recipe, moved, seed=7, source="old.csv")
    return Release(release(recipe, half), recipe, "new"), Release(old, recipe, "old")


@pytest.fixture(scope="module")
def joint(pool, recipe, options, releases):
    new, old = releases
    alone = audit_target(recipe, pool, new.target, SETTINGS, options)
    return alone, with_earlier(alone, new, [old], pool, settings=SETTINGS, options=options)


def test_old_and_new_are_attacked_alone_and_together(joint):
    alone, full = joint
    found = full.report.joint
    assert found.earlier == ("old",)
    assert (found.judged, found.left_out) == (74, 6)
    assert len(found.earlier_alone) == 1
    assert found.new_alone.value > 0.6
    assert found.together.value >= max(found.new_alone.value, found.earlier_alone[0].value) - 0.03
    assert found.together_tpr.fpr == 0.1
    assert found.guarantee is None
    assert full.report.model_dump(exclude={"joint"}) == alone.report.model_dump(exclude={"joint"})


def test_two_releases_of_one_recipe_are_two_trainings(joint, pool, recipe, options, releases):
    alone, _ = joint
    references = alone.design.of(np.arange(32))
    other = earlier_design(references, 0)
    assert (other.members == references.members).all()
    assert len({references.seed, other.seed, earlier_design(references, 1).seed}) == 3
    same = replace(releases[1], target=releases[0].target)
    twice = with_earlier(alone, releases[0], [same], pool, settings=SETTINGS, options=options).report.joint
    assert twice.left_out == 0
    assert twice.earlier_alone[0].value != twice.new_alone.value  # the same answers, other references


def test_an_adversary_who_sees_labels_is_given_labels_of_all_releases(pool, recipe, options, releases):
    settings = SETTINGS.model_copy(update={"access": "labels", "attacks": ("gap",)})
    alone = audit_target(recipe, pool, releases[0].target, settings, options)
    found = with_earlier(alone, *releases[:1], releases[1:], pool, settings=settings, options=options).report.joint
    assert 0.4 < found.together.value < 0.8


def test_releases_without_enough_patients_in_common_are_refused(recipe, half, release):
    new = Release(release(recipe, half), recipe, "new")
    other = Release(replace(new.target, members=~half), recipe, "other")
    with pytest.raises(DataError, match="new and other: 0 patients are members of all releases and 0 of none"):
        unchanged(new, [other])


def test_an_earlier_release_of_another_size_is_pointed_out(pool, recipe, options, half, release, joint):
    alone, _ = joint
    fewer = half.copy()
    fewer[np.flatnonzero(half)[:8]] = False
    old = Release(release(recipe, fewer, seed=8), recipe, "old")
    new = Release(release(recipe, half), recipe, "new")
    report = with_earlier(alone, new, [old], pool, settings=SETTINGS, options=options).report
    assert report.joint.left_out == 8
    assert any("old had 32 members, its reference models have 40" in note for note in report.warnings)


def private(noise=1.0, **more):
    dp = DPSGD(clip=1.0, noise_multiplier=noise, sampling_rate=0.2, steps=20, hyperparameters="public", **more)
    return build_recipe("mlp", {"hidden": [8], "scaling": "sample", "dp": dp}, scale="log2")


def test_epsilon_adds_up_over_releases(half, releases, recipe):
    target = releases[0].target
    first, second = (Release(target, private(noise), str(noise)) for noise in (1.0, 2.0))
    together = composed([first, second])
    claims = [privacy_claim(one.recipe, patients=int(half.sum())) for one in (first, second)]
    expected = guarantee([claim.mechanism for claim in claims], min(claim.guarantee.delta for claim in claims))
    assert together.epsilon == expected.epsilon
    assert together.epsilon > max(claim.guarantee.epsilon for claim in claims)
    assert together.noise_multiplier == 1.0
    assert together.end_to_end
    assert composed([first, Release(target, recipe, "open")]) is None


def test_what_a_models_own_record_says_of_its_mechanism_comes_before_the_recipes_claim(releases, recipe):
    mechanism = Mechanism(clip=1.0, noise_multiplier=3.0, sampling_rate=0.2, steps=20, patients=40)
    recorded = replace(releases[0].target, mechanisms=(mechanism, mechanism), delta=1e-4)
    found = composed([Release(recorded, recipe, "new"), Release(recorded, private(), "old")])
    assert found.epsilon == guarantee([mechanism] * 4, 1e-4).epsilon
    assert not found.end_to_end
    assert "not known" in found.gaps[0]
