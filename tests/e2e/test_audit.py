"""The main job from the command line, on a small simulated cohort."""

import json
import os
import shutil
import signal
import subprocess
import time

import anndata
import jsonschema
import numpy as np
import pandas as pd
import pytest

CONFIDENTIAL = {"report.json", "report.html", "patients.parquet", "signals.npz", "run.json"}
SHAREABLE = {"shareable/summary.json", "shareable/summary.html"}
RUN_FILES = CONFIDENTIAL | {"shareable"}
SAME_BYTES = sorted(CONFIDENTIAL - {"run.json"} | SHAREABLE)


CACHE = ".genoaudit-cache"


@pytest.fixture(scope="module")
def config(tmp_path_factory, small_h5ad):
    path = tmp_path_factory.mktemp("audit") / "audit.toml"
    path.write_text(
        f'''
        [cohort]
        path = "{small_h5ad}"
        label = "cancer_type"
        patient = "patient_id"
        scale = "log2"
        groups = ["sex", "site"]
        [recipe]
        kind = "mlp"
        hidden = [16]
        epochs = 10
        [audit]
        models = 16
        seed = 3
        '''
    )
    return path


@pytest.fixture(scope="module")
def audited(genoaudit, config):
    """One audit that the tests look at, and whose finished models they may reuse."""
    genoaudit("audit", config, "--out", config.parent / "run", "--threads", 1, "--replay", check=0)
    return config.parent / "run"


@pytest.fixture
def again(genoaudit, audited, tmp_path):
    """Audit once more with the same finished models."""

    def run(config, *arguments, cache=audited.parent / CACHE, check=0):
        out = tmp_path / "again"
        how = ("--out", out, "--threads", 1, "--cache-dir", cache, "--replay")
        done = genoaudit("audit", config, *how, *arguments, check=check)
        return out, done

    return run


def test_an_audit_writes_exactly_its_files_and_a_valid_report(genoaudit, audited):
    assert {path.name for path in audited.iterdir()} == RUN_FILES
    report = json.loads((audited / "report.json").read_text())
    schema = json.loads(genoaudit("schema", "report", check=0).stdout)
    jsonschema.validate(report, schema)
    assert [attack["name"] for attack in report["attacks"]][:3] == ["loss", "per_class", "lira"]
    assert [check["code"] for check in report["checks"]] == [f"GA{number:03}" for number in range(1, 14)]
    rate = report["attacks"][0]["tpr_at_fpr"][0]
    assert {"fpr", "achieved_fpr", "tpr", "low", "high", "resolvable"} <= set(rate)
    assert {group["variable"] for group in report["groups"]} == {"class", "number of samples", "sex", "site"}


def test_every_patient_has_a_row_and_the_report_names_nobody(audited):
    patients = pd.read_parquet(audited / "patients.parquet")
    assert len(patients) == 90
    assert sorted(patients["rank"]) == list(range(1, 91))
    assert patients["auc_low"].le(patients["auc"]).all()
    assert patients["auc_high"].ge(patients["auc"]).all()
    for name in ("report.json", "report.html", "run.json"):
        text = (audited / name).read_text()
        assert not [patient for patient in patients["patient_id"] if patient in text]


def test_the_summary_that_may_be_shared_is_valid_and_names_nobody(genoaudit, audited):
    summary = json.loads((audited / "shareable" / "summary.json").read_text())
    jsonschema.validate(summary, json.loads(genoaudit("schema", "summary", check=0).stdout))
    patients = pd.read_parquet(audited / "patients.parquet")
    assert {variable["name"] for variable in summary["variables"]} == {"class", "number of samples", "sex", "site"}
    for name in SHAREABLE:
        text = (audited / name).read_text()
        assert not [patient for patient in patients["patient_id"] if patient in text]


def test_show_ids_names_patients_in_the_page_only(again, config):
    out, _ = again(config, "--show-ids")
    worst = pd.read_parquet(out / "patients.parquet").iloc[0]["patient_id"]
    assert worst in (out / "report.html").read_text()
    assert worst not in (out / "report.json").read_text()


def test_signals_hold_what_the_attacks_saw(audited):
    with np.load(audited / "signals.npz", allow_pickle=False) as signals:
        assert signals["logit"].shape == (16, 1, signals["patients"].size)
        assert signals["members"].shape == (16, 90)
        assert np.isfinite(signals["logit"]).all()


def test_any_number_of_processes_gives_the_same_bytes(genoaudit, config, audited, tmp_path):
    genoaudit("audit", config, "--out", tmp_path / "run", "--threads", 3, "--replay", check=0)
    for name in SAME_BYTES:
        assert (audited / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_the_order_of_rows_in_the_file_changes_nothing(again, config, audited, small_h5ad, tmp_path):
    shuffled = anndata.read_h5ad(small_h5ad)
    shuffled = shuffled[np.random.default_rng(0).permutation(shuffled.n_obs)].copy()
    shuffled.write_h5ad(tmp_path / "shuffled.h5ad")
    other = tmp_path / "other.toml"
    other.write_text(config.read_text().replace(str(small_h5ad), str(tmp_path / "shuffled.h5ad")))
    out, _ = again(other, cache=tmp_path / "cache")
    assert (audited / "patients.parquet").read_bytes() == (out / "patients.parquet").read_bytes()
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (audited, out))
    for report in (first, second):
        del report["cohort"]["sha256"], report["cohort"]["source"]
    assert first == second


def trained(cache):
    """Return when each finished model was written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("model-*.npz")}


def test_growing_an_audit_keeps_the_finished_models(again, config, audited, tmp_path):
    cache = shutil.copytree(audited.parent / CACHE, tmp_path / "cache")
    before = trained(cache)
    again(config, "--models", 20, cache=cache)
    after = trained(cache)
    assert len(before) == 16
    assert len(after) == 20
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("change", ["recipe", "data", "seed"])
def test_a_changed_audit_never_reuses_models(again, config, audited, small_h5ad, tmp_path, change):
    cache = shutil.copytree(audited.parent / CACHE, tmp_path / "cache")
    text = config.read_text()
    if change == "recipe":
        text = text.replace("epochs = 10", "epochs = 11")
    elif change == "seed":
        text = text.replace("seed = 3", "seed = 4")
    else:
        other = anndata.read_h5ad(small_h5ad)
        other.X[7, 11] += 0.5
        other.write_h5ad(tmp_path / "other.h5ad")
        text = text.replace(str(small_h5ad), str(tmp_path / "other.h5ad"))
    (tmp_path / "changed.toml").write_text(text)
    again(tmp_path / "changed.toml", cache=cache)
    assert len(trained(cache)) == 32


def test_a_killed_audit_goes_on_where_it_was_and_ends_in_the_same_bytes(genoaudit, command, config, tmp_path):
    """Kill the whole process group twice at different moments, then let the same command finish."""
    slow = tmp_path / "slow.toml"
    slow.write_text(config.read_text().replace("epochs = 10", "epochs = 150").replace("models = 16", "models = 40"))
    cache, out = tmp_path / "killed-cache", tmp_path / "killed"
    # One model at a time: seconds lie between the first model and the last, whatever else the machine does.
    engine = ["--engine", "processes"]
    arguments = ["audit", slow, "--out", out, "--cache-dir", cache, "--threads", "2", "--replay", *engine]
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
    calm = ["--out", tmp_path / "calm", "--cache-dir", tmp_path / "calm-cache", "--threads", 1, "--replay"]
    genoaudit("audit", slow, *calm, *engine, check=0)
    for name in SAME_BYTES:
        assert (out / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_an_earlier_run_is_replaced_and_nothing_else_ever_is(again, config):
    out, _ = again(config)
    again(config)
    assert {path.name for path in out.iterdir()} == RUN_FILES
    (out / "thesis.docx").write_text("years of work")
    _, refused = again(config, check=3)
    assert "not an audit's" in refused.stderr
    assert (out / "thesis.docx").read_text() == "years of work"


def test_json_goes_to_standard_output_alone(again, config, audited):
    _, done = again(config, "--json")
    assert json.loads(done.stdout) == json.loads((audited / "report.json").read_text())


def test_the_demo_runs_and_names_its_files(genoaudit, tmp_path):
    done = genoaudit("demo", "--models", 8, "--out", tmp_path / "demo", check=0)
    assert "lira" in done.stdout
    for name in CONFIDENTIAL | SHAREABLE:
        assert str(tmp_path / "demo" / name) in done.stdout.replace("\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {"demo", CACHE}


def test_pseudonyms_are_new_in_every_run_but_in_a_replay(genoaudit, config, audited, tmp_path):
    cache = ("--threads", 1, "--cache-dir", audited.parent / CACHE)
    genoaudit("audit", config, "--out", tmp_path / "run", *cache, check=0)
    replayed, run = (json.loads((folder / "report.json").read_text()) for folder in (audited, tmp_path / "run"))
    assert (replayed["pseudonyms"], run["pseudonyms"]) == ("from the seed", "random")
    tables = [pd.read_parquet(folder / "patients.parquet") for folder in (audited, tmp_path / "run")]
    assert not tables[0]["pseudonym"].equals(tables[1]["pseudonym"])
    assert tables[0].drop(columns="pseudonym").equals(tables[1].drop(columns="pseudonym"))
