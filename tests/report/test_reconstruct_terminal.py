from pathlib import Path

import pytest
from sample_reconstruct import build_hostile_reconstruct, build_reconstruct

from genoaudit.report.reconstruct_save import FILES
from genoaudit.report.reconstruct_terminal import print_reconstruct


def test_the_answer_the_tables_and_the_files_are_printed(capsys):
    print_reconstruct(build_reconstruct(), Path("run"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Profiles can no longer be read off updates at ε 1000")
    rows = [line.split() for line in lines if line.startswith("ε 1e9 !")]
    assert rows == [["ε", "1e9", "!", "93", "%", "0.77", "0.91", "0.998", "0.90", "99.9", "%", "100", "%"]] * 2
    assert [line.strip() for line in lines[-4:]] == [f"run/{name}" for name in FILES]
    assert max(len(line.rstrip()) for line in lines if line.startswith(("ε", "no protection"))) <= 80


@pytest.mark.parametrize("report", [build_hostile_reconstruct(), build_reconstruct(cells=(), models=0)])
def test_odd_reports_are_printed(report, capsys):
    print_reconstruct(report, Path("run"))
    assert "None" not in capsys.readouterr().out
