import json
import os
import shutil

import pytest
from sample_report import build_report

from genoaudit.errors import ConfigError
from genoaudit.report.result import AuditReport
from genoaudit.report.saved import read_report, read_run


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


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("patients.parquet", None, "is not a whole run: patients.parquet does not exist"),
        ("patients.parquet", "PAR1", "patients.parquet or run.json cannot be read"),
        ("run.json", None, "is not a whole run: run.json does not exist"),
        ("run.json", "[", "patients.parquet or run.json cannot be read"),
        ("run.json", "[]", "belong to something else"),
        ("run.json", '{"versions": "abc"}', "does not say by which versions"),
        ("run.json", '{"versions": [1]}', "does not say by which versions"),
        ("run.json", '{"versions": {"numpy": 1}}', "does not say by which versions"),
        ("run.json", "[" * 100_000, "patients.parquet or run.json cannot be read"),
    ],
)
def test_what_is_no_run_is_refused_in_one_sentence(run, tmp_path, name, content, said):
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_bytes(content.encode())
    with pytest.raises(ConfigError, match=said):
        read_run(broken)


@pytest.mark.parametrize("name", ["report.json", "patients.parquet", "run.json"])
def test_a_pipe_in_a_run_is_not_waited_for(run, tmp_path, name):
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / name).unlink()
    os.mkfifo(broken / name)
    with pytest.raises(ConfigError, match=r"has no report\.json|is no regular file"):
        read_run(broken)


def test_the_patients_of_another_audit_are_refused(run, audit_result, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    for table in (audit_result.patients.iloc[:-1], audit_result.patients.drop(columns="rank")):
        table.to_parquet(other / "patients.parquet")
        with pytest.raises(ConfigError, match="belong to something else"):
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
