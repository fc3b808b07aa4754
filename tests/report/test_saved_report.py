import json

import pytest
from sample_report import build_report

from genoaudit.errors import ConfigError
from genoaudit.report.result import AuditReport
from genoaudit.report.saved import read_report


@pytest.fixture
def run(tmp_path):
    (tmp_path / "report.json").write_text(build_report().to_json(), encoding="utf-8")
    return tmp_path


def change(run, edit):
    path = run / "report.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_what_was_written_is_read(run):
    assert read_report(run) == AuditReport.read(run / "report.json")


@pytest.mark.parametrize("version", ["0.9", "2.0", 1])
def test_another_form_is_one_clear_message(run, version):
    change(run, lambda content: content.update(schema_version=version))
    with pytest.raises(
        ConfigError, match=f"has the form {version}, this genoaudit reads 1.0.*or audit again"
    ) as caught:
        read_report(run)
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
def test_damage_is_named(run, edit, message):
    change(run, edit)
    with pytest.raises(ConfigError, match=message) as caught:
        read_report(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, "\xff"], ids=repr)
def test_what_is_no_report_is_refused(run, text):
    (run / "report.json").write_bytes(text[:100_000].encode("latin-1"))
    with pytest.raises(ConfigError, match=r"cannot be read|no report of an audit"):
        read_report(run)


def test_a_folder_without_a_report_is_no_run(tmp_path):
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="is no run of genoaudit"):
            read_report(path)
