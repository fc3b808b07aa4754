import hashlib
import json
import os
import shutil
from importlib.metadata import version

import pytest
from sample_report import build_report

from genoaudit.errors import ConfigError, DataError, GenoauditError
from genoaudit.report.result import AuditReport
from genoaudit.report.saved import read_report, read_run, read_saved


@pytest.fixture(scope="module")
def run(audit_result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "run"
    audit_result.save(folder)
    return folder


def test_a_run_read_back_gives_the_page_that_was_written(run):
    assert read_run(run).to_html() == (run / "report.html").read_text(encoding="utf-8")


def test_a_run_may_be_named_by_text(run):
    report = read_run(str(run)).report
    assert report == read_run(run).report == read_report(str(run)) == AuditReport.read(str(run / "report.json"))


def test_identifiers_are_shown_when_asked_for_and_only_then(run, audit_result, tmp_path):
    worst = audit_result.patients["patient_id"][0]
    audit_result.to_html(tmp_path / "named.html", show_ids=True)
    named = read_run(run).to_html(show_ids=True)
    assert named == (tmp_path / "named.html").read_text(encoding="utf-8")
    assert worst in named
    assert worst not in read_run(run).to_html()


def test_the_page_names_the_libraries_of_the_run_and_no_place_on_this_machine(run):
    page = read_run(run).to_html()
    versions = json.loads((run / "run.json").read_text())["versions"]
    assert all(f"{name} {version}" in page for name, version in versions.items())
    assert str(run.parent) not in page


NOT_THE_FILE = "is not the file that was written with run.json; it was changed or swapped"


def rewritten(run, name, content):
    """Change a file of a run, and what run.json says of it."""
    (run / name).write_bytes(content)
    record = json.loads((run / "run.json").read_text())
    record["files"][name] = hashlib.sha256(content).hexdigest()
    (run / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("report.json", None, "is no run of genoaudit: it has no report.json"),
        ("patients.parquet", None, "patients.parquet is missing"),
        ("patients.parquet", b"PAR1", f"patients.parquet {NOT_THE_FILE}"),
        ("signals.npz", None, "signals.npz is missing"),
        ("signals.npz", b"PK", f"signals.npz {NOT_THE_FILE}"),
        ("report.html", b"<html>", f"report.html {NOT_THE_FILE}"),
        ("shareable/summary.html", b"<html>", f"shareable/summary.html {NOT_THE_FILE}"),
        ("run.json", None, "run.json does not exist"),
        ("run.json", b"", "run.json is not JSON"),
        ("run.json", b"\xff\x00\x93", "run.json is not JSON"),
        ("run.json", b"[", "run.json is not JSON"),
        ("run.json", b"[]", "run.json says nothing valid on run.json"),
        ("run.json", b"null", "run.json says nothing valid on run.json"),
        ("run.json", b"{}", "run.json says nothing valid on files, code_sha256, versions"),
        ("run.json", b"[" * 100_000, "run.json is not JSON"),
    ],
)
def test_what_is_no_whole_run_is_refused_in_one_message(run, tmp_path, name, content, said):
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_bytes(content)
    with pytest.raises(GenoauditError, match=said) as caught:
        read_run(broken)
    assert "\n" not in str(caught.value)


def test_a_report_edited_by_hand_is_refused(run, tmp_path):
    edited = shutil.copytree(run, tmp_path / "edited")
    report = AuditReport.read(run / "report.json")
    milder = report.model_copy(update={"attacks": report.attacks[:1]}).to_json().encode()
    (edited / "report.json").write_bytes(milder)
    with pytest.raises(DataError, match=NOT_THE_FILE):
        read_run(edited)
    rewritten(edited, "report.json", milder)
    with pytest.raises(DataError, match=r"report\.html: is not the page that report\.json gives"):
        read_run(edited)
    rewritten(edited, "report.json", milder + b"\n")
    with pytest.raises(DataError, match="not written as genoaudit writes it"):
        read_run(edited)


@pytest.mark.parametrize("name", ["shareable/summary.json", "shareable/summary.html"])
def test_a_summary_edited_with_care_is_not_what_the_run_gives(run, tmp_path, name):
    edited = shutil.copytree(run, tmp_path / "edited")
    text = (run / name).read_text()
    changed = (
        text.replace('"high": 0.', '"high": 0.0', 1)
        if name.endswith("json")
        else text.replace("</body>", "All is well.</body>")
    )
    assert changed != text
    rewritten(edited, name, changed.encode())
    with pytest.raises(DataError, match=f"{name}: is not what the run gives here"):
        read_run(edited)


def test_files_of_two_audits_do_not_make_one(run, tmp_path):
    import numpy as np

    mixed = shutil.copytree(run, tmp_path / "mixed")
    with np.load(run / "signals.npz") as signals:
        arrays = {**signals, "members": signals["members"][:, :-3]}
    np.savez(tmp_path / "other.npz", **arrays)
    rewritten(mixed, "signals.npz", (tmp_path / "other.npz").read_bytes())
    with pytest.raises(DataError, match="do not belong together"):
        read_run(mixed)
    for damaged in (b"no archive", (run / "signals.npz").read_bytes()[:-30]):
        rewritten(mixed, "signals.npz", damaged)
        with pytest.raises(DataError, match="do not belong together"):
            read_run(mixed)


def test_a_run_of_other_code_is_compared_with_its_record_alone(run, tmp_path, monkeypatch):
    monkeypatch.setattr("genoaudit.report.saved.code_digest", lambda: "5" * 64)
    for check in ("check_page", "check_summary"):
        monkeypatch.setattr(f"genoaudit.report.saved.{check}", lambda *_: pytest.fail("made by other code"))
    assert not read_saved(run).same_code
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / "report.html").write_text("<html>")
    with pytest.raises(DataError, match=NOT_THE_FILE):
        read_saved(broken)


def test_pages_are_made_again_by_the_same_versions_of_libraries_alone(run, monkeypatch):
    """Another matplotlib draws other bytes, which is no forgery."""
    assert read_saved(run).same_code
    monkeypatch.setattr("genoaudit.report.saved.version", lambda name: "0" if name == "matplotlib" else version(name))
    for check in ("check_page", "check_summary"):
        monkeypatch.setattr(f"genoaudit.report.saved.{check}", lambda *_: pytest.fail("made with another version"))
    assert not read_saved(run).same_code


@pytest.mark.parametrize("name", ["report.html", "shareable/summary.json", "shareable"])
def test_links_in_a_run_are_not_followed(run, tmp_path, name):
    linked = shutil.copytree(run, tmp_path / "linked")
    (linked / name).rename(tmp_path / "elsewhere")
    (linked / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{name}.* is a link"):
        read_run(linked)
    assert read_run(str(run)).report == AuditReport.read(run / "report.json")


@pytest.mark.parametrize("name", ["notes.txt", "deep/notes.txt"])
def test_what_strangers_would_find_beside_the_summary_is_refused(run, tmp_path, name):
    fuller = shutil.copytree(run, tmp_path / "fuller")
    (fuller / "shareable" / name).parent.mkdir(exist_ok=True)
    (fuller / "shareable" / name).touch()
    with pytest.raises(DataError, match=f"shareable/{name} does not belong to what may be shared"):
        read_run(fuller)


@pytest.mark.parametrize("name", ["report.json", "patients.parquet", "run.json"])
def test_a_pipe_in_a_run_is_not_waited_for(run, tmp_path, name):
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / name).unlink()
    os.mkfifo(broken / name)
    with pytest.raises((ConfigError, DataError), match=r"has no report\.json|is no regular file|is missing"):
        read_run(broken)


def test_the_patients_of_another_audit_are_refused(run, audit_result, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    for table in (audit_result.patients.iloc[:-1], audit_result.patients.drop(columns="rank")):
        rewritten(other, "patients.parquet", table.to_parquet())
        with pytest.raises(ConfigError, match="belongs to something else"):
            read_run(other)


@pytest.fixture
def report_alone(tmp_path):
    (tmp_path / "report.json").write_text(build_report().to_json(), encoding="utf-8")
    return tmp_path


def change(run, edit):
    path = run / "report.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_what_was_written_is_read(report_alone):
    assert read_report(report_alone) == AuditReport.read(report_alone / "report.json")


@pytest.mark.parametrize("version", ["0.9", "2.0", 1])
def test_another_form_is_one_clear_message(report_alone, version):
    change(report_alone, lambda content: content.update(schema_version=version))
    with pytest.raises(
        ConfigError, match=f"has the form {version}, this genoaudit reads 1.0.*or audit again"
    ) as caught:
        read_report(report_alone)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.pop("design"), "design: Field required"),
        (lambda content: content.update(surprise=1), "surprise: Extra inputs are not permitted"),
        (lambda content: content["attacks"][0]["auc"].update(value="high"), r"attacks.0.auc.value: .* number"),
        (lambda content: [content.pop(key) for key in ("design", "utility")], "and 1 more"),
        (lambda content: content.pop("schema_version"), "it has no schema_version"),
    ],
    ids=["missing", "unknown", "wrong type", "several", "no version"],
)
def test_damage_is_named(report_alone, edit, message):
    change(report_alone, edit)
    with pytest.raises(ConfigError, match=message) as caught:
        read_report(report_alone)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, "\xff"], ids=repr)
def test_what_is_no_report_is_refused(report_alone, text):
    (report_alone / "report.json").write_bytes(text[:100_000].encode("latin-1"))
    with pytest.raises(ConfigError, match=r"cannot be read|no report of an audit"):
        read_report(report_alone)


def test_a_folder_without_a_report_is_no_run(tmp_path):
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="is no run of genoaudit"):
            read_report(path)


def test_a_page_that_cannot_be_written_leaves_the_old_one(audit_result, tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="no space is left for"):
        audit_result.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
