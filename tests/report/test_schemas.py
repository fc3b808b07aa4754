import json
import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from sample_summary import build_full_report, build_summary

from genoaudit.artefacts.folder_files import read_record
from genoaudit.artefacts.manifest import Manifest, manifest_text
from genoaudit.config import read_config
from genoaudit.errors import ConfigError
from genoaudit.report.result import AuditReport
from genoaudit.report.schemas import SCHEMAS, schema_text, write_schemas
from genoaudit.report.shareable import Summary

FOLDER = Path(__file__).parents[2] / "data_schemas"
EXAMPLES = FOLDER / "examples"


def validator(name):
    schema = json.loads(schema_text(name))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def example():
    return json.loads((EXAMPLES / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_what_the_models_give(name):
    committed = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(name), "run: python -m genoaudit.report.schemas data_schemas"


def test_every_schema_is_written_and_nothing_else(tmp_path):
    write_schemas(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}
    assert {path.name for path in FOLDER.glob("*.schema.json")} == {f"{name}.schema.json" for name in SCHEMAS}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_says_what_it_is(name):
    schema = json.loads(schema_text(name))
    assert schema["$id"] == f"urn:genoaudit:schema:{name}:{SCHEMAS[name].version}"
    assert schema["title"]
    assert schema["$schema"].endswith("2020-12/schema")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ConfigError, match="choose one of: audit_config, certificate, model, model_confidential"):
        schema_text("reports")


def test_the_example_report_is_valid_and_canonical(example):
    validator("report").validate(example)
    path = EXAMPLES / "report.json"
    assert AuditReport.read(path).to_json() == path.read_text(encoding="utf-8")


def test_the_example_summary_is_valid_and_canonical():
    path = EXAMPLES / "summary.json"
    validator("summary").validate(json.loads(path.read_text(encoding="utf-8")))
    assert Summary.read(path).to_json() == path.read_text(encoding="utf-8")


def test_any_summary_is_valid_and_a_row_per_patient_is_not(report):
    for one in (report, build_full_report()):
        summary = json.loads(build_summary(one).to_json())
        validator("summary").validate(summary)
        with pytest.raises(jsonschema.ValidationError):
            validator("summary").validate({**summary, "patients": [{"pseudonym": "P1", "auc": 0.91}]})
        with pytest.raises(jsonschema.ValidationError):
            validator("summary").validate({**summary, "confidential": True})


def test_the_example_of_a_model_is_valid_and_as_it_would_be_written():
    path = EXAMPLES / "model.json"
    validator("model").validate(json.loads(path.read_text(encoding="utf-8")))
    assert manifest_text(read_record(path, Manifest)) == path.read_text(encoding="utf-8")


def test_any_report_is_valid(report):
    validator("report").validate(json.loads(report.to_json()))


@pytest.mark.parametrize(
    "damage",
    [
        lambda report: report.pop("schema_version"),
        lambda report: report.update(schema_version="9.9"),
        lambda report: report.update(confidential=False),
        lambda report: report.update(surprise=1),
        lambda report: report["attacks"][0].pop("estimand"),
        lambda report: report["attacks"][0]["auc"].update(value="high"),
        lambda report: report["attacks"][0]["tpr_at_fpr"][0].pop("resolvable"),
        lambda report: report["design"].update(neighbouring="add/remove"),
    ],
)
def test_a_broken_report_is_refused(example, damage):
    damage(example)
    with pytest.raises(jsonschema.ValidationError):
        validator("report").validate(example)


@pytest.mark.parametrize("name", ["audit.toml", "release.toml"])
def test_the_example_configurations_are_valid_for_the_schema_and_for_the_program(name):
    path = EXAMPLES / name
    validator("audit_config").validate(tomllib.loads(path.read_text(encoding="utf-8")))
    config = read_config(path)
    assert config.cohort.path == EXAMPLES / "cohort.h5ad"
    assert config.target is None or config.target.members.file == EXAMPLES / "members.txt"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("cohort", "pateint", "id"), ("cohort", "scale", "logs"), ("audit", "models", 1), ("recipe", "kind", "mpl")],
)
def test_a_broken_configuration_is_refused(section, key, value):
    content = tomllib.loads((EXAMPLES / "audit.toml").read_text(encoding="utf-8"))
    content[section][key] = value
    with pytest.raises(jsonschema.ValidationError):
        validator("audit_config").validate(content)


def test_a_report_with_a_number_that_is_none_is_never_written(make_report):
    first, *rest = make_report().attacks
    for value in (float("nan"), float("inf")):
        broken = first.model_copy(update={"auc": replace(first.auc, value=value)})
        with pytest.raises(ValueError, match=r"JSON compliant"):
            make_report(attacks=(broken, *rest)).to_json()


def test_a_report_without_a_recipe_is_valid(alone_report):
    validator("report").validate(json.loads(alone_report.to_json()))


def test_rates_are_shares_and_never_percentages(report, release_report):
    shares = {"auc", "tpr", "fpr", "achieved_fpr", "advantage", "balanced_accuracy", "ppv", "prior"}

    def check(name, value):
        if isinstance(value, dict):
            for key, item in value.items():
                check(name if key in {"value", "low", "high"} else key, item)
        elif isinstance(value, list):
            for item in value:
                check(name, item)
        elif name in shares and isinstance(value, float):
            found.append(value)
            assert 0 <= value <= 1, name
        assert "percent" not in name

    for one in (report, release_report):
        found = []
        check("", json.loads(one.to_json()))
        assert len(found) > 50
