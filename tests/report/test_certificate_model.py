"""What lies beside a model that `genoaudit train` made, compared with what its released manifest is committed to."""

import json
import shutil

import numpy as np
import pytest
from certified import POLICY, draw_quickly, write_keys
from stored_recipes import COHORT, fitted, training

from genoaudit.artefacts.model_folder import write_model
from genoaudit.report.certifying import certify
from genoaudit.report.verification import verify_certificate

LIST, KEPT = "confidential/members.csv", "confidential/manifest.json"
OTHERS = np.arange(COHORT.n_patients) % 2 == 0


@pytest.fixture(scope="module")
def signed(audit_result, tmp_path_factory):
    """A certificate of the audit of a recipe, and a model that was trained by it, as the signer states."""
    folder = tmp_path_factory.mktemp("signed")
    key, public = write_keys(folder)
    write_model(fitted("logistic"), folder / "MODEL", training())
    with pytest.MonkeyPatch.context() as patch:
        draw_quickly(patch)
        audit_result.save(folder / "run")
        certify(folder / "run", POLICY, key, model=folder / "MODEL")
    return folder / "run", public, folder / "MODEL"


@pytest.fixture
def checked(signed, tmp_path):
    """The model, to be altered, and what comes of checking it with the run and with the certificate alone."""
    run, public, model = signed
    shutil.copytree(model, tmp_path / "MODEL")

    def check():
        with_run, alone = (
            {check.name: check for check in verify_certificate(path, public, model=tmp_path / "MODEL").checks}
            for path in (run, run / "certificate.json")
        )
        parts = {name for name in with_run if name.startswith(("model", "confidential"))}
        assert {name: with_run[name] for name in parts} == {name: alone[name] for name in parts}
        return alone

    return tmp_path / "MODEL", check


def test_members_and_data_agree_with_the_released_manifest(checked):
    _, check = checked
    found = check()
    assert (found[LIST].outcome, found[LIST].why) == ("agrees", "with the commitment of the released manifest")
    assert (found[KEPT].outcome, "nothing that is signed speaks of the rest" in found[KEPT].why) == ("agrees", True)


@pytest.mark.parametrize("damage", [lambda text: text[: text.rindex("\n", 0, -1) + 1], lambda text: text + "P0\n"])
def test_altered_members_are_named(checked, damage):
    model, check = checked
    (model / LIST).write_text(damage((model / LIST).read_text()))
    found = check()
    assert (found[LIST].outcome, found[KEPT].outcome) == ("differs", "agrees")
    (model / LIST).write_text("no header\n")
    assert check()[LIST].outcome == "differs"


@pytest.mark.parametrize(
    ("key", "value", "list_outcome"),
    [
        ("release_sha256", "0" * 64, "agrees"),
        ("data_sha256", "0" * 64, "agrees"),
        ("data_salt", "0" * 64, "agrees"),
        ("members_salt", "0" * 64, "differs"),
    ],
)
def test_an_altered_confidential_manifest_is_named(checked, key, value, list_outcome):
    model, check = checked
    (model / KEPT).write_text(json.dumps({**json.loads((model / KEPT).read_text()), key: value}))
    found = check()
    assert found[LIST].outcome == list_outcome
    assert "differs" in {found[LIST].outcome, found[KEPT].outcome}
    (model / KEPT).write_text("{")
    assert check()[KEPT].outcome == "differs"


def test_the_confidential_part_of_another_model_is_named(checked):
    model, check = checked
    shutil.rmtree(model / "confidential")
    other = training(members=OTHERS)
    write_model(fitted("logistic"), model.parent / "OTHER", other)
    shutil.copytree(model.parent / "OTHER" / "confidential", model / "confidential")
    found = check()
    assert (found[LIST].outcome, found[KEPT].outcome) == ("differs", "differs")


def test_a_released_manifest_that_is_not_the_signed_one_vouches_for_nothing(checked):
    model, check = checked
    with (model / "release" / "manifest.json").open("a") as file:
        file.write("\n")
    found = check()
    assert found["model/manifest.json"].outcome == "differs"
    assert found[LIST].outcome == found[KEPT].outcome == "not checked"


@pytest.mark.parametrize("name", ["confidential", LIST, KEPT])
def test_links_in_the_confidential_part_are_named(checked, tmp_path, name):
    model, check = checked
    (model / name).rename(tmp_path / "elsewhere")
    (model / name).symlink_to(tmp_path / "elsewhere")
    assert check()[name].outcome == "differs"
