import shutil

import pytest
import typer

from genoaudit.cli.gate import gate
from genoaudit.cli.report import report
from genoaudit.errors import ConfigError, DataError
from genoaudit.report.result import AuditReport


def test_a_report_edited_by_hand_is_neither_judged_nor_shown(saved, tmp_path):
    edited = shutil.copytree(saved, tmp_path / "edited")
    found = AuditReport.read(saved / "report.json")
    (edited / "report.json").write_text(found.model_copy(update={"attacks": ()}).to_json())
    for command in (lambda: gate(edited, "lenient"), lambda: report([edited]), lambda: report([edited, saved])):
        with pytest.raises(DataError, match=r"report\.json is not the file that was written"):
            command()


@pytest.mark.parametrize("name", ["run.json", "patients.parquet", "signals.npz", "shareable/summary.json"])
def test_a_run_that_lacks_a_file_is_neither_judged_nor_shown(saved, tmp_path, name):
    less = shutil.copytree(saved, tmp_path / "less")
    (less / name).unlink()
    for command in (lambda: gate(less, "lenient"), lambda: report([less])):
        with pytest.raises((ConfigError, DataError), match=name):
            command()


def test_a_run_of_other_code_is_judged_and_that_is_said(saved, capsys, monkeypatch):
    with pytest.raises(typer.Exit) as ended:
        gate(saved, "lenient")
    mine = capsys.readouterr()
    assert mine.err == ""
    monkeypatch.setattr("genoaudit.report.saved.code_digest", lambda: "5" * 64)
    with pytest.raises(typer.Exit) as ended_again:
        gate(saved, "lenient")
    other = capsys.readouterr()
    assert (other.out, ended_again.value.exit_code) == (mine.out, ended.value.exit_code)
    assert other.err.startswith("genoaudit: the audit was made by other code, or with other versions")
    report([saved])
    assert "made by other code" in capsys.readouterr().err
