"""Folders of genoaudit train, as the part that reads them hands them over."""

import sys
import types
from dataclasses import dataclass, replace

import numpy as np
import pytest

from genoaudit.configured import plan_config
from genoaudit.data.membership import Membership
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.release.trained import read_trained
from genoaudit.training.white_box import has_gradients

MECHANISM = Mechanism(clip=1.0, noise_multiplier=2.0, sampling_rate=0.2, steps=10, patients=20)


@dataclass(frozen=True)
class Stored:
    recipe: object
    genes: tuple[str, ...]
    classes: tuple[str, ...]
    scale: str
    members: tuple[str, ...] | None
    manifest: object


@pytest.fixture
def stored(cohort, held):
    columns = np.array([7, 2, 9, 4])
    rows = held[cohort.patients]
    recipe = build_recipe("softmax", {"epochs": 5}, scale="log2").set_params(classifier__random_state=1)
    recipe.fit(cohort.X[rows][:, columns], cohort.y[rows])
    manifest = types.SimpleNamespace(mechanisms=(MECHANISM,), delta=1e-3, seeded=False)
    members = tuple(np.array(cohort.patient_ids)[held])
    return Stored(recipe, tuple(cohort.genes[c] for c in columns), cohort.classes, "log2", members, manifest)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that reads as whatever is put into it."""
    (tmp_path / "MODEL" / "release").mkdir(parents=True)
    (tmp_path / "MODEL" / "release" / "manifest.json").write_text("{}")

    def holding(stored, *, commits=True):
        reader = types.SimpleNamespace(
            read_model=lambda path, trusted: stored, verify_members=lambda found, ids: commits
        )
        monkeypatch.setitem(sys.modules, "genoaudit.artefacts.model_folder", reader)
        return tmp_path / "MODEL"

    return holding


def test_a_folder_brings_genes_members_mechanism_and_parameters(folder, stored, cohort, held):
    target = read_trained(folder(stored), cohort, None)
    np.testing.assert_array_equal(target.members, held)
    assert (target.kind, target.source, target.manifest) == ("genoaudit", "MODEL", "agrees")
    assert target.members_by == "the list beside the model"
    assert (target.mechanisms, target.delta, target.seeded) == ((MECHANISM,), 1e-3, False)
    assert has_gradients(target.model)
    expected = stored.recipe.predict_proba(cohort.X[:, [7, 2, 9, 4]])
    assert np.exp(target.log_proba) == pytest.approx(expected, abs=1e-6)


def test_another_account_of_the_members_must_agree(folder, stored, cohort, held):
    by_file = Membership(held, "file members.txt")
    assert read_trained(folder(stored), cohort, by_file).members_by == "file members.txt"
    wrong = held.copy()
    wrong[:3] = ~wrong[:3]
    with pytest.raises(DataError, match=r"MODEL: .*disagree: 20 by its own list, 19 by file m; 2 only by"):
        read_trained(folder(stored), cohort, Membership(wrong, "file m"))


def test_a_list_that_the_manifest_does_not_commit_to_is_refused(folder, stored, cohort):
    with pytest.raises(DataError, match="a list of members that is not the one its manifest commits to"):
        read_trained(folder(stored, commits=False), cohort, None)


def test_without_its_confidential_part_somebody_must_say_who_the_members_are(folder, stored, cohort, held):
    released = folder(replace(stored, members=None))
    with pytest.raises(ConfigError, match=r"target\.members is missing: MODEL has no confidential part"):
        read_trained(released, cohort, None)
    target = read_trained(released, cohort, Membership(held, "column 'trained' of the cohort"))
    assert (target.manifest, target.members_by) == ("none", "column 'trained' of the cohort")


def test_a_cohort_that_the_model_does_not_go_with_is_refused(folder, stored, cohort):
    with pytest.raises(DataError, match="trained on values of scale 'log2', and the cohort declares 'tpm'"):
        read_trained(folder(stored), replace(cohort, scale="tpm"), None)
    with pytest.raises(DataError, match="trained on 21 patients, of whom 1 are not in the cohort") as caught:
        read_trained(folder(replace(stored, members=(*stored.members, "stranger"))), cohort, None)
    assert "stranger" not in str(caught.value)
    with pytest.raises(DataError, match=r"the cohort lacks 1 \('GONE'\)"):
        read_trained(folder(replace(stored, genes=("GONE", *stored.genes[1:]))), cohort, None)


def test_the_release_alone_will_do_and_is_digested_as_the_whole_folder_is(folder, stored, cohort, held):
    whole = folder(replace(stored, members=None))
    known = Membership(held, "")
    digests = {read_trained(path, cohort, known).sha256 for path in (whole, whole / "release")}
    assert len(digests) == 1
    assert {len(digest) for digest in digests} == {64}


def test_its_own_recipe_trains_the_reference_models_if_none_is_named(folder, cohort, held, config):
    rows = held[cohort.patients]
    recipe = build_recipe("softmax", {"epochs": 5}, scale="log2").fit(cohort.X[rows], cohort.y[rows])
    manifest = types.SimpleNamespace(mechanisms=(), delta=None, seeded=None)
    whole = Stored(recipe, cohort.genes, cohort.classes, "log2", tuple(np.array(cohort.patient_ids)[held]), manifest)
    plan = plan_config(config({"path": str(folder(whole))}, audit={"models": 12}))
    assert (plan["models"], plan["reason"].startswith("about")) == (12, True)  # an exact engine knows it
    other = plan_config(config({"path": str(folder(whole))}, audit={"models": 12}, recipe={"kind": "xgboost"}))
    assert "XGBClassifier" in other["reason"]


def test_any_other_folder_is_refused(tmp_path, cohort):
    with pytest.raises(DataError, match=r"none that genoaudit train made: it has no release/manifest\.json"):
        read_trained(tmp_path, cohort, None)
