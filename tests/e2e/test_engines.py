"""Planning, slicing and choosing an engine from the command line."""

import json

import pytest


@pytest.fixture
def config(write_config, small_h5ad):
    return write_config(
        cohort={"path": small_h5ad, "label": "cancer_type", "patient": "patient_id", "scale": "log2"},
        recipe={"kind": "mlp", "hidden": [16], "epochs": 5},
        audit={"models": 12},
    )


def test_a_dry_run_prints_the_plan_and_trains_nothing(genoaudit, config, tmp_path):
    before = sorted(tmp_path.iterdir())
    said = genoaudit("audit", config, "--out", tmp_path / "run", "--dry-run", check=0).stdout
    assert "12 models with the" in said
    assert "MB" in said
    plan = json.loads(genoaudit("audit", config, "--out", tmp_path / "run", "--dry-run", "--json", check=0).stdout)
    assert plan["engine"] in {"gram", "stacked", "processes"}
    assert plan["reason"]
    assert plan["seconds"] > 0
    assert sorted(tmp_path.iterdir()) == before


def test_slices_trained_apart_are_collected_by_a_later_run(genoaudit, config, tmp_path):
    cache = tmp_path / "cache"
    for piece in ("7:12", "0:7"):
        genoaudit("audit", config, "--out", tmp_path / "run", "--only", piece, "--cache-dir", cache, check=0)
    assert not (tmp_path / "run").exists()
    trained = {path: path.stat().st_mtime_ns for path in cache.rglob("model-*.npz")}
    assert len(trained) == 12
    genoaudit("audit", config, "--out", tmp_path / "run", "--cache-dir", cache, "--replay", check=0)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("model-*.npz")} == trained
    genoaudit("audit", config, "--out", tmp_path / "whole", "--cache-dir", tmp_path / "other", "--replay", check=0)
    assert (tmp_path / "run" / "report.json").read_bytes() == (tmp_path / "whole" / "report.json").read_bytes()


def test_what_was_chosen_stands_in_run_json(genoaudit, config, tmp_path):
    for engine in ("gram", "stacked", "processes"):
        genoaudit("audit", config, "--out", tmp_path / engine, "--engine", engine, "--threads", 1, check=0)
        assert json.loads((tmp_path / engine / "run.json").read_text())["plan"]["engine"] == engine
    stacked = json.loads((tmp_path / "stacked" / "report.json").read_text())["attacks"]
    one, other = (json.loads((tmp_path / engine / "report.json").read_text()) for engine in ("gram", "processes"))
    assert one["attacks"] != other["attacks"]  # other draws of the same law
    for ours, theirs in zip(stacked, other["attacks"], strict=True):  # the same draws
        assert ours["auc"]["value"] == pytest.approx(theirs["auc"]["value"], abs=1e-3)
    assert one["utility"]["members"]["accuracy"]["value"] == pytest.approx(
        other["utility"]["members"]["accuracy"]["value"], abs=0.1
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--only", "3"], "expected A:B with 0 <= A < B <= 12"),
        (["--only", "3:99"], "expected A:B with 0 <= A < B <= 12"),
        (["--engine", "warp"], "choose from auto, gram, stacked, processes"),
        (["--device", "cuda", "--engine", "processes"], "--device cuda"),
    ],
)
def test_impossible_ways_of_running_are_refused_in_one_line(refused, config, tmp_path, arguments, expected):
    done = refused("audit", config, "--out", tmp_path / "run", *arguments, check=3)
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
