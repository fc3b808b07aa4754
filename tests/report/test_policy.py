import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from genoaudit.errors import ConfigError
from genoaudit.report.policy import Policy, parse_policy, policy_text, read_policy, shipped_policies
from genoaudit.report.schemas import schema_text

NAMES = ("lenient", "standard", "strict")


def policy(**tables):
    return parse_policy({"attacks": {"auc": 0.6}, **tables}, name="ours")


def limits(table):
    return table.model_dump(include={"auc", "tpr_at_fpr"}, exclude_defaults=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_is_found_by_name_and_valid_for_the_schema(name):
    assert read_policy(name).name == name
    content = tomllib.loads(policy_text(name))
    jsonschema.validate(content, json.loads(schema_text("policy")))
    assert "utility" not in content, "a floor on accuracy depends on the task"


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_argues_the_limits_it_sets(name):
    """Above a limit, or the one beside it, stands a comment."""
    lines = policy_text(name).splitlines()
    for at, line in enumerate(lines):
        if line.partition(" = ")[0] in {"auc", "tpr_at_fpr", "epsilon", "models", "non_members", "audited_epsilon"}:
            assert any(before.startswith("#") for before in lines[max(0, at - 2) : at]), line


def test_from_lenient_to_strict_every_shared_limit_gets_tighter():
    for table in ("attacks", "worst_patient", "worst_group"):
        aucs = [getattr(read_policy(name), table).auc for name in NAMES]
        assert aucs == sorted(aucs, reverse=True)
        assert len(set(aucs)) == 3
    rates = [read_policy(name).attacks.tpr_at_fpr[0.1] for name in NAMES]
    assert rates == sorted(rates, reverse=True)
    assert [read_policy(name).evidence.models for name in NAMES] == [32, 64, 256]
    assert [read_policy(name).bounds is not None for name in NAMES] == [False, False, True]


def test_a_file_is_read_by_path_and_named_after_it(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text("[attacks]\nauc = 0.6\n")
    assert read_policy(path).name == "board"
    path.write_text('name = "Ethics board 2031"\n[attacks]\nauc = 0.6\n')
    assert read_policy(str(path)).name == "Ethics board 2031"


def test_a_file_that_is_called_like_a_shipped_policy_is_reached_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("strict").write_text("[attacks]\nauc = 0.9\n")
    assert read_policy("strict").attacks.auc == 0.55
    assert read_policy("./strict").attacks.auc == 0.9


@pytest.mark.parametrize("name", ["standart", "missing.toml", ""])
def test_what_is_not_there_is_an_error_that_names_what_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"lenient, standard, strict|is a folder"):
        read_policy(name)
    with pytest.raises(ConfigError, match="choose one of: lenient, standard, strict"):
        policy_text(name)


def test_the_digest_is_of_what_is_demanded():
    one = policy(worst_patient={"auc": 0.7})
    assert one.sha256 == policy(worst_patient={"auc": 0.70, "k": 1}).sha256
    assert (
        one.sha256
        == parse_policy({"worst_patient": {"auc": 0.7}, "attacks": {"auc": 0.6}, "name": "other"}, name="x").sha256
    )
    assert one.sha256 != policy(worst_patient={"auc": 0.7, "k": 5}).sha256
    assert len({read_policy(name).sha256 for name in NAMES}) == 3


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"atacks": {"auc": 0.6}}, r"unknown key 'atacks'; did you mean 'attacks'\?"),
        ({"worst_patient": {"acu": 0.6}}, r"unknown key 'worst_patient.acu'; did you mean 'auc'\?"),
        ({"evidence": {"modells": 64}}, r"unknown key 'evidence.modells'; did you mean 'models'\?"),
        ({"bounds": {"audited_epsilom": 3}}, r"did you mean 'audited_epsilon'\?"),
        ({"attacks": {"auc": 0.4}}, "'attacks.auc': .*greater than or equal to 0.5"),
        ({"attacks": {"auc": "0.6"}}, "'attacks.auc': .*valid number"),
        ({"attacks": {"auc": True}}, "'attacks.auc': .*valid number"),
        ({"attacks": {"tpr_at_fpr": {"0.01": 0.005}}}, "guessing reaches 0.01"),
        ({"attacks": {"tpr_at_fpr": {"0.1": 0.2, "0.10": 0.3}}}, "names a false-positive rate twice"),
        ({"attacks": {"tpr_at_fpr": {"ten": 0.2}}}, "attacks.tpr_at_fpr.ten"),
        ({"attacks": {"tpr_at_fpr": 0.2}}, "attacks.tpr_at_fpr"),
        ({"attacks": {"auc": 0.6, "require": ["lirra"]}}, r"no attack named 'lirra'. Did you mean 'lira'\?"),
        ({"worst_patient": {"k": 3, "auc": 0.6}}, "'worst_patient.k'"),
        ({"worst_patient": {"k": 5}}, "asks for nothing; set one of auc, tpr_at_fpr, or"),
        ({"worst_group": {}}, "'worst_group.auc' is missing"),
        ({"bounds": {"end_to_end": False}}, "asks for nothing"),
        ({"bounds": {"epsilon": -1}}, "'bounds.epsilon'"),
        ({"utility": {"accuracy": 80}}, "'utility.accuracy'"),
        ({"evidence": {"access": "weights"}}, "'evidence.access'"),
        ({"attacks": 0.6}, "'attacks': must be a table of keys"),
    ],
)
def test_what_is_wrong_is_named(tables, message):
    with pytest.raises(ConfigError, match=message):
        policy(**tables)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"evidence": {"models": 64}},
        {"utility": {"accuracy": 0.8}},
        {"bounds": {"audited_epsilon": 1}},
        {"bounds": {"end_to_end": True}},
        {"attacks": {"require": ["lira"]}},
    ],
    ids=str,
)
def test_a_policy_that_limits_no_risk_is_refused(tables):
    with pytest.raises(ConfigError, match="would release everything"):
        parse_policy(tables, name="ours")


def test_a_combination_of_attacks_may_be_required():
    assert policy(attacks={"auc": 0.6, "require": ["stacked", "lira"]}).attacks.require == ("stacked", "lira")


def test_the_policies_lie_where_the_wheel_takes_them_from(tmp_path):
    """The wheel carries data_schemas inside the package, where an installed package looks first."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {"data_schemas": "genoaudit/data_schemas"}
    assert {path.parent.name for path in shipped_policies().values()} == {"policies"}
    assert {path.stem for path in (Path(__file__).parents[2] / "data_schemas" / "policies").iterdir()} == set(NAMES)


def test_a_policy_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Policy(attacks={"auc": 0.6}).name = "other"
