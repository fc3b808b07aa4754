"""A sweep from the command line, on a small simulated cohort."""

import json
import signal
import subprocess
import time

import jsonschema
import pandas as pd
import pytest

FILES = {"sweep.json", "sweep.html", "sweep.parquet", "run.json", "cells"}
CONFIG = """
canaries = false
[cohort]
path = "{path}"
label = "cancer_type"
patient = "patient_id"
scale = "log2"
[recipes.mlp]
kind = "mlp"
hidden = [16]
epochs = 10
scaling = "sample"
with_dp = {{ dp = {{ steps = 30, hyperparameters = "public" }} }}
[audit]
models = 24
[sweep]
budgets = [8, 1e9]
tune = 1
[sweep.mitigations]
dropout = [0.5]
label_only = ["on"]
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory, small_h5ad):
    path = tmp_path_factory.mktemp("sweep") / "sweep.toml"
    path.write_text(CONFIG.format(path=small_h5ad))
    return path


@pytest.fixture(scope="module")
def swept(genoaudit, config):
    done = genoaudit("sweep", config, "--out", config.parent / "run", "--threads", 1, check=0)
    return config.parent / "run", done


def test_a_sweep_writes_exactly_its_files_and_says_what_it_found(swept, genoaudit):
    run, done = swept
    assert {path.name for path in run.iterdir()} == FILES
    assert "DP, epsilon 8" in done.stdout
    assert "Label" in done.stdout
    report = json.loads((run / "sweep.json").read_text())
    jsonschema.validate(report, json.loads(genoaudit("schema", "sweep", check=0).stdout))
    table = pd.read_parquet(run / "sweep.parquet")
    assert list(table["name"]) == [cell["name"] for cell in report["cells"]]
    page = (run / "sweep.html").read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_second_run_trains_nothing_and_gives_the_same_bytes(swept, genoaudit, config):
    run, _ = swept
    before = {name: (run / name).read_bytes() for name in ("sweep.json", "sweep.html")}
    done = genoaudit("sweep", config, "--out", run, "--threads", 1, check=0)
    assert "Training" not in done.stderr
    assert {name: (run / name).read_bytes() for name in before} == before
    # Without finished cells, models are still there: every cell is scored again, none is trained.
    again = run.parent / "again"
    done = genoaudit("sweep", config, "--out", again, "--threads", 1, check=0)
    assert "Training models: 0 of" not in done.stderr
    assert (again / "sweep.json").read_bytes() == before["sweep.json"]


def test_a_sweep_survives_being_killed(swept, genoaudit, command, config):
    run, _ = swept
    folder, cache = run.parent / "killed", run.parent / "killed-cache"
    arguments = ["sweep", config, "--out", folder, "--cache-dir", cache, "--threads", "1"]
    process = subprocess.Popen([command, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(folder.glob("cells/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = list(folder.glob("cells/*.json"))
    assert kept
    assert not (folder / "sweep.json").exists()
    times = {path: path.stat().st_mtime_ns for path in kept}
    genoaudit(*arguments, check=0)
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (folder / "sweep.json").read_bytes() == (run / "sweep.json").read_bytes()


def test_a_dry_run_lists_the_cells_and_writes_nothing(genoaudit, config, tmp_path):
    done = genoaudit("sweep", config, "--out", tmp_path / "run", "--dry-run", "--json", check=0)
    rows = json.loads(done.stdout)
    assert [row["cell"] for row in rows][:3] == ["mlp/none/seed=0", "mlp/dp_arm/seed=0", "mlp/dp=8/seed=0"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dropout = [0.5]", "dropout = [1.5]"),
        ("budgets = [8, 1e9]", "budgets = [0.01]"),
        ("dropout = [0.5]", "droput = [0.5]"),
        ("steps = 30", "step = 30"),
        ("steps = 30", "steps = 0"),
        ("steps = 30", "clip = -1"),
    ],
)
def test_what_cannot_be_is_one_clear_error(refused, config, tmp_path, text, problem):
    path = tmp_path / "bad.toml"
    path.write_text(config.read_text().replace(text, problem))
    done = refused("sweep", path, "--out", tmp_path / "run", check=3)
    assert done.stderr.count("\n") <= 3
    assert problem.split()[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_something_else_is_left_alone(refused, config, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = refused("sweep", config, "--out", tmp_path, check=3)
    assert "not a sweep's" in done.stderr


def test_the_catalogue_of_mitigations_is_printed(genoaudit):
    text = genoaudit("mitigations", check=0).stdout
    records = json.loads(genoaudit("mitigations", "--json", check=0).stdout)
    assert {"dp", "l2", "l1", "group_lasso", "dropout", "distillation", "label_only"} <= {r["name"] for r in records}
    assert all(record["name"] in text for record in records)
    assert all(record[key] for record in records for key in ("protects", "costs", "failures", "reference", "setting"))
