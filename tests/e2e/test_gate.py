"""From an audit to a decision with the installed command: three outcomes, their exit codes, and what is refused."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BOARD = """
name = "Board"

[attacks]
auc = 0.65
require = ["lira"]

[worst_patient]
k = 5
auc = 0.8

[evidence]
models = 32
"""
RECIPES = {
    "memorises": 'kind = "mlp"\nhidden = [32]\nepochs = 30',
    "private": 'kind = "mlp"\nscaling = "sample"\nhidden = [8]\ndp = { epsilon = 2, steps = 20 }',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("gate")
    (path / "board.toml").write_text(BOARD)
    return path


@pytest.fixture(scope="module")
def runs(genoaudit, folder, small_h5ad):
    """Audits of a recipe that memorises, of one with DP, and of that one with too few models."""
    cohort = f'[cohort]\npath = "{small_h5ad}"\nlabel = "cancer_type"\npatient = "patient_id"\nscale = "log2"\n'
    for name, recipe in RECIPES.items():
        (folder / f"{name}.toml").write_text(f"{cohort}[recipe]\n{recipe}\n[audit]\nmodels = 32\n")
    for run, config, models in (("hold", "memorises", 32), ("release", "private", 32), ("undecidable", "private", 8)):
        genoaudit(
            "audit", folder / f"{config}.toml", "--out", folder / run, "--models", models, "--threads", 1, check=0
        )
    return folder


@pytest.mark.parametrize(("run", "code"), [("release", 0), ("hold", 4), ("undecidable", 5)])
def test_the_exit_code_is_the_decision(genoaudit, runs, run, code):
    done = genoaudit("gate", runs / run, "--policy", runs / "board.toml", check=code)
    assert done.stdout.startswith(f"{run.capitalize()}: ")
    assert "“Board”" in done.stdout
    said = json.loads(genoaudit("gate", runs / run, "--policy", runs / "board.toml", "--json", check=code).stdout)
    assert said["decision"] == run
    assert said["reasons"]
    for criterion in said["criteria"]:
        assert criterion["outcome"] in {"pass", "fail", "open", "silent"}


def test_reasons_name_number_limit_and_what_is_allowed(genoaudit, runs):
    hold = genoaudit("gate", runs / "hold", "--policy", runs / "board.toml", check=4).stdout
    assert "AUC 0." in hold
    assert "(95 %), allowed 0.65." in hold
    few = genoaudit("gate", runs / "undecidable", "--policy", runs / "board.toml", check=5).stdout
    assert "Models: 8, at least 32 asked for." in few
    assert "The 5 most exposed patients: AUC was not measured: it takes at least 32 models" in few


def test_an_audit_with_a_policy_carries_the_verdict_and_fails_only_when_told(genoaudit, runs, tmp_path):
    audit = ("audit", runs / "memorises.toml", "--threads", 1, "--replay", "--cache-dir", runs / ".genoaudit-cache")
    asked = genoaudit(*audit, "--out", tmp_path / "run", "--policy", runs / "board.toml", check=0)
    assert asked.stdout.startswith("Hold: the policy “Board” is not met.")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    said = genoaudit("gate", tmp_path / "run", "--policy", runs / "board.toml", "--json", check=4).stdout
    assert report["verdict"] == json.loads(said)
    assert "Hold: the policy “Board” is not met." in (tmp_path / "run" / "report.html").read_text()
    failed = genoaudit(*audit, "--out", tmp_path / "other", "--policy", runs / "board.toml", "--fail", check=4)
    assert "Written (confidential):" in failed.stdout
    for name in ("report.json", "report.html", "patients.parquet"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_too_few_models_end_an_audit_that_must_decide_with_5(genoaudit, runs, tmp_path):
    audit = ("audit", runs / "private.toml", "--models", 8, "--cache-dir", runs / ".genoaudit-cache", "--threads", 1)
    genoaudit(*audit, "--out", tmp_path / "run", "--policy", "standard", "--fail", check=5)
    assert (tmp_path / "run" / "report.html").exists()


def test_shipped_policies_are_listed_printed_and_used_by_name(genoaudit, runs, tmp_path):
    assert genoaudit("policy", check=0).stdout.split() == ["lenient", "standard", "strict"]
    text = genoaudit("policy", "standard", check=0).stdout
    (tmp_path / "mine.toml").write_text(text)
    by_name, by_path = (
        json.loads(genoaudit("gate", runs / "undecidable", "--policy", policy, "--json", check=5).stdout)
        for policy in ("standard", tmp_path / "mine.toml")
    )
    assert by_name["policy_sha256"] == by_path["policy_sha256"]
    assert (by_name["policy"], by_path["policy"]) == ("standard", "mine")
    assert "lenient, standard, strict" in genoaudit("policy", "standart", check=3).stderr


def refused(done):
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("genoaudit: ")
    return done.stderr


def test_what_cannot_be_read_is_refused_in_one_message(genoaudit, runs, tmp_path):
    board = runs / "board.toml"
    assert "no run of genoaudit" in refused(genoaudit("gate", tmp_path, "--policy", board, check=3))
    old = tmp_path / "old"
    old.mkdir()
    report = json.loads((runs / "hold" / "report.json").read_text())
    (old / "report.json").write_text(json.dumps({**report, "schema_version": "0.7"}))
    assert "has the form 0.7, this genoaudit reads 1.0" in refused(genoaudit("gate", old, "--policy", board, check=3))
    edited = shutil.copytree(runs / "hold", tmp_path / "edited")
    shutil.copy(runs / "release" / "report.json", edited / "report.json")
    assert "report.json is not the file that was written with run.json" in refused(
        genoaudit("gate", edited, "--policy", board, check=3)
    )
    (tmp_path / "typo.toml").write_text("[attacks]\nauk = 0.6\n")
    typo = refused(genoaudit("gate", runs / "hold", "--policy", tmp_path / "typo.toml", check=3))
    assert "unknown key 'attacks.auk'; did you mean 'auc'?" in typo
    assert "there is no policy none.toml" in refused(
        genoaudit("gate", runs / "hold", "--policy", "none.toml", cwd=tmp_path, check=3)
    )


def test_a_policy_is_checked_before_anything_is_trained(genoaudit, runs, tmp_path):
    audit = ("audit", runs / "memorises.toml", "--out", tmp_path / "run")
    refused(genoaudit(*audit, "--policy", tmp_path / "none.toml", check=3))
    assert "name the policy with --policy" in refused(genoaudit(*audit, "--fail", check=3))
    assert "--policy has nothing to say" in refused(genoaudit(*audit, "--only", "0:4", "--policy", "strict", check=3))
    assert not (tmp_path / "run").exists()


def test_a_wheel_carries_the_policies(tmp_path):
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        "import genoaudit, genoaudit.report.policy as p, pathlib\n"
        f"assert pathlib.Path(genoaudit.__file__).is_relative_to({str(tmp_path)!r})\n"
        "print([p.read_policy(name).name for name in p.shipped_policies()])\n"
        f"assert p.shipped_policies()['strict'].is_relative_to({str(tmp_path)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['lenient', 'standard', 'strict']", done.stderr
