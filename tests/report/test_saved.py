import json
import shutil

import pytest

from genoaudit.errors import ConfigError
from genoaudit.report.saved import read_report, read_run


@pytest.fixture(scope="module")
def run(audit_result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "run"
    audit_result.save(folder)
    return folder


def test_a_run_read_back_gives_the_page_that_was_written(run):
    assert read_run(run).to_html() == (run / "report.html").read_text(encoding="utf-8")


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
        ("report.json", None, "is no run of genoaudit: it has no report.json"),
        ("report.json", "{", "cannot be read"),
        ("report.json", '{"schema_version": "0.9"}', "has the form 0.9, this genoaudit reads 1.0"),
        ("report.json", "\udcff", "cannot be read"),
        ("patients.parquet", None, "is not a whole run: patients.parquet is missing"),
        ("patients.parquet", "PAR1", "patients.parquet or run.json cannot be read"),
        ("run.json", None, "is not a whole run: run.json is missing"),
        ("run.json", "[", "patients.parquet or run.json cannot be read"),
        ("run.json", "[]", "belong to something else"),
    ],
)
def test_what_is_no_run_is_refused_in_one_sentence(run, tmp_path, name, content, said):
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=said):
        read_run(broken)


def test_the_patients_of_another_audit_are_refused(run, audit_result, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    for table in (audit_result.patients.iloc[:-1], audit_result.patients.drop(columns="rank")):
        table.to_parquet(other / "patients.parquet")
        with pytest.raises(ConfigError, match="belong to something else"):
            read_run(other)


def test_a_file_in_place_of_a_folder_is_no_run(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="is no run"):
            read_report(path)
