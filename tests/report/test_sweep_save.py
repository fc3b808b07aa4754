import json
import stat
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from sample_sweep import build_sweep

from genoaudit.errors import ConfigError
from genoaudit.report.schemas import schema_text
from genoaudit.report.sweep_html import render_sweep
from genoaudit.report.sweep_result import SweepReport
from genoaudit.report.sweep_save import FILES, check_sweep_out, save_sweep

EXAMPLE = Path(__file__).parents[2] / "data_schemas" / "examples" / "sweep.json"


@pytest.fixture(scope="module")
def sweep():
    return build_sweep()


@pytest.fixture(autouse=True)
def _without_drawing(monkeypatch):
    for name in ("frontier_figure", "budget_figure"):
        monkeypatch.setattr(f"genoaudit.report.sweep_html.{name}", lambda _: "<svg></svg>")


def test_exactly_four_files_are_written_and_the_cells_stay(sweep, tmp_path):
    run = tmp_path / "run"
    (run / "cells").mkdir(parents=True)
    (run / "cells" / "a.json").write_text("{}")
    (run / "sweep.json").write_text("of an earlier sweep")
    assert save_sweep(sweep, {"seconds": 1.0}, run) == run
    assert {path.name for path in run.iterdir()} == {*FILES, "cells"}
    assert (run / "cells" / "a.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert SweepReport.read(run / "sweep.json").to_json() == sweep.to_json()
    assert json.loads((run / "run.json").read_text()) == {"seconds": 1.0}


def test_page_and_table_are_those_of_the_json(sweep, tmp_path):
    run = save_sweep(sweep, {}, tmp_path / "deep" / "run")
    read = SweepReport.read(run / "sweep.json")
    assert render_sweep(read) == (run / "sweep.html").read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(pd.read_parquet(run / "sweep.parquet"), read.table)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_a_failure_leaves_the_earlier_sweep_as_it_was(sweep, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sweep.json").write_text("earlier")
    monkeypatch.setattr("genoaudit.report.sweep_save.render_sweep", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_sweep(sweep, {}, tmp_path / "run")
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "sweep.json"]
    assert (tmp_path / "run" / "sweep.json").read_text() == "earlier"


def test_anything_but_a_sweep_is_refused(tmp_path, monkeypatch):
    assert check_sweep_out(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        check_sweep_out(tmp_path / "file")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "report.json").touch()
    with pytest.raises(ConfigError, match=r"1 things that are not a sweep's \(first: 'report.json'\)"):
        check_sweep_out(foreign)
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "link").symlink_to(run)
    assert check_sweep_out(tmp_path / "link") == run
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="not a folder that may be written to"):
        check_sweep_out(run)


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(schema_text("sweep")))


def test_the_example_is_valid_and_canonical(validator):
    text = EXAMPLE.read_text(encoding="utf-8")
    validator.validate(json.loads(text))
    assert SweepReport.read(EXAMPLE).to_json() == text


@pytest.mark.parametrize("options", [{}, {"canaries": False}, {"seeds": (0, 1)}, {"cells": (), "comparisons": ()}])
def test_any_sweep_is_valid(validator, options):
    validator.validate(json.loads(build_sweep(**options).to_json()))


@pytest.mark.parametrize(
    "damage",
    [
        lambda sweep: sweep.update(schema_version="9.9"),
        lambda sweep: sweep.update(surprise=1),
        lambda sweep: sweep["cells"][0].pop("on_frontier"),
        lambda sweep: sweep["cells"][0]["accuracy"].update(value="high"),
        lambda sweep: sweep["comparisons"][0].update(worst_favours="us"),
    ],
)
def test_a_broken_sweep_is_refused(validator, damage):
    content = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    damage(content)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(content)
