"""Training for release from the command line, on a small simulated cohort."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import anndata
import jsonschema
import numpy as np
import pytest

from genoaudit import read_cohort, read_model

MEMBERS, SEED = 67, 604_661_337
DP = {"epsilon": 8, "steps": 30, "patients": 60, "hyperparameters": "public"}
RECIPES = {
    "plain": {"kind": "mlp", "hidden": [16], "epochs": 5},
    "trees": {"kind": "xgboost", "n_estimators": 5},
    "logistic": {"kind": "logistic"},
    "private": {"kind": "mlp", "hidden": [16], "scaling": "sample", "dp": DP},
}


@pytest.fixture(scope="module")
def cohort(small_h5ad):
    return read_cohort(small_h5ad, label="cancer_type", patient="patient_id", scale="log2")


@pytest.fixture(scope="module")
def trained(genoaudit, small_h5ad, cohort, tmp_path_factory):
    """One model of each recipe, made by the installed command."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "members.csv").write_text("patient_id\n" + "\n".join(cohort.patient_ids[:MEMBERS]) + "\n")
    for name, recipe in RECIPES.items():
        lines = [f"{key} = {_toml(value)}" for key, value in recipe.items()]
        seed = "" if name == "private" else f"seed = {SEED}"
        (folder / f"{name}.toml").write_text(
            f'''
            [cohort]
            path = "{small_h5ad}"
            label = "cancer_type"
            patient = "patient_id"
            scale = "log2"
            [train]
            members = {{ file = "members.csv" }}
            {seed}
            [recipe]
            '''
            + "\n".join(lines)
        )
        genoaudit("train", folder / f"{name}.toml", "--out", folder / name, check=0)
    return folder


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


@pytest.mark.parametrize("name", RECIPES)
def test_a_fresh_process_reads_the_same_answers(trained, cohort, tmp_path, name):
    here = read_model(trained / name).recipe.predict_proba(cohort.X)
    np.save(tmp_path / "X.npy", cohort.X)
    code = (
        "import sys, numpy as np\nfrom genoaudit import read_model\n"
        f"model = read_model({str(trained / name / 'release')!r})\n"
        f"np.save({str(tmp_path / 'proba.npy')!r}, model.recipe.predict_proba(np.load({str(tmp_path / 'X.npy')!r})))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "proba.npy"), here)
    right = here.argmax(axis=1)[cohort.patients >= MEMBERS] == cohort.y[cohort.patients >= MEMBERS]
    assert right.mean() > 0.5


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_in_the_release_names_a_patient_says_how_many_or_from_which_seed(trained, cohort, name):
    samples = int((cohort.patients < MEMBERS).sum())
    told = [str(MEMBERS), str(samples), str(cohort.n_patients - MEMBERS), str(SEED)]
    for path in sorted((trained / name / "release").iterdir()):
        content = path.read_bytes()
        for ids in (cohort.patient_ids, cohort.sample_ids):
            assert not [one for one in ids if one.encode() in content], path.name
        text = content.decode("latin-1") if path.suffix in {".json", ".md"} else _strings(content)
        assert not [number for number in told if re.search(rf"(?<![\w.]){number}(?![\w.])", text)], path.name
        if path.suffix == ".json":
            assert not {MEMBERS, samples, SEED} & set(_numbers(json.loads(content)))


def test_the_search_would_have_found_them(trained, cohort):
    """What is looked for is there, in the confidential part."""
    kept = (trained / "plain" / "confidential" / "manifest.json").read_text()
    assert re.search(rf"(?<![\w.]){MEMBERS}(?![\w.])", kept)
    assert SEED in set(_numbers(json.loads(kept)))
    assert cohort.patient_ids[0] in (trained / "plain" / "confidential" / "members.csv").read_text()


def _strings(content):
    """The runs of printable characters in a binary file, as `strings` shows them."""
    return " ".join(found.decode() for found in re.findall(rb"[\x20-\x7e]{4,}", content))


def _numbers(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif not isinstance(value, bool | str):
        yield value


def test_manifests_are_valid_and_say_what_was_asked(genoaudit, trained):
    schema = json.loads(genoaudit("schema", "model", check=0).stdout)
    for name in RECIPES:
        jsonschema.validate(json.loads((trained / name / "release" / "manifest.json").read_text()), schema)
    private = read_model(trained / "private")
    assert private.manifest.seeded is False
    assert 7.9 < private.manifest.privacy.epsilon <= 8
    assert private.confidential.seed is None
    plain = read_model(trained / "plain")
    assert plain.manifest.seeded is None
    assert plain.confidential.seed == SEED
    assert plain.confidential.left_out.patients == 90 - MEMBERS
    assert len(plain.members) == MEMBERS


def test_a_seed_with_dp_is_called_reproducible_not_releasable(genoaudit, trained, tmp_path):
    text = (trained / "private.toml").read_text().replace("[recipe]", "seed = 3\n[recipe]")
    config = trained / "seeded.toml"
    config.write_text(text)
    done = genoaudit("train", config, "--out", tmp_path / "MODEL", check=0)
    assert "Reproducible, not releasable" in done.stdout
    assert "Reproducible, not releasable" in (tmp_path / "MODEL" / "release" / "README.md").read_text()
    assert read_model(tmp_path / "MODEL").manifest.seeded is True


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(genoaudit, trained, tmp_path):
    done = genoaudit("train", trained / "private.toml", "--out", tmp_path / "MODEL", "--dry-run", check=0)
    assert f"trained on {MEMBERS} patients" in done.stdout
    assert "epsilon = 8.00" in done.stdout
    assert not (tmp_path / "MODEL").exists()


def test_json_goes_to_standard_output_without_seed_and_salt(genoaudit, trained, cohort, tmp_path):
    done = genoaudit("train", trained / "plain.toml", "--out", tmp_path / "MODEL", "--json", check=0)
    content = json.loads(done.stdout)
    stored = read_model(tmp_path / "MODEL")
    assert content["manifest"] == stored.manifest.model_dump(mode="json")
    assert content["left_out"]["accuracy"] == stored.confidential.left_out.accuracy
    assert str(SEED) not in done.stdout
    assert stored.confidential.members_salt not in done.stdout
    assert not [one for one in cohort.patient_ids if one in done.stdout + done.stderr]
    assert "Training the model" in done.stderr


def test_the_same_file_serves_an_audit(genoaudit, trained, tmp_path):
    """[train] is for training alone: an audit of the recipe takes no notice of it."""
    done = genoaudit("validate", trained / "plain.toml", check=0)
    assert "Ready to audit" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('{ file = "members.csv" }', '"some"'), "'train.members': must be 'all'"),
        (('{ file = "members.csv" }', '{ file = "nobody.csv" }'), "nobody.csv: does not exist"),
    ],
)
def test_a_mistake_ends_in_one_message(refused, trained, tmp_path, change, says):
    (trained / "changed.toml").write_text((trained / "plain.toml").read_text().replace(*change))
    done = refused("train", trained / "changed.toml", "--out", tmp_path / "MODEL", check=3)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_recipe_of_ones_own_that_nothing_can_store_is_refused_before_training(trained, command, small_h5ad, tmp_path):
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
            from sklearn.neighbors import KNeighborsClassifier

            def build():
                return KNeighborsClassifier(3)
        """)
    )
    text = (
        (trained / "logistic.toml").read_text().replace('kind = "logistic"', 'kind = "import"\ntarget = "mine:build"')
    )
    (trained / "mine.toml").write_text(text)
    done = subprocess.run(
        [command, "train", trained / "mine.toml", "--out", tmp_path / "MODEL"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "KNeighborsClassifier._fit_X" in done.stderr
    assert not (tmp_path / "MODEL").exists()


def test_killed_in_the_middle_of_training_it_leaves_no_model(trained, command, tmp_path):
    slow = (trained / "plain.toml").read_text().replace("epochs = 5", "epochs = 1000000")
    (trained / "slow.toml").write_text(slow)
    arguments = [command, "train", trained / "slow.toml", "--out", tmp_path / "MODEL"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as training:
        assert "Training the model" in training.stderr.readline()
        time.sleep(0.5)
        training.send_signal(signal.SIGKILL)
    assert not list(tmp_path.iterdir())


def test_names_with_markup_end_as_harmless_text(genoaudit, small_h5ad, tmp_path):
    adata = anndata.read_h5ad(small_h5ad)
    nasty = "<img src=x onerror=alert(1)>"
    adata.obs["<b>type"] = adata.obs["cancer_type"].astype(str).replace({"type-1": nasty})
    adata.var_names = [f"<script>{name}" for name in adata.var_names]
    adata.write_h5ad(tmp_path / "nasty.h5ad")
    config = tmp_path / "nasty.toml"
    config.write_text(
        f'[cohort]\npath = "{tmp_path}/nasty.h5ad"\nlabel = "<b>type"\nscale = "log2"\npatient = "patient_id"\n'
        '[recipe]\nkind = "softmax"\n[train]\nmembers = { share = 0.7, seed = 1 }\n'
    )
    genoaudit("train", config, "--out", tmp_path / "MODEL", check=0)
    card = (tmp_path / "MODEL" / "release" / "README.md").read_text()
    assert "<img" not in card
    assert "<b>" not in card
    assert "<script" not in card
    assert nasty in read_model(tmp_path / "MODEL").classes
