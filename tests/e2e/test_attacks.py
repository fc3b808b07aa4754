"""The catalogue, the self-test, canaries and one given model, through the installed command."""

import json

import numpy as np
import pandas as pd
import pytest

from genoaudit import build_recipe, read_cohort


@pytest.fixture
def cohort_section(small_h5ad):
    return {
        "path": str(small_h5ad),
        "label": "cancer_type",
        "patient": "patient_id",
        "scale": "log2",
        "groups": ["sex"],
    }


def report_of(genoaudit, config, out, *more):
    done = genoaudit("audit", config, "--out", out, "--threads", 1, *more, check=0)
    return json.loads((out / "report.json").read_text()), done.stdout


def test_the_catalogue_is_printed_for_people_and_for_programs(genoaudit):
    text = genoaudit("attacks", check=0).stdout
    records = json.loads(genoaudit("attacks", "--json", check=0).stdout)
    assert {record["name"] for record in records} >= {
        "loss",
        "lira",
        "bavaria_t",
        "rmia",
        "qmia",
        "influence",
        "stacked",
    }
    for record in records:
        assert record["name"] in text
        assert all(record[key] for key in ("title", "threat_model", "cost", "reference", "caveat"))


def test_attacks_on_profiles_have_a_catalogue_of_their_own(genoaudit):
    text = genoaudit("attacks", "--reconstruction", check=0).stdout
    records = json.loads(genoaudit("attacks", "--reconstruction", "--json", check=0).stdout)
    assert {record["name"] for record in records} >= {"analytic", "trap_weights", "informed"}
    for record in records:
        assert record["name"] in text
        assert all(record[key] for key in ("title", "sees", "threat_model", "cost", "reference", "caveat"))


def test_every_attack_runs_and_the_self_test_finds_nothing(genoaudit, write_config, cohort_section, tmp_path):
    audit = {"models": 16, "attacks": ["all"], "queries": 2, "group_pairs": "true"}
    config = write_config(cohort=cohort_section, recipe={"hidden": [16], "epochs": 5}, audit=audit)
    config.write_text(config.read_text().replace('"true"', "true"))
    report, said = report_of(genoaudit, config, tmp_path / "run", "--self-test")
    assert len(report["attacks"]) >= 28
    assert {idle["name"] for idle in report["not_run"]} == {"influence"}
    assert report["self_test"]["passed"]
    assert "self-test" in said.lower()
    assert report["adversary"] == {"access": "parameters", "decimals": None, "queries": 2}
    assert {gap["variable"] for gap in report["group_gaps"]} <= {"class", "sex"}


def test_canaries_are_found_and_natural_patients_stay_what_they_are(genoaudit, write_config, cohort_section, tmp_path):
    audit = {"models": 16, "attacks": ["loss", "lira_fixed"]}
    canaries = {"kinds": ["label_swapped", "high_leverage"], "count": 4, "models": 32}
    config = write_config(cohort=cohort_section, recipe={"hidden": [16]}, audit=audit, canaries=canaries)
    report, said = report_of(genoaudit, config, tmp_path / "run")
    kinds = {row["kind"]: row for row in report["canaries"]["kinds"]}
    assert set(kinds) == {"label_swapped", "high_leverage", "all"}
    assert kinds["label_swapped"]["auc"]["value"] > 0.8
    assert {bound["neighbouring"] for bound in report["canaries"]["bounds"]} == {"add/remove"}
    assert report["cohort"]["patients"] == 90
    assert "canar" in said.lower()


def test_one_given_model_is_audited_from_what_it_says(genoaudit, write_config, cohort_section, tmp_path, small_h5ad):
    cohort = read_cohort(small_h5ad, label="cancer_type", patient="patient_id", scale="log2")
    members = np.random.default_rng(0).permutation(cohort.n_patients) < cohort.n_patients // 2
    rows = members[cohort.patients]
    recipe = build_recipe("mlp", {"hidden": [16]}, scale="log2").fit(cohort.X[rows], cohort.y[rows])
    scores = pd.DataFrame({"sample": cohort.sample_ids, "member": rows})
    scores = scores.join(pd.DataFrame(recipe.predict_proba(cohort.X), columns=list(cohort.classes)))
    scores.sample(frac=1, random_state=0).to_csv(tmp_path / "scores.csv", index=False)
    config = write_config(
        cohort=cohort_section, recipe={"hidden": [16]}, audit={"models": 16}, target={"path": "scores.csv"}
    )
    report, _ = report_of(genoaudit, config, tmp_path / "run")
    assert report["audit"] == "release"
    assert {attack["estimand"] for attack in report["attacks"]} == {"single_target"}
    table = pd.read_parquet(tmp_path / "run" / "patients.parquet")
    assert table["member"].sum() == members.sum()
    page = (tmp_path / "run" / "report.html").read_text()
    assert not any(patient in page for patient in cohort.patient_ids)
    genoaudit("validate", config, check=0)
    scores.assign(member=False).to_csv(tmp_path / "scores.csv", index=False)
    refused = genoaudit("validate", config, check=3).stderr
    assert "0 of 90 patients were members: members are missing" in refused


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"audit": {"decimals": 3}}, "decimals rounds probabilities; with access = 'parameters'"),
        ({"audit": {"access": "weights"}}, "'audit.access': Input should be 'labels'"),
        ({"audit": {"attacks": ["label_noise"]}}, "set queries under [audit]"),
        ({"canaries": {"kinds": ["yellow"]}}, "yellow"),
        ({"target": {"path": "nowhere.csv"}}, "nowhere.csv: does not exist"),
        ({"target": {"path": "model.pkl"}}, "model.pkl: is a pickle, and reading a pickle runs"),
    ],
)
def test_bad_keys_are_refused_in_words(refused, write_config, cohort_section, tmp_path, section, expected):
    config = write_config(cohort=cohort_section, recipe={"hidden": [8], "epochs": 1}, **section)
    (tmp_path / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    done = refused("audit", config, "--out", tmp_path / "run", "--models", 4, "--threads", 1)
    assert done.returncode == 3
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
