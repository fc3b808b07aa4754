"""Folders of genoaudit train, as the part that reads them hands them over."""

from dataclasses import replace

import numpy as np
import pytest
from sample_manifest import MECHANISM, privacy

from genoaudit.artefacts.model_folder import Training, write_model
from genoaudit.configured import plan_config
from genoaudit.data.membership import Membership
from genoaudit.errors import ArtefactError, ConfigError, DataError
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.recipes import build_recipe
from genoaudit.release.trained import read_trained
from genoaudit.training.white_box import has_gradients

COLUMNS = np.array([7, 2, 9, 4])


@pytest.fixture
def softmax(cohort, held):
    rows = held[cohort.patients]
    recipe = build_recipe("softmax", {"epochs": 5}, scale="log2").set_params(classifier__random_state=1)
    return recipe.fit(cohort.X[rows][:, COLUMNS], cohort.y[rows])


@pytest.fixture
def written(tmp_path, cohort, held):
    """A folder as genoaudit train writes it."""

    def write(recipe, columns=COLUMNS, promised=None):
        seen = replace(cohort, X=cohort.X[:, columns], genes=tuple(np.array(cohort.genes)[columns]))
        training = Training(seen, held, "all", describe_recipe(recipe), ("MLPClassifier",), privacy=promised)
        write_model(recipe, tmp_path / "MODEL", training)
        return tmp_path / "MODEL"

    return write


@pytest.fixture
def folder(written, softmax):
    return written(softmax, promised=privacy(delta=1e-3))


def released(folder):
    """What of the folder may leave the house."""
    return folder / "release"


def test_a_folder_brings_genes_members_mechanism_and_parameters(folder, softmax, cohort, held):
    target = read_trained(folder, cohort, None)
    np.testing.assert_array_equal(target.members, held)
    assert (target.kind, target.source, target.manifest) == ("genoaudit", "MODEL", "agrees")
    assert target.members_by == "the list beside the model"
    assert (target.mechanisms, target.delta, target.seeded) == ((MECHANISM,), 1e-3, False)
    assert has_gradients(target.model)
    expected = softmax.predict_proba(cohort.X[:, COLUMNS])
    assert np.exp(target.log_proba) == pytest.approx(expected, abs=1e-6)


def test_another_account_of_the_members_must_agree(folder, cohort, held):
    by_file = Membership(held, "file members.txt")
    assert read_trained(folder, cohort, by_file).members_by == "file members.txt"
    wrong = held.copy()
    wrong[:3] = ~wrong[:3]
    with pytest.raises(DataError, match=r"MODEL: .*disagree: 20 by its own list, 19 by file m; 2 only by"):
        read_trained(folder, cohort, Membership(wrong, "file m"))


def test_a_list_that_the_manifest_does_not_commit_to_is_refused(folder, cohort):
    listed = folder / "confidential" / "members.csv"
    listed.write_text("\n".join(listed.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(ArtefactError, match="does not list the patients that the model is committed to"):
        read_trained(folder, cohort, None)


def test_without_its_confidential_part_somebody_must_say_who_the_members_are(folder, cohort, held):
    with pytest.raises(ConfigError, match=r"target\.members is missing: release has no confidential part"):
        read_trained(released(folder), cohort, None)
    target = read_trained(released(folder), cohort, Membership(held, "column 'trained' of the cohort"))
    assert (target.manifest, target.members_by) == ("none", "column 'trained' of the cohort")


def test_a_cohort_that_the_model_does_not_go_with_is_refused(folder, cohort):
    with pytest.raises(DataError, match="trained on values of scale 'log2', and the cohort declares 'tpm'"):
        read_trained(folder, replace(cohort, scale="tpm"), None)
    with pytest.raises(DataError, match="trained on 20 patients, of whom 1 are not in the cohort") as caught:
        read_trained(folder, cohort.subset(cohort.patients != 0), None)
    assert cohort.patient_ids[0] not in str(caught.value)
    renamed = tuple("GONE" if gene == cohort.genes[7] else gene for gene in cohort.genes)
    with pytest.raises(DataError, match=rf"the cohort lacks 1 \('{cohort.genes[7]}'\)"):
        read_trained(folder, replace(cohort, genes=renamed), None)


def test_the_release_alone_will_do_and_is_digested_as_the_whole_folder_is(folder, cohort, held):
    known = Membership(held, "")
    digests = {read_trained(path, cohort, known).sha256 for path in (folder, released(folder))}
    assert len(digests) == 1
    assert {len(digest) for digest in digests} == {64}


def test_its_own_recipe_trains_the_reference_models_if_none_is_named(written, cohort, held, config):
    rows = held[cohort.patients]
    recipe = build_recipe("softmax", {"epochs": 5}, scale="log2").fit(cohort.X[rows], cohort.y[rows])
    whole = written(recipe, columns=np.arange(cohort.n_genes))
    plan = plan_config(config({"path": str(whole)}, audit={"models": 12}))
    assert (plan["models"], plan["reason"].startswith("about")) == (12, True)  # an exact engine knows it
    other = plan_config(config({"path": str(whole)}, audit={"models": 12}, recipe={"kind": "xgboost"}))
    assert "XGBClassifier" in other["reason"]


def test_any_other_folder_is_refused(tmp_path, cohort):
    with pytest.raises(DataError, match=r"none that genoaudit train made: it has no release/manifest\.json"):
        read_trained(tmp_path, cohort, None)
