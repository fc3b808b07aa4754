import hashlib
import json
import stat
from dataclasses import replace

import pytest

from genoaudit.errors import ConfigError
from genoaudit.files import code_digest
from genoaudit.report.save import FILES, check_out


def test_a_new_folder_and_an_earlier_run_may_be_written_to(tmp_path):
    assert check_out(tmp_path / "deep" / "run") == tmp_path / "deep" / "run"
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "report.json").touch()
    assert check_out(earlier) == earlier


def test_links_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert check_out(tmp_path / "link") == tmp_path / "real"


def test_anything_else_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        check_out(tmp_path / "file")
    with pytest.raises(ConfigError, match="not a folder that may be written to"):
        check_out(tmp_path / "file" / "run")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.docx").touch()
    with pytest.raises(ConfigError, match=r"1 things that are not an audit's \(first: 'thesis.docx'\)"):
        check_out(foreign)
    inside = tmp_path / "run"
    inside.mkdir()
    monkeypatch.chdir(inside)
    for folder in (inside, tmp_path):
        with pytest.raises(ConfigError, match="the folder you are in"):
            check_out(folder)


def test_a_parent_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="cannot be made"):
        check_out(tmp_path / "run")


def test_mode_of_a_run_is_private(tmp_path, audit_result):
    folder = tmp_path / "run"
    audit_result.save(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_shareable_files_are_made_from_the_summary_alone(tmp_path, audit_result):
    from genoaudit.report.shareable import Summary
    from genoaudit.report.shareable_html import render_summary

    written = audit_result.save(tmp_path / "run")
    folder = tmp_path / "run" / "shareable"
    assert {path.name for path in folder.iterdir()} == {"summary.json", "summary.html"}
    assert set(folder.iterdir()) <= set(written)
    read = Summary.read(folder / "summary.json")
    assert read == audit_result.share()
    assert render_summary(read) == (folder / "summary.html").read_text()


def test_a_summary_made_later_from_the_files_of_a_run_is_the_same(tmp_path, audit_result):
    import pandas as pd

    from genoaudit.report.result import AuditReport
    from genoaudit.report.shareable import summarise_for_sharing

    audit_result.save(tmp_path / "run")
    patients = pd.read_parquet(tmp_path / "run" / "patients.parquet")
    order = patients["patient_id"].argsort().argsort()
    members = audit_result.design.members[:, order]
    again = summarise_for_sharing(AuditReport.read(tmp_path / "run" / "report.json"), patients, members)
    assert again == audit_result.share()


def test_tables_show_every_attack_and_group(audit_result):
    assert set(audit_result.attacks["estimand"]) == {"mean_over_targets", "pooled"}
    assert len(audit_result.attacks) == 2 * len(audit_result.report.attacks)
    assert len(audit_result.groups) == len(audit_result.report.groups)
    assert "<table" in audit_result._repr_html_()


def test_a_run_says_which_files_belong_together_and_keeps_settings_exact(tmp_path, audit_result):
    exact = replace(audit_result, run={**audit_result.run, "inputs": {"configuration": {"recipe.rate": 0.123456789}}})
    exact.save(tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["files"] == {
        name: hashlib.sha256((tmp_path / "run" / name).read_bytes()).hexdigest() for name in FILES if name != "run.json"
    }
    assert record["inputs"]["configuration"]["recipe.rate"] == 0.123456789
    assert record["code_sha256"] == code_digest()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("certificate.json", "salts.json"), "its certificate.json and salts.json"),
        (("salts.json",), "its salts.json"),
    ],
)
def test_a_signed_run_is_replaced_by_nothing(tmp_path, audit_result, names, said):
    run = tmp_path / "run"
    audit_result.save(run)
    for name in names:
        (run / name).write_text("signed")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for refused in (lambda: check_out(run), lambda: audit_result.save(run)):
        with pytest.raises(ConfigError, match=f"holds a signed run.* {said}. Name another folder, or move") as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_result_is_held_to_a_policy_as_its_saved_run_is(tmp_path, audit_result):
    from genoaudit.report.policy import read_policy
    from genoaudit.report.saved import read_report
    from genoaudit.report.verdict import decide

    policy = read_policy("standard")
    found = audit_result.check(policy)
    assert found == audit_result.check("standard")
    assert audit_result.report.verdict is None
    judged = audit_result.judged("standard")
    assert judged.report.verdict == found
    judged.save(tmp_path / "run")
    assert decide(read_report(tmp_path / "run"), policy) == found
    assert f"{found.decision.capitalize()}: " in (tmp_path / "run" / "report.html").read_text()
