"""Finished runs shown again, through the installed command."""

import json

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def runs(genoaudit, small_h5ad, tmp_path_factory):
    """Two audits of one cohort: a network, and one that learns next to nothing."""
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs in (("plain", 20), ("short", 1)):
        (folder / f"{name}.toml").write_text(
            f"""
            [cohort]
            path = "{small_h5ad}"
            label = "cancer_type"
            patient = "patient_id"
            scale = "log2"
            [recipe]
            kind = "mlp"
            hidden = [16]
            epochs = {epochs}
            [audit]
            models = 16
            attacks = ["loss", "lira_fixed"]
            """
        )
        genoaudit("audit", folder / f"{name}.toml", "--out", folder / name, "--threads", 1, check=0)
    return folder


def test_the_page_of_a_run_is_written_again_with_the_same_bytes(genoaudit, runs, tmp_path):
    done = genoaudit("report", runs / "plain", "--out", tmp_path / "again.html", check=0)
    assert (tmp_path / "again.html").read_bytes() == (runs / "plain" / "report.html").read_bytes()
    assert str(tmp_path / "again.html") in done.stdout.replace("\n", "")
    assert "lira_fixed" in done.stdout
    assert (tmp_path / "again.html").stat().st_mode & 0o077 == 0


def test_patients_are_named_on_the_page_alone_and_only_when_asked(genoaudit, runs, tmp_path):
    worst = pd.read_parquet(runs / "plain" / "patients.parquet")["patient_id"][0]
    done = genoaudit("report", runs / "plain", "--show-ids", "--out", tmp_path / "named.html", check=0)
    assert worst in (tmp_path / "named.html").read_text()
    assert worst not in done.stdout + done.stderr
    assert worst not in (runs / "plain" / "report.html").read_text()


def test_the_report_of_one_run_is_printed_as_data(genoaudit, runs):
    done = genoaudit("report", runs / "plain", "--json", check=0)
    assert done.stdout == (runs / "plain" / "report.json").read_text()


def test_runs_stand_side_by_side_on_the_terminal_on_a_page_and_as_data(genoaudit, runs, tmp_path):
    both = (runs / "plain", runs / "short")
    done = genoaudit("report", *both, "--out", tmp_path / "both.html", check=0)
    assert "short" in done.stdout
    assert "epochs = 1\n" in done.stdout
    assert "No pairing of models between runs is known" in done.stdout
    page = (tmp_path / "both.html").read_text()
    assert "2 runs side by side" in page
    assert str(runs) not in page
    found = json.loads(genoaudit("report", *both, "--json", check=0).stdout)
    assert [run["name"] for run in found["runs"]] == ["plain", "short"]
    assert found["runs"][1]["auc"]["against_first"] == "lower"
    assert found["warnings"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere is no run"),
        (["plain", "nowhere"], "nowhere is no run"),
        (["plain", "--out", "page.pdf"], "name a file that ends in .html"),
        (["plain", "--out", "not-there/page.html"], "the folder not-there is not there"),
        (["plain", "--out", "plain/shareable/page.html"], "this folder is made to be shared"),
        (["plain", "--show-ids"], "say where it goes with --out"),
        (["plain", "short", "--show-ids"], "a comparison shows no patient"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(refused, runs, arguments, said):
    done = refused("report", *arguments, cwd=runs)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
