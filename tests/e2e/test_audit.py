"""The main job from the command line, on a small simulated cohort."""

import json
import os
import shutil
import signal
import subprocess
import time

import jsonschema
import numpy as np
import pandas as pd
import pytest

RUN_FILES = {"report.json", "report.html", "patients.parquet", "signals.npz", "run.json"}
SAME_BYTES = sorted(RUN_FILES - {"run.json"})


@pytest.fixture
def config(write_config, small_h5ad):
    return write_config(
        cohort={
            "path": small_h5ad,
            "label": "cancer_type",
            "patient": "patient_id",
            "scale": "log2",
            "groups": ["sex", "site"],
        },
        recipe={"kind": "mlp", "hidden": [16], "epochs": 10},
        audit={"models": 16, "seed": 3},
    )


@pytest.fixture
def audited(genoaudit, config, tmp_path):
    genoaudit("audit", config, "--out", tmp_path / "run", check=0)
    return tmp_path / "run"


def test_an_audit_writes_exactly_its_files_and_a_valid_report(genoaudit, audited):
    assert {path.name for path in audited.iterdir()} == RUN_FILES
    report = json.loads((audited / "report.json").read_text())
    schema = json.loads(genoaudit("schema", "report", check=0).stdout)
    jsonschema.validate(report, schema)
    assert [attack["name"] for attack in report["attacks"]][:2] == ["loss", "lira"]
    rate = report["attacks"][0]["tpr_at_fpr"][0]
    assert {"fpr", "achieved_fpr", "tpr", "low", "high", "resolvable"} <= set(rate)
    assert {group["variable"] for group in report["groups"]} == {"class", "sex", "site"}


def test_every_patient_has_a_row_and_the_report_names_nobody(audited):
    patients = pd.read_parquet(audited / "patients.parquet")
    assert len(patients) == 90
    assert sorted(patients["rank"]) == list(range(1, 91))
    assert patients["auc_low"].le(patients["auc"]).all()
    assert patients["auc_high"].ge(patients["auc"]).all()
    for name in ("report.json", "report.html", "run.json"):
        text = (audited / name).read_text()
        assert not [patient for patient in patients["patient_id"] if patient in text]


def test_show_ids_names_patients_in_the_page_only(genoaudit, config, tmp_path):
    genoaudit("audit", config, "--out", tmp_path / "run", "--show-ids", check=0)
    worst = pd.read_parquet(tmp_path / "run" / "patients.parquet").iloc[0]["patient_id"]
    assert worst in (tmp_path / "run" / "report.html").read_text()
    assert worst not in (tmp_path / "run" / "report.json").read_text()


def test_signals_hold_what_the_attacks_saw(audited):
    with np.load(audited / "signals.npz", allow_pickle=False) as signals:
        assert signals["logit"].shape == (16, 1, signals["patients"].size)
        assert signals["members"].shape == (16, 90)
        assert np.isfinite(signals["logit"]).all()


def test_any_number_of_processes_gives_the_same_bytes(genoaudit, config, tmp_path):
    for threads in (1, 2, 3):
        out = tmp_path / f"run{threads}"
        genoaudit("audit", config, "--out", out, "--threads", threads, "--cache-dir", tmp_path / f"c{threads}", check=0)
    for name in SAME_BYTES:
        assert (tmp_path / "run1" / name).read_bytes() == (tmp_path / "run2" / name).read_bytes()
        assert (tmp_path / "run1" / name).read_bytes() == (tmp_path / "run3" / name).read_bytes()


def test_the_order_of_rows_in_the_file_changes_nothing(genoaudit, config, audited, small_h5ad, tmp_path):
    import anndata

    shuffled = anndata.read_h5ad(small_h5ad)
    shuffled = shuffled[np.random.default_rng(0).permutation(shuffled.n_obs)].copy()
    shuffled.write_h5ad(tmp_path / "shuffled.h5ad")
    other = tmp_path / "other.toml"
    other.write_text(config.read_text().replace(str(small_h5ad), str(tmp_path / "shuffled.h5ad")))
    genoaudit("audit", other, "--out", tmp_path / "again", "--cache-dir", tmp_path / "cache2", check=0)
    assert (audited / "patients.parquet").read_bytes() == (tmp_path / "again" / "patients.parquet").read_bytes()
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (audited, tmp_path / "again"))
    for report in (first, second):
        del report["cohort"]["sha256"], report["cohort"]["source"]
    assert first == second


def trained(cache):
    """Return when each finished model was written."""
    return {path.name: path.stat().st_mtime_ns for path in cache.rglob("model-*.npz")}


def test_growing_an_audit_keeps_the_finished_models(genoaudit, config, audited, tmp_path):
    before = trained(tmp_path / ".genoaudit-cache")
    genoaudit("audit", config, "--out", tmp_path / "more", "--models", 20, check=0)
    after = trained(tmp_path / ".genoaudit-cache")
    assert len(before) == 16
    assert len(after) == 20
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("change", ["recipe", "data", "seed"])
@pytest.mark.usefixtures("audited")
def test_a_changed_audit_never_reuses_models(genoaudit, config, small_h5ad, tmp_path, change):
    text = config.read_text()
    if change == "recipe":
        text = text.replace("epochs = 10", "epochs = 11")
    elif change == "seed":
        text = text.replace("seed = 3", "seed = 4")
    else:
        import anndata

        other = anndata.read_h5ad(small_h5ad)
        other.X[7, 11] += 0.5
        other.write_h5ad(tmp_path / "other.h5ad")
        text = text.replace(str(small_h5ad), str(tmp_path / "other.h5ad"))
    (tmp_path / "changed.toml").write_text(text)
    genoaudit("audit", tmp_path / "changed.toml", "--out", tmp_path / "changed", check=0)
    assert len(trained(tmp_path / ".genoaudit-cache")) == 32


def test_a_killed_audit_goes_on_where_it_was_and_ends_in_the_same_bytes(genoaudit, command, config, tmp_path):
    """Kill the whole process group twice at different moments, then let the same command finish."""
    slow = config.with_name("slow.toml")
    slow.write_text(config.read_text().replace("epochs = 10", "epochs = 60").replace("models = 16", "models = 40"))
    cache, out = tmp_path / "killed-cache", tmp_path / "killed"
    arguments = ["audit", slow, "--out", out, "--cache-dir", cache, "--threads", "2"]
    for wanted in (3, 12):
        with subprocess.Popen([command, *arguments], start_new_session=True, stderr=subprocess.DEVNULL) as audit:
            deadline = time.monotonic() + 120
            while len(trained(cache)) < wanted and audit.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            os.killpg(audit.pid, signal.SIGKILL)
        assert not out.exists()
    before = trained(cache)
    assert 12 <= len(before) < 40
    genoaudit(*arguments, check=0)
    after = trained(cache)
    assert {name: after[name] for name in before} == before
    genoaudit("audit", slow, "--out", tmp_path / "calm", "--cache-dir", tmp_path / "calm-cache", check=0)
    for name in SAME_BYTES:
        assert (out / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_an_earlier_run_is_replaced_and_nothing_else_ever_is(genoaudit, config, audited, tmp_path):
    genoaudit("audit", config, "--out", audited, check=0)
    assert {path.name for path in audited.iterdir()} == RUN_FILES
    (audited / "thesis.docx").write_text("years of work")
    refused = genoaudit("audit", config, "--out", audited, check=3)
    assert "not an audit's" in refused.stderr
    assert (audited / "thesis.docx").read_text() == "years of work"


def test_json_goes_to_standard_output_alone(genoaudit, config, audited, tmp_path):
    done = genoaudit("audit", config, "--out", tmp_path / "json", "--json", check=0)
    assert json.loads(done.stdout) == json.loads((audited / "report.json").read_text())


def test_the_demo_runs_and_names_its_files(genoaudit, tmp_path):
    done = genoaudit("demo", "--models", 8, "--out", tmp_path / "demo", check=0)
    assert "lira" in done.stdout
    for name in RUN_FILES:
        assert str(tmp_path / "demo" / name) in done.stdout.replace("\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {"demo", ".genoaudit-cache"}
    shutil.rmtree(tmp_path / "demo")
