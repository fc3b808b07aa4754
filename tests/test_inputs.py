import hashlib
import json
import sys
from pathlib import Path

import pytest

from genoaudit.config import parse_config, read_config
from genoaudit.files import content_digest
from genoaudit.inputs import differing, files_named, record_inputs, settled

COHORT = {"path": "cohort.csv", "label": "type", "scale": "log2"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def config_file(tmp_path):
    for name in ("cohort.csv", "labels.csv", "sets.gmt", "scores.csv"):
        (tmp_path / name).write_text(name)
    path = tmp_path / "audit.toml"
    path.write_text(
        '[cohort]\npath = "cohort.csv"\nlabel = "type"\nscale = "log2"\n[cohort.labels]\npath = "labels.csv"\n'
        '[recipe]\nkind = "deepcc"\ngene_sets = "sets.gmt"\n[audit]\nmodels = 16\n[target]\npath = "scores.csv"\n'
    )
    return path


def test_every_file_that_a_configuration_names_is_found_by_its_key(config_file, tmp_path):
    named = files_named(read_config(config_file))
    assert named == {
        "cohort.path": tmp_path / "cohort.csv",
        "cohort.labels.path": tmp_path / "labels.csv",
        "recipe.gene_sets": tmp_path / "sets.gmt",
        "target.path": tmp_path / "scores.csv",
    }
    (tmp_path / "scores.csv").unlink()
    assert "target.path" not in files_named(read_config(config_file))


def test_files_are_recorded_with_their_digests_save_the_cohort_s_which_the_report_holds(config_file, tmp_path):
    files = record_inputs(read_config(config_file))["files"]
    assert files["recipe.gene_sets"] == {"path": str(tmp_path / "sets.gmt"), "sha256": sha256(b"sets.gmt")}
    assert files["target.path"]["sha256"] == sha256(b"scores.csv")
    assert files["cohort.path"] == {"path": str(tmp_path / "cohort.csv"), "sha256": None}
    assert files["cohort.labels.path"]["sha256"] is None


def test_what_the_command_line_adds_to_the_file_is_kept_apart(config_file):
    config = read_config(config_file)
    assert record_inputs(config, config_file)["beyond_file"] == {}
    more = config.model_copy(update={"audit": config.audit.model_copy(update={"models": 8, "seed": 3})})
    recorded = record_inputs(more, config_file)
    assert recorded["beyond_file"] == {"audit.models": 8, "audit.seed": 3}
    assert recorded["configuration_file"] == str(config_file)
    default = config.model_copy(update={"audit": config.audit.model_copy(update={"models": 64})})
    assert record_inputs(default, config_file)["beyond_file"] == {"audit.models": None}


def test_a_configuration_is_the_same_wherever_it_lies_and_whether_or_not_it_names_defaults(config_file, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = config_file.read_text().replace("models = 16", "seed = 0\nmodels = 16")
    (elsewhere / "other.toml").write_text(text)
    assert settled(read_config(elsewhere / "other.toml")) == settled(read_config(config_file))


def test_every_change_of_a_configuration_is_seen():
    one = settled(parse_config({"cohort": COHORT}))
    for section, key, value in (
        ("cohort", "scale", "counts"),
        ("audit", "models", 32),
        ("audit", "attacks", ["loss"]),
        ("recipe", "learning_rate", 0.1234567),
        ("recipe", "dp", {"epsilon": 8.0}),
        ("canaries", "count", 5),
    ):
        content = {"cohort": COHORT}
        content[section] = {**content.get(section, {}), key: value}
        other = settled(parse_config(content))
        assert any(name.startswith(f"{section}.{key}") for name in differing(one, other)), key


def test_small_differences_and_infinities_survive_json():
    asked = settled(parse_config({"cohort": COHORT, "recipe": {"rate": 0.12345678901, "budgets": [1.0, float("inf")]}}))
    assert json.loads(json.dumps(asked, allow_nan=False)) == asked
    assert asked["recipe.rate"] == 0.12345678901
    assert asked["recipe.budgets"] == [1.0, "inf"]


def test_an_imported_recipe_is_recorded_with_its_source(tmp_path, monkeypatch):
    (tmp_path / "their_recipe.py").write_text("def make():\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = parse_config({"cohort": COHORT, "recipe": {"kind": "import", "target": "their_recipe:make"}})
    assert "recipe.target" not in record_inputs(config)["files"]  # nothing is imported to record it
    import their_recipe

    assert record_inputs(config)["files"]["recipe.target"] == {
        "path": their_recipe.__file__,
        "sha256": content_digest(Path(their_recipe.__file__)),
    }
    sys.modules.pop("their_recipe")
