import json
import os
import shutil
import signal
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_manifest import privacy
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from stored_recipes import COHORT, NAMES, cohort_for, fitted, training

from genoaudit.artefacts import model_folder
from genoaudit.artefacts.manifest import ConfidentialManifest, Manifest, manifest_text
from genoaudit.artefacts.model_folder import (
    check_model_out,
    read_model,
    verify_data,
    verify_members,
    write_model,
)
from genoaudit.data.membership import members_by_file
from genoaudit.errors import ArtefactError, ConfigError
from genoaudit.files import file_digest
from genoaudit.models.answers import log_probabilities

HALF = np.arange(COHORT.n_patients) % 2 == 0
LOGISTIC = fitted("logistic")


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit_manifest(folder, change):
    """Change the manifest that goes with the model, and let everything that depends on it follow."""
    path = folder / "release" / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    kept = folder / "confidential" / "manifest.json"
    if kept.exists():
        record = ConfidentialManifest.model_validate_json(kept.read_text())
        kept.write_text(manifest_text(record.model_copy(update={"release_sha256": file_digest(path)})))


def replace_file(folder, name, content):
    """Put other bytes in a file's place, with a manifest that vouches for them."""
    import hashlib

    (folder / "release" / name).write_bytes(content)
    stored = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: stored}))


@pytest.fixture
def model(tmp_path):
    write_model(LOGISTIC, tmp_path / "MODEL", training(members=HALF))
    return tmp_path / "MODEL"


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_written_and_read_with_the_same_answers(tmp_path, name):
    recipe, cohort = fitted(name), cohort_for(name)
    promised = privacy(randomness="reproducible, not releasable") if "private" in name else None
    stored = write_model(recipe, tmp_path / "MODEL", training(cohort, privacy=promised))
    again = read_model(tmp_path / "MODEL", trusted=stored.manifest.trusted)
    for one in (stored, again):
        np.testing.assert_array_equal(log_probabilities(one.recipe, cohort.X), log_probabilities(recipe, cohort.X))
    assert (again.genes, again.classes, again.scale) == (cohort.genes, cohort.classes, cohort.scale)
    assert again.manifest == stored.manifest
    assert again.members == cohort.patient_ids
    assert {path.name for path in (tmp_path / "MODEL" / "release").iterdir()} == {
        *again.manifest.files,
        "manifest.json",
        "README.md",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mlp", {"model.safetensors"}),
        ("logistic", {"model.safetensors", "model.skops"}),
        ("xgboost", {"model.safetensors", "model.ubj"}),
        ("theirs", {"model.skops"}),
    ],
)
def test_the_files_are_those_that_the_recipe_needs(tmp_path, name, expected):
    stored = write_model(fitted(name), tmp_path / "MODEL", training())
    assert set(stored.manifest.files) == {*expected, "recipe.json"}


def test_the_trained_recipe_is_left_as_it_was(tmp_path):
    recipe = fitted("theirs", seed=5)
    before = recipe.get_params()["pca__random_state"], clone(recipe).get_params().keys()
    write_model(recipe, tmp_path / "MODEL", training())
    assert (recipe.get_params()["pca__random_state"], clone(recipe).get_params().keys()) == before
    assert before[0] is not None


def test_the_confidential_part_names_the_members_for_other_commands_too(model):
    assert members_by_file(COHORT, model / "confidential" / "members.csv").members.tolist() == HALF.tolist()
    assert stat.S_IMODE((model / "confidential").stat().st_mode) == 0o700
    assert stat.S_IMODE(model.stat().st_mode) == 0o700


def test_the_release_says_nothing_of_who_or_how_many(model):
    facts = json.loads((model / "release" / "manifest.json").read_text())
    assert not {"members", "left_out", "seed", "data", "member_samples"} & set(facts)
    text = "".join(content.decode("latin-1") for name, content in files(model).items() if name.startswith("release"))
    assert not [name for name in (*COHORT.patient_ids, *COHORT.sample_ids) if name in text]


def test_the_release_can_be_read_by_itself_under_any_name(model, tmp_path):
    (model / "release").rename(tmp_path / "fetched")
    stored = read_model(tmp_path / "fetched")
    assert stored.members is None
    assert stored.confidential is None
    np.testing.assert_array_equal(stored.recipe.predict(COHORT.X), LOGISTIC.predict(COHORT.X))
    with pytest.raises(ArtefactError, match="confidential part alone"):
        verify_members(stored, COHORT.patient_ids)


def test_members_and_data_are_verified_by_whoever_has_the_salts(model):
    stored = read_model(model)
    own = [name for name, member in zip(COHORT.patient_ids, HALF, strict=True) if member]
    assert stored.members == tuple(own)
    assert verify_members(stored, own[::-1])
    assert not verify_members(stored, own[:-1])
    assert not verify_members(stored, COHORT.patient_ids)
    assert verify_data(stored, COHORT)
    assert not verify_data(stored, COHORT.subset(np.arange(COHORT.n_samples - 1)))


def test_two_models_of_the_same_members_are_committed_differently(model, tmp_path):
    other = write_model(LOGISTIC, tmp_path / "other", training(members=HALF))
    first = read_model(model).manifest.commitments
    assert first.members != other.manifest.commitments.members
    assert first.data != other.manifest.commitments.data


def test_privacy_stands_in_the_manifest_and_says_whether_noise_can_be_drawn_again(tmp_path):
    for randomness, seeded in (("not recorded", False), ("reproducible, not releasable", True)):
        facts = training(privacy=privacy(randomness=randomness))
        stored = write_model(LOGISTIC, tmp_path / "MODEL", facts)
        assert stored.manifest.seeded is seeded
        assert stored.manifest.mechanisms == facts.privacy.mechanisms
    assert write_model(LOGISTIC, tmp_path / "MODEL", training()).manifest.seeded is None


def test_a_model_that_guards_its_answers_alone_is_marked(tmp_path):
    assert write_model(fitted("rounding"), tmp_path / "MODEL", training()).manifest.answers_only
    assert not write_model(fitted("distilled"), tmp_path / "MODEL", training()).manifest.answers_only


@pytest.mark.parametrize("name", ["logistic", "xgboost", "mlp"])
def test_a_changed_byte_in_any_file_is_found(tmp_path, name):
    write_model(fitted(name), tmp_path / "MODEL", training())
    rng = np.random.default_rng(0)
    for relative, content in files(tmp_path / "MODEL").items():
        if relative in {"release/README.md", "confidential/manifest.json"}:
            continue  # the card is for people to edit; what the other says of others is all that can be checked of it
        path = tmp_path / "MODEL" / relative
        for place in rng.integers(len(content), size=12):
            changed = bytearray(content)
            changed[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(changed)
            with pytest.raises(ArtefactError):
                read_model(tmp_path / "MODEL")
        path.write_bytes(content[:-3])
        with pytest.raises(ArtefactError):
            read_model(tmp_path / "MODEL")
        path.unlink()
        with pytest.raises(ArtefactError, match="missing"):
            read_model(tmp_path / "MODEL")
        path.write_bytes(content)
    read_model(tmp_path / "MODEL")


def test_an_edited_card_and_a_licence_beside_it_are_fine(model):
    (model / "release" / "README.md").write_text("edited")
    (model / "release" / "LICENSE").write_text("mine")
    read_model(model)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: edit_manifest(folder, lambda m: m.update(genes=m["genes"][:-1])), "cannot answer|columns"),
        (lambda folder: edit_manifest(folder, lambda m: m["classes"].append("more")), "other classes than the 4"),
        (lambda folder: edit_manifest(folder, lambda m: m["files"].pop("recipe.json")), "recipe.json"),
        (lambda folder: edit_manifest(folder, lambda m: m["files"].pop("model.skops")), "part of another library"),
        (
            lambda folder: edit_manifest(folder, lambda m: m["files"].update({"../x": m["files"]["recipe.json"]})),
            r"lists '\.\./x'",
        ),
        (lambda folder: replace_file(folder, "recipe.json", b'{"class": "posix.system"}'), "none of this package's"),
        (lambda folder: replace_file(folder, "recipe.json", b"\x80\x04cposix"), r"recipe\.json: it is not JSON"),
        (lambda folder: replace_file(folder, "model.skops", b"\x80\x04cposix"), r"model\.skops: it is a pickle"),
        (lambda folder: replace_file(folder, "model.safetensors", b"\x80\x04"), r"model\.safetensors: it is no safe"),
        (lambda folder: replace_file(folder, "model.ubj", b"{}"), "parts that belong nowhere"),
    ],
)
def test_a_foreign_model_with_digests_that_agree_ends_in_one_clear_error(model, damage, says):
    damage(model)
    with pytest.raises(ArtefactError, match=says):
        read_model(model)


def test_weights_that_are_not_finite_are_refused_wherever_they_stand(tmp_path):
    import skops.io
    from safetensors.numpy import load, save

    write_model(LOGISTIC, tmp_path / "MODEL", training())
    release = tmp_path / "MODEL" / "release"
    arrays = load((release / "model.safetensors").read_bytes())
    arrays["scaler/mean_"][3] = np.nan
    before = files(tmp_path / "MODEL")
    replace_file(tmp_path / "MODEL", "model.safetensors", save(arrays))
    with pytest.raises(ArtefactError, match=r"array 'mean_' has 1 values that are not finite"):
        read_model(tmp_path / "MODEL")
    for name, content in before.items():
        (tmp_path / "MODEL" / name).write_bytes(content)
    broken = clone(LOGISTIC[-1]).fit(LOGISTIC[:-1].transform(COHORT.X), COHORT.y)
    broken.coef_[0, 0] = np.inf
    replace_file(tmp_path / "MODEL", "model.skops", skops.io.dumps([broken]))
    with pytest.raises(ArtefactError, match=r"LogisticRegression\.coef_ has values that are not finite"):
        read_model(tmp_path / "MODEL")


def test_the_confidential_part_of_another_model_is_refused(model, tmp_path):
    write_model(LOGISTIC, tmp_path / "other", training(members=~HALF))
    for name in ("manifest.json", "members.csv"):
        content = (model / "confidential" / name).read_bytes()
        (model / "confidential" / name).write_bytes((tmp_path / "other" / "confidential" / name).read_bytes())
        with pytest.raises(ArtefactError, match=r"another model|the model is committed to"):
            read_model(model)
        (model / "confidential" / name).write_bytes(content)


@pytest.mark.parametrize("missing", ["MODEL", "MODEL/release/manifest.json"])
def test_what_is_no_model_folder_is_refused(model, missing):
    path = model.parent / missing
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(ArtefactError, match=r"manifest\.json is missing"):
        read_model(model)


def test_types_of_other_libraries_are_made_only_if_they_are_named(tmp_path):
    stored = write_model(fitted("a forest"), tmp_path / "MODEL", training())
    assert stored.manifest.trusted == ("sklearn.tree._tree.Tree",)
    with pytest.raises(ArtefactError, match=r"trusted = \[\"sklearn\.tree\._tree\.Tree\"\]"):
        read_model(tmp_path / "MODEL")
    read_model(tmp_path / "MODEL", trusted=("sklearn.tree._tree.Tree",))


def test_a_model_that_keeps_profiles_is_never_written(tmp_path):
    neighbours = KNeighborsClassifier().fit(COHORT.X, COHORT.y)
    with pytest.raises(ArtefactError, match=r"KNeighborsClassifier\._fit_X.*keeps the expression profiles"):
        write_model(neighbours, tmp_path / "MODEL", training())
    assert not list(tmp_path.iterdir())


def test_a_recipe_that_lacks_a_class_is_not_written(tmp_path):
    some = COHORT.y > 0
    with pytest.raises(ConfigError, match="the recipe knows 2 of 3 classes"):
        write_model(clone(LOGISTIC).fit(COHORT.X[some], COHORT.y[some]), tmp_path / "MODEL", training())


def test_a_model_that_answers_otherwise_after_reading_is_not_written(tmp_path, monkeypatch):
    def other_answers(packed):
        recipe = unpack(packed)
        recipe[-1].coef_ *= 1.0000001
        return recipe

    unpack = model_folder.unpack
    monkeypatch.setattr(model_folder, "unpack", other_answers)
    with pytest.raises(ArtefactError, match="answers otherwise"):
        write_model(LOGISTIC, tmp_path / "MODEL", training())
    assert not list(tmp_path.iterdir())


def test_an_earlier_model_is_replaced_and_nothing_else_ever_is(model):
    before = read_model(model).manifest.commitments
    write_model(LOGISTIC, model, training())
    assert read_model(model).manifest.commitments != before
    for place in ("thesis.docx", "release/LICENSE", "confidential/notes.txt"):
        (model / place).write_text("years of work")
        with pytest.raises(ConfigError, match="not a model's"):
            check_model_out(model)
        with pytest.raises(ConfigError, match="not a model's"):
            write_model(LOGISTIC, model, training())
        assert (model / place).read_text() == "years of work"
        (model / place).unlink()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other threads are asleep
def test_killed_at_any_moment_it_leaves_the_old_model_or_the_new_one_whole(tmp_path):
    """A child process is killed at its first step in the file system, at its second, and so on."""
    folder = tmp_path / "MODEL"
    first = write_model(LOGISTIC, folder, training(members=HALF)).manifest
    later = training(members=~HALF)
    ended, seen = False, set()
    for step in range(1, 200):
        child = os.fork()
        if child == 0:
            try:
                _kill_at(step)
                write_model(LOGISTIC, folder, later)
                os._exit(0)
            finally:  # never back into the tests
                os._exit(1)
        _, status = os.waitpid(child, 0)
        gone = not folder.exists()  # killed between the two renames: reading puts the new one there
        found = read_model(folder).manifest
        assert [path.name for path in tmp_path.iterdir()] == ["MODEL"]
        seen.add("moved" if gone else "old" if found == first else "new")
        if found != first and status != 0:
            shutil.rmtree(folder)
            first = write_model(LOGISTIC, folder, training(members=HALF)).manifest
        if status == 0:
            ended = True
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert ended
    assert step > 10
    assert seen == {"old", "moved", "new"}


def _kill_at(step):
    """Kill this process instead of letting it take its step number `step` in the file system."""
    taken = 0

    def counted(function):
        def counting(*arguments, **keywords):
            nonlocal taken
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)

        return counting

    for name in ("mkdir", "write_bytes", "write_text", "rename"):
        setattr(Path, name, counted(getattr(Path, name)))


def test_manifests_are_what_their_schemas_say(model):
    import jsonschema

    from genoaudit.report.schemas import schema_text

    for part, name in (("release", "model"), ("confidential", "model_confidential")):
        content = json.loads((model / part / "manifest.json").read_text())
        jsonschema.validate(content, json.loads(schema_text(name)))


def test_facts_are_written_as_they_are_given(tmp_path):
    facts = replace(training(members=HALF), seed=2**62 + 1, members_by="file members.csv", notes=("note",))
    stored = write_model(LOGISTIC, tmp_path / "MODEL", facts)
    kept = stored.confidential
    assert (kept.seed, kept.members_by, kept.notes) == (2**62 + 1, "file members.csv", ("note",))
    assert kept.members == HALF.sum()
    assert kept.member_samples == HALF[COHORT.patients].sum()
    assert kept.data_sha256 == COHORT.digest()
    assert Manifest.model_validate_json((tmp_path / "MODEL/release/manifest.json").read_text()) == stored.manifest
