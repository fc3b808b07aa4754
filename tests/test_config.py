import json
from pathlib import Path

import pytest

from genoaudit.config import AuditConfig, parse_config, read_config
from genoaudit.errors import ConfigError
from genoaudit.model_config import MembersByColumn, MembersByDraw, MembersByFile, TrainSection

MINIMAL = {"cohort": {"path": "a.h5ad", "label": "type", "scale": "log2"}}


def changed(section, **keys):
    return {**MINIMAL, section: {**MINIMAL.get(section, {}), **keys}}


def test_defaults_are_what_the_readme_promises():
    config = parse_config(MINIMAL)
    assert (config.recipe.kind, config.audit.models, config.audit.seed) == ("mlp", 64, 0)
    assert config.cohort.small_classes == "error"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed("cohort", pateint="id"), r"unknown key 'cohort\.pateint'; did you mean 'patient'\?"),
        (changed("cohort", labels={"pth": "x"}), r"unknown key 'cohort\.labels\.pth'; did you mean 'path'\?"),
        (changed("audit", model=8), r"unknown key 'audit\.model'; did you mean 'models'\?"),
        ({**MINIMAL, "adit": {}}, r"unknown key 'adit'; did you mean 'audit'\?"),
        (
            {**MINIMAL, "zzz": {}},
            r"unknown key 'zzz'; valid here: audit, canaries, cohort, earlier, recipe, target, train",
        ),
        ({}, "'cohort' is missing"),
        (changed("cohort", scale="logs"), r"'cohort\.scale': Input should be 'counts'"),
        (changed("audit", models=1), r"'audit\.models': must be a whole number from 4 to 100000, or 'auto'; got 1"),
        (changed("audit", seed=-1), r"'audit\.seed'"),
        (changed("cohort", min_class=3), r"'cohort\.min_class'"),
        (changed("recipe", kind="mpl"), r"'recipe\.kind': Input should be 'mlp'"),
        (changed("recipe", kind="import"), "'recipe': target = 'module:function' belongs to kind = 'import'"),
        (changed("recipe", target="a:b"), "'recipe': target"),
        ({**MINIMAL, "earlier": [{"path": "old.csv"}]}, r"\[\[earlier\]\] releases are attacked together with a later"),
        (
            {**MINIMAL, "target": {"path": "new.csv"}, "earlier": [{"path": "1/m.csv"}, {"path": "2/m.csv"}]},
            r"two \[\[earlier\]\] releases have one name; give each a name of its own",
        ),
        (
            {**MINIMAL, "target": {"path": "new.csv"}, "earlier": [{"path": "old.csv", "nmae": "x"}]},
            r"unknown key 'earlier\.0\.nmae'; did you mean 'name'\?",
        ),
        (
            {
                **MINIMAL,
                "target": {"path": "m.csv", "members": "all"},
                "recipe": {"kind": "mlp"},
                "earlier": [{"path": "old.csv"}],
            },
            "releases are attacked together with a later one that left patients out",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_nearest_valid_key(content, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(content)


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_config({"cohort": {"path": "a.h5ad", "scale": "log2"}, "audit": {"models": 0, "sead": 1}})
    text = str(caught.value)
    assert "3 problems" in text
    assert all(word in text for word in ("'cohort.label' is missing", "audit.models", "did you mean 'seed'"))


def test_recipe_keys_become_parameters():
    config = parse_config(changed("recipe", kind="mlp", hidden=[64], scaling="sample"))
    assert config.recipe.parameters == {"hidden": [64], "scaling": "sample"}


def test_paths_are_relative_to_the_file(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text(
        '[cohort]\npath = "x/a.csv"\nlabel = "t"\nscale = "log2"\nlabels = { path = "b.csv" }\n', encoding="utf-8"
    )
    config = read_config(path)
    assert config.cohort.path == tmp_path / "x" / "a.csv"
    assert config.cohort.labels.path == tmp_path / "b.csv"
    assert read_config(str(path)) == config


@pytest.mark.parametrize("text", ["[cohort", "\xff".encode("latin-1")])
def test_what_is_not_toml_is_said_in_one_line(tmp_path, text):
    path = tmp_path / "audit.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=r"audit\.toml is not valid TOML"):
        read_config(path)


def test_a_missing_file_is_said_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read_config(tmp_path / "none.toml")


def test_a_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        AuditConfig.model_validate(MINIMAL).audit = None


def test_gene_sets_are_taken_relative_to_the_configuration(tmp_path):
    path = tmp_path / "audit.toml"
    text = '[cohort]\npath = "c.h5ad"\nlabel = "t"\nscale = "log2"\n[recipe]\nkind = "deepcc"\ngene_sets = "s.gmt"\n'
    path.write_text(text, encoding="utf-8")
    assert read_config(path).recipe.parameters["gene_sets"] == str(tmp_path / "s.gmt")


def trained(members, **more):
    return {**MINIMAL, "train": {"members": members, **more}}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ("all", "all"),
        ({"column": "split"}, MembersByColumn(column="split")),
        ({"file": "m.csv"}, MembersByFile(file=Path("m.csv"))),
        ({"share": 0.8, "seed": 3}, MembersByDraw(share=0.8, seed=3)),
    ],
)
def test_members_may_be_named_in_four_ways(members, expected):
    assert parse_config(trained(members)).train == TrainSection(members=expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (trained("some"), r"^configuration: 'train\.members': must be 'all', \{ column = 'NAME' \}"),
        (trained({"share": 0.5}), r"^configuration: 'train\.members': must be 'all'"),
        (trained({"column": "a", "file": "b"}), r"^configuration: 'train\.members': must be 'all'"),
        (trained({"share": 1.5, "seed": 0}), r"^configuration: 'train\.members\.share': Input should be less than 1$"),
        (trained({"share": 0.5, "seed": -1}), r"^configuration: 'train\.members\.seed'"),
        (trained("all", seed=True), r"'train\.seed'"),
        (trained("all", sead=1), r"unknown key 'train\.sead'; did you mean 'seed'\?"),
        ({**MINIMAL, "train": {}}, r"'train\.members' is missing"),
    ],
)
def test_a_mistake_about_members_is_told_once(content, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(content)


def test_a_file_of_members_is_relative_to_the_configuration(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text(
        '[cohort]\npath = "a.csv"\nlabel = "t"\nscale = "log2"\n[train]\nmembers = { file = "m.csv" }\n',
        encoding="utf-8",
    )
    assert read_config(path).train.members.file == tmp_path / "m.csv"


GIVEN = {"path": "m.skops", "members": {"column": "trained"}}


def test_a_given_model_has_no_recipe_unless_one_is_named():
    assert parse_config({**MINIMAL, "target": GIVEN}).recipe is None
    assert parse_config({**MINIMAL, "target": GIVEN, "recipe": {}}).recipe.kind == "mlp"
    assert parse_config(MINIMAL).recipe.kind == "mlp"
    assert AuditConfig.model_validate(parse_config({**MINIMAL, "target": GIVEN}).model_dump()).recipe is None


@pytest.mark.parametrize("given", [{"column": "c"}, {"file": "f.txt"}, {"share": 0.5, "seed": 1}])
def test_members_are_named_in_four_ways(given):
    members = parse_config({**MINIMAL, "target": {"path": "m.skops", "members": given}}).target.members
    assert json.loads(members.model_dump_json()) == given
    assert parse_config({**MINIMAL, "target": {"path": "m.skops", "members": "all"}}).target.members == "all"


@pytest.mark.parametrize("members", ["some", {"seed": 1}, {"share": 1.5, "seed": 1}, {"column": "c", "file": "f"}, 3])
def test_members_in_any_other_way_are_refused(members):
    with pytest.raises(ConfigError, match=r"target\.members"):
        parse_config({**MINIMAL, "target": {"path": "m.skops", "members": members}})


def test_a_misspelt_key_of_a_given_model_is_named():
    with pytest.raises(ConfigError, match=r"unknown key 'target\.constuctor'; did you mean 'constructor'\?"):
        parse_config({**MINIMAL, "target": {**GIVEN, "constuctor": "a:b"}})
