import pytest
from sample_sweep import build_hostile_sweep, build_sweep

from genoaudit.report.sweep_terminal import print_sweep, print_sweep_plan


@pytest.fixture
def shown(capsys):
    def run(function, *arguments):
        function(*arguments)
        return " ".join(capsys.readouterr().out.split())

    return run


def test_a_sweep_is_said_in_short(shown, tmp_path):
    text = shown(print_sweep, build_sweep(), tmp_path)
    assert text.startswith("For at most 1 point of accuracy")
    assert "mlp protection accuracy lost AUC TPR AUC, worst five canaries No protection 93.4% 0.77 40.8%" in text
    assert "DP, epsilon 1e6 *!~ 92.5% 0.9 0.72 32.8% 0.74 [0.69, 0.79] 0.76" in text
    for mark in ("* on the frontier", "! promises nothing", "~ the promise of DP"):
        assert mark in text
    assert "? fewer" not in text
    assert "Not run: softmax/dropout=0.5" in text
    assert text.endswith(f"{tmp_path}/sweep.json {tmp_path}/sweep.html {tmp_path}/sweep.parquet {tmp_path}/run.json")


def test_the_tables_fit_80_columns(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    print_sweep(build_sweep(), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if "[0." in line]
    assert len(rows) == 30
    assert not [line for line in rows if "…" in line or len(line.rstrip()) > 80]


def test_names_are_neither_markup_nor_control_characters(capsys, tmp_path):
    print_sweep(build_sweep(recipes=("[red]mlp\x1b[31m",)), tmp_path)
    out = capsys.readouterr().out
    assert "[red]mlp" in out
    assert "\x1b" not in out
    print_sweep(build_hostile_sweep(), tmp_path)
    assert "<script>" in capsys.readouterr().out


def test_what_is_absent_has_no_column_and_no_footnote(shown, tmp_path):
    bare = build_sweep(canaries=False, comparisons=(), not_run=(), warnings=())
    plain = bare.model_copy(update={"cells": tuple(cell for cell in bare.cells if cell.mitigation != "dp")})
    text = shown(print_sweep, plain, tmp_path)
    assert "canaries" not in text
    assert "promise" not in text
    assert "Not run" not in text
    assert "the range over seeds" in shown(print_sweep, build_sweep(seeds=(0, 1)), tmp_path)


def test_a_plan_lists_every_cell_and_the_total(shown):
    rows = [
        {"cell": "mlp/none/seed=0", "models": 64, "engine": "stacked", "seconds": 100.0},
        {"cell": "mlp/rounding=2/seed=0", "models": 0, "engine": "stacked", "seconds": 0.0},
        {"cell": "mlp/dp=8/seed=0", "models": 1064, "engine": "stacked", "seconds": 500.0},
    ]
    text = shown(print_sweep_plan, rows)
    assert "cell models engine time mlp/none/seed=0 64 stacked 2 minutes mlp/rounding=2/seed=0 0 stacked none" in text
    assert "3 cells, 1,128 models to train." in text
    assert "About 10 minutes of training; the estimate" in text
    unknown = [*rows, {"cell": "x", "models": 1, "engine": "plain", "seconds": None}]
    assert "and what 1 of the cells take, which is unknown" in shown(print_sweep_plan, unknown)
    assert "The time cannot be estimated" in shown(print_sweep_plan, unknown[-1:])
