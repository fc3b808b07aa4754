"""Models that strangers trained without this package, audited by the installed command; and files that mean harm."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import skops.io
import torch
import xgboost
from bombs import pickle_bomb, torch_bomb, zipped
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit import simulate_cohort

COHORT = simulate_cohort(patients=90, genes=60, classes=3, seed=5)
HELD = np.arange(90) % 2 == 0
ROWS = HELD[COHORT.patients]
NAMES = np.array(COHORT.classes)[COHORT.y]
FRAME = pd.DataFrame(COHORT.X, columns=list(COHORT.genes))
RUN_FILES = {"report.json", "report.html", "patients.parquet", "signals.npz", "run.json", "shareable"}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a stranger has: a cohort, the members, and three models."""
    path = tmp_path_factory.mktemp("stranger")
    adata = COHORT.to_anndata()
    adata.obs["trained"] = ROWS
    adata.write_h5ad(path / "cohort.h5ad")
    (path / "members.txt").write_text("\n".join(np.array(COHORT.patient_ids)[HELD]))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=10)).fit(FRAME[ROWS], NAMES[ROWS])
    skops.io.dump(pipeline, path / "pipeline.skops")
    xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(FRAME[ROWS], COHORT.y[ROWS]).save_model(path / "boost.ubj")
    (path / "nets.py").write_text(
        "import torch\ndef linear(genes, classes):\n    return torch.nn.Linear(genes, classes)\n"
    )
    network = torch.nn.Linear(60, 3)
    with torch.no_grad():
        network.weight.normal_(generator=torch.Generator().manual_seed(0))
    safetensors.torch.save_file(network.state_dict(), path / "net.safetensors")
    return path


@pytest.fixture
def audit(genoaudit, write_config, tmp_path, folder, monkeypatch):
    """Run the installed command on a given model."""
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")

    def run(command, target, *arguments, check=0, **sections):
        cohort = {"path": folder / "cohort.h5ad", "label": "cancer_type", "patient": "patient_id", "scale": "log2"}
        config = write_config(cohort=cohort, target=target, **sections)
        return genoaudit(command, config, *arguments, check=check)

    return run


CLASSES = {"classes": list(COHORT.classes)}
KINDS = {
    "pipeline.skops": ("sklearn", {"members": {"column": "trained"}}),
    "boost.ubj": ("xgboost", {"members": {"file": "FOLDER/members.txt"}, **CLASSES}),
    "net.safetensors": (
        "torch",
        {
            "members": {"column": "trained"},
            "constructor": "nets:linear",
            "arguments": {"genes": 60, "classes": 3},
            **CLASSES,
        },
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_stranger_s_model_is_audited_by_itself(audit, folder, tmp_path, name):
    kind, keys = KINDS[name]
    if kind == "xgboost":
        keys = {**keys, "members": {"file": folder / "members.txt"}}
    target = {"path": folder / name, "non_members_from": HOSTILE, **keys}
    audit("audit", target, "--out", tmp_path / "run", "--threads", 1)
    assert {path.name for path in (tmp_path / "run").iterdir()} == RUN_FILES
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert (report["target"]["kind"], report["target"]["source"], report["target"]["members"]) == (kind, name, 45)
    assert (report["recipe"], report["design"]) == (None, None)
    ran = {attack["name"] for attack in report["attacks"]}
    assert {"loss", "qmia", "gap"} <= ran
    assert ("grad_norm" in ran, "influence" in ran) == (kind != "xgboost", kind == "sklearn")
    assert any("LiRA" in gap["what"] for gap in report["not_tested"])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x" in page
    if kind != "xgboost":  # a column that says who the members are is no covariate
        assert {check["code"]: check["status"] for check in report["checks"]}["GA004"] != "issue"
    assert not [patient for patient in COHORT.patient_ids if patient in page]


def test_with_a_recipe_the_attacks_with_reference_models_run(audit, folder, tmp_path):
    target = {"path": folder / "pipeline.skops", "members": {"column": "trained"}}
    recipe = {"kind": "import", "target": "sklearn.linear_model:LogisticRegression", "C": 10}
    settings = {"models": 16, "attacks": ["loss", "lira_fixed", "influence"], "queries": 1}
    arguments = ("--out", tmp_path / "run", "--threads", 1)
    audit("audit", target, *arguments, "--only", "0:4", recipe=recipe, audit=settings)
    done = audit("audit", target, *arguments, "--json", recipe=recipe, audit=settings)
    report = json.loads(done.stdout)
    assert report["design"]["models"] == 16
    assert report["adversary"] == {"access": "parameters", "decimals": None, "queries": 1}
    found = {attack["name"]: attack for attack in report["attacks"]}
    assert set(found) == {"loss", "lira_fixed", "influence"}
    assert found["lira_fixed"]["at_shadow_thresholds"]


def test_validate_and_dry_run_say_what_is_given(audit, folder, tmp_path):
    target = {"path": folder / "pipeline.skops", "members": {"file": folder / "members.txt"}}
    done = audit("validate", target)
    assert "pipeline.skops, a scikit-learn model. 45 patients were its members, by file members.txt; 45 were not." in (
        done.stdout
    )
    checked = json.loads(audit("validate", target, "--json").stdout)
    assert checked["target"]["kind"] == "sklearn"
    done = audit("audit", target, "--out", tmp_path / "run", "--dry-run")
    assert done.stdout.startswith("No models are trained: there is no [recipe]")
    only = audit("audit", target, "--out", tmp_path / "run", "--only", "0:2", check=3)
    assert "--only trains reference models, and there is no [recipe]" in only.stderr
    assert not (tmp_path / "run").exists()


def test_names_with_markup_end_as_text_in_the_page(genoaudit, write_config, tmp_path):
    classes = np.where(COHORT.classes[0] == NAMES, HOSTILE, NAMES)
    genes = [f"<script>{gene}</script>" for gene in COHORT.genes]
    table = pd.DataFrame(COHORT.X, columns=genes)
    table.insert(0, "sample", COHORT.sample_ids)
    table.insert(1, "patient", np.asarray(COHORT.patient_ids)[COHORT.patients])
    table.insert(2, "type", classes)
    table.to_csv(tmp_path / "cohort.csv", index=False)
    model = GaussianNB().fit(table[genes][ROWS], classes[ROWS])
    name = "<b onclick=x>.skops"
    skops.io.dump(model, tmp_path / name)
    (tmp_path / "members.txt").write_text("\n".join(np.array(COHORT.patient_ids)[HELD]))
    config = write_config(
        cohort={"path": "cohort.csv", "label": "type", "patient": "patient", "scale": "log2"},
        target={"path": name, "members": {"file": "members.txt"}},
    )
    genoaudit("audit", config, "--out", tmp_path / "run", "--threads", 1, check=0)
    page = (tmp_path / "run" / "report.html").read_text()
    assert not [tag for tag in ("<img", "<script>TSPAN", "<script>gene", "<b ") if tag in page]
    assert page.count("<script") == 2  # our own: the data of the table, and what sorts it
    assert "&lt;img src=x" in page
    assert "&lt;b onclick=x&gt;.skops" in page


def harm(marker):
    nan = safetensors.torch.save({"weight": torch.full((3, 60), torch.nan), "bias": torch.zeros(3)})
    wrong = safetensors.torch.save({"weight": torch.zeros(3, 61), "extra": torch.zeros(3)})
    return {
        "model.pkl": (pickle_bomb(marker), "skops.io.dump(model, 'model.skops')"),
        "model.pt": (torch_bomb(marker), "no sound file of torch|holds more than weights"),
        "traversal.skops": (zipped([("schema.json", b"{}"), ("../../ran", b"x")]), "leads out of a folder"),
        "header.safetensors": ((10**15).to_bytes(8, "little") + b"{}", "announces a header of"),
        "nan.safetensors": (nan, "weights that are not finite, in 1 tensor"),
        "wrong.safetensors": (wrong, "has 1 weight that the module has not ('extra')"),
        "deep.ubj": (b'{"learner":' * 1_000_000, "makes XGBoost break down"),
    }


def test_files_that_mean_harm_end_in_one_message_and_nothing_is_written(audit, folder, tmp_path):
    marker = tmp_path / "ran"
    for name, (content, said) in harm(marker).items():
        (tmp_path / name).write_bytes(content)
        before = sorted(path.name for path in tmp_path.iterdir() if path.name != "audit.toml")
        _, keys = KINDS["net.safetensors" if name.endswith(("pt", "safetensors")) else "pipeline.skops"]
        target = {"path": tmp_path / name, **keys}
        done = audit("audit", target, "--out", tmp_path / "run", check=3)
        assert done.stderr.startswith(f"genoaudit: {name}: ")
        assert any(words in done.stderr for words in said.split("|"))
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert not [patient for patient in COHORT.patient_ids if patient in done.stderr]
        assert sorted(path.name for path in tmp_path.iterdir() if path.name != "audit.toml") == before
    assert not marker.exists()


def test_members_that_do_not_agree_are_refused_without_naming_anybody(audit, folder, tmp_path):
    scores = pd.DataFrame(np.full((COHORT.n_samples, 3), 1 / 3), columns=list(COHORT.classes))
    scores.insert(0, "sample", list(COHORT.sample_ids))
    scores.insert(1, "member", COHORT.patients < 40)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    target = {"path": tmp_path / "scores.csv", "members": {"column": "trained"}}
    done = audit("audit", target, "--out", tmp_path / "run", check=3)
    assert (
        "two accounts of its members disagree: 40 by column 'member' of scores.csv, 45 by column 'trained'"
        in done.stderr
    )
    assert not [patient for patient in COHORT.patient_ids if patient in done.stderr]
    assert not (tmp_path / "run").exists()
