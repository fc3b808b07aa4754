import json
import stat

import pandas as pd
import pytest
from sample_reconstruct import build_reconstruct

from genoaudit.errors import ConfigError
from genoaudit.report.reconstruct_html import render_reconstruct
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.reconstruct_save import FILES, check_reconstruct_out, save_reconstruct


@pytest.fixture(autouse=True)
def _without_drawing(monkeypatch):
    monkeypatch.setattr("genoaudit.report.reconstruct_html.headline_figure", lambda _: "<svg></svg>")


def test_exactly_four_files_are_written_and_the_cells_stay(tmp_path):
    report, run = build_reconstruct(), tmp_path / "deep" / "run"
    (run / "cells").mkdir(parents=True)
    (run / "cells" / "a.json").write_text("{}")
    assert save_reconstruct(report, {"seconds": 1.0}, run) == run
    assert {path.name for path in run.iterdir()} == {*FILES, "cells"}
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    assert json.loads((run / "run.json").read_text()) == {"seconds": 1.0}
    read = ReconstructReport.read(run / "reconstruct.json")
    assert read.to_json() == report.to_json()
    assert render_reconstruct(read) == (run / "reconstruct.html").read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(pd.read_parquet(run / "reconstruct.parquet"), read.table)


def test_the_folder_is_the_owners_alone(tmp_path):
    assert stat.S_IMODE(save_reconstruct(build_reconstruct(), {}, tmp_path / "run").stat().st_mode) == 0o700


def test_anything_but_a_comparison_is_refused(tmp_path, monkeypatch):
    assert check_reconstruct_out(tmp_path / "new") == tmp_path / "new"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "sweep.json").touch()
    with pytest.raises(ConfigError, match=r"1 things that are not a comparison's \(first: 'sweep.json'\)"):
        check_reconstruct_out(foreign)
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="not a folder that may be written to"):
        check_reconstruct_out(run)
