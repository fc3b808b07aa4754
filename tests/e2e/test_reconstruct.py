"""A comparison from the command line, on a small simulated cohort."""

import json

import pandas as pd
import pytest

FILES = {"reconstruct.json", "reconstruct.html", "reconstruct.parquet", "run.json", "cells"}
CONFIG = """
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
[reconstruct]
budgets = [1, 1e12]
seeds = [10]
patients = 10
candidates = 10
models = 8
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory, small_h5ad):
    path = tmp_path_factory.mktemp("reconstruct") / "reconstruct.toml"
    path.write_text(CONFIG.format(path=small_h5ad))
    return path


@pytest.fixture(scope="module")
def run(genoaudit, config):
    done = genoaudit("reconstruct", config, "--out", config.parent / "run", "--threads", 1, check=0)
    return config.parent / "run", done


def test_a_comparison_writes_exactly_its_files_and_says_what_it_found(run):
    folder, done = run
    assert {path.name for path in folder.iterdir()} == FILES
    report = json.loads((folder / "reconstruct.json").read_text())
    cells = {cell["budget"]: cell for cell in report["cells"]}
    pearson = {
        budget: next(one["pearson"] for one in cell["recoveries"] if one["attack"] == "analytic")
        for budget, cell in cells.items()
    }
    assert pearson[None] > 0.999
    assert pearson[1.0] < 0.5
    assert "The attacks tried no longer read profiles off updates" in done.stdout
    assert len(pd.read_parquet(folder / "reconstruct.parquet")) > 100


def test_fewer_than_asked_for_is_noted_in_document_terminal_and_page(genoaudit, config):
    wanted = config.with_name("many.toml")
    text = (
        config.read_text().replace("patients = 10", "patients = 5000").replace("candidates = 10", "candidates = 9999")
    )
    wanted.write_text(text.replace("models = 8", "models = 0").replace("budgets = [1, 1e12]", "budgets = [1]"))
    folder = config.parent / "many"
    done = genoaudit("reconstruct", wanted, "--out", folder, "--threads", 1, check=0)
    notes = [note for note in json.loads((folder / "reconstruct.json").read_text())["warnings"] if "asked for" in note]
    assert len(notes) == 2
    for note in notes:
        assert f"Note: {note}" in done.stdout
        assert note in (folder / "reconstruct.html").read_text()


def test_the_same_again_is_read_back_and_has_the_same_bytes(run, genoaudit, config):
    folder, _ = run
    before = (folder / "reconstruct.json").read_bytes()
    done = genoaudit("reconstruct", config, "--out", folder, "--json", check=0)
    assert (folder / "reconstruct.json").read_bytes() == before == done.stdout.encode()


def test_what_cannot_be_attacked_is_refused_in_one_line(genoaudit, config):
    text = config.read_text().replace('kind = "mlp"\nhidden = [16]\nepochs = 10\n', 'kind = "logistic"\n')
    wrong = config.with_name("wrong.toml")
    wrong.write_text(text)
    done = genoaudit("reconstruct", wrong, "--out", config.parent / "none", check=3)
    assert "kind 'logistic'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
