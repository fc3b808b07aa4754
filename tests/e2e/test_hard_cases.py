"""Trained on everybody, several releases, a control group that is none: through the installed command."""

import json

import anndata
import jsonschema
import numpy as np
import pandas as pd
import pytest

from genoaudit import build_recipe, read_cohort
from genoaudit.models.recipes import set_random_state

RECIPE = {"hidden": [16], "epochs": 10}
AUDIT = {"models": 16, "attacks": ["loss", "lira_fixed", "bavaria_t"]}


@pytest.fixture(scope="module")
def cohort_section(small_h5ad):
    return {"path": str(small_h5ad), "label": "cancer_type", "patient": "patient_id", "scale": "log2"}


@pytest.fixture(scope="module")
def cohort(small_h5ad):
    return read_cohort(small_h5ad, label="cancer_type", patient="patient_id", scale="log2")


@pytest.fixture(scope="module")
def half(cohort):
    return np.random.default_rng(0).permutation(cohort.n_patients) < cohort.n_patients // 2


@pytest.fixture
def release(cohort, tmp_path):
    """Train a model and write what it says to a file."""

    def write(name, members, seed=1):
        rows = members[cohort.patients]
        recipe = set_random_state(build_recipe("mlp", RECIPE, scale="log2"), seed, "released")
        scores = pd.DataFrame({"sample": cohort.sample_ids, "member": rows})
        proba = recipe.fit(cohort.X[rows], cohort.y[rows]).predict_proba(cohort.X)
        scores.join(pd.DataFrame(proba, columns=list(cohort.classes))).to_csv(tmp_path / name, index=False)

    return write


@pytest.fixture
def audited(genoaudit, tmp_path):
    def run(config, *arguments):
        done = genoaudit("audit", config, "--out", tmp_path / "run", "--threads", 1, *arguments, check=0)
        report = json.loads((tmp_path / "run" / "report.json").read_text())
        jsonschema.validate(report, json.loads(genoaudit("schema", "report", check=0).stdout))
        page = " ".join((tmp_path / "run" / "report.html").read_text().split())
        return report, " ".join(done.stdout.split()), page

    return run


def test_a_model_trained_on_everybody_is_judged_by_its_recipe_and_the_trend_is_said_first(
    write_config, cohort_section, cohort, release, audited, genoaudit, tmp_path
):
    release("model.csv", np.ones(cohort.n_patients, dtype=bool))
    config = write_config(
        cohort=cohort_section, recipe=RECIPE, audit=AUDIT, target={"path": "model.csv", "members": "all"}
    )
    assert "Ready to audit" in genoaudit("validate", config, check=0).stdout
    plan = json.loads(genoaudit("audit", config, "--out", tmp_path / "x", "--dry-run", "--json", check=0).stdout)
    report, said, page = audited(config, "--replay")
    points = report["full_size"]["points"]
    assert [point["models"] for point in points] == [16, plan["models"] - 16]
    assert points[0]["auc"] == next(a["auc"] for a in report["attacks"] if a["name"] == report["headline"])
    assert points[1]["members"] > 0.8 * cohort.n_patients
    assert report["audit"] == "recipe"
    assert report["target"]["non_members"] == 0
    assert len(report["target"]["sha256"]) == 64
    assert said.index("trained on all 90 patients") < said.index("Extrapolated from") < said.index("Membership leakage")
    assert page.index("trained on all 90 patients") < page.index("What was measured, on models trained on half")
    assert "an extrapolation, not a measurement and not a bound" in said
    genoaudit("audit", config, "--out", tmp_path / "again", "--threads", 1, "--fresh", "--replay", check=0)
    assert (tmp_path / "again" / "report.json").read_bytes() == (tmp_path / "run" / "report.json").read_bytes()


def test_a_model_trained_on_everybody_cannot_be_audited_without_its_recipe(
    write_config, cohort_section, cohort, release, genoaudit, tmp_path
):
    release("model.csv", np.ones(cohort.n_patients, dtype=bool))
    config = write_config(cohort=cohort_section, audit=AUDIT, target={"path": "model.csv", "members": "all"})
    done = genoaudit("audit", config, "--out", tmp_path / "run", check=3)
    assert "nobody is left to compare its members with" in done.stderr
    assert "Name the recipe that it was trained by under [recipe]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_old_and_a_new_release_are_attacked_together(
    write_config, cohort_section, cohort, half, release, audited, genoaudit, tmp_path
):
    moved = half.copy()
    moved[np.flatnonzero(half)[:4]] = False
    release("new.csv", half)
    release("old.csv", moved, seed=2)
    config = write_config(cohort=cohort_section, recipe=RECIPE, audit=AUDIT, target={"path": "new.csv"})
    config.write_text(config.read_text() + '\n[[earlier]]\npath = "old.csv"\nname = "release of 2023"\n')
    report, said, page = audited(config)
    joint = report["joint"]
    assert (joint["earlier"], joint["judged"], joint["left_out"]) == (["release of 2023"], 86, 4)
    assert joint["together"]["value"] > 0.55
    assert joint["guarantee"] is None
    assert "holds the earlier release 'release of 2023' and attacks all together" in said
    assert "Together with earlier releases" in page
    assert report["exposure"]["most_exposed"]
    assert "About the recipe, not this model, from the reference models:" in said
    patients = pd.read_parquet(tmp_path / "run" / "patients.parquet")
    assert {"score", "recipe_auc", "recipe_rank"} <= set(patients.columns)
    assert not [patient for patient in patients["patient_id"] if patient in page]
    config.write_text(config.read_text().replace("old.csv", "gone.csv"))
    assert "gone.csv: does not exist" in genoaudit("validate", config, check=3).stderr


def test_private_releases_add_up(write_config, cohort_section, half, release, audited):
    release("new.csv", half)
    release("old.csv", half, seed=2)
    private = {
        **RECIPE,
        "scaling": "sample",
        "dp": {"clip": 1.0, "noise_multiplier": 1.0, "sampling_rate": 0.2, "steps": 20},
    }
    config = write_config(cohort=cohort_section, recipe=private, audit=AUDIT, target={"path": "new.csv"})
    config.write_text(config.read_text() + '\n[[earlier]]\npath = "old.csv"\n')
    report, said, _ = audited(config)
    assert report["joint"]["guarantee"]["epsilon"] > 0
    assert "All 2 releases together, as one training: Training by this recipe, DP-SGD, promises epsilon" in said


def test_members_from_other_hospitals_are_told_without_the_model_and_that_is_said_first(
    write_config, cohort_section, cohort, release, audited, small_h5ad, tmp_path
):
    site = cohort.obs["site"].astype(str).groupby(cohort.patients).first().to_numpy()
    members = np.isin(site, ["site-1", "site-2"])
    release("model.csv", members)
    config = write_config(
        cohort=cohort_section, recipe=RECIPE, audit={**AUDIT, "models": 24}, target={"path": "model.csv"}
    )
    report, said, page = audited(config)
    control = next(check for check in report["checks"] if check["code"] == "GA005")
    assert control["status"] == "issue"
    assert any(one["value"] > one["chance"] for one in control["measured"])
    assert said.index("measures how the two groups were chosen") < said.index("Membership leakage")
    assert "Without the model: AUC" in page


def test_canaries_may_be_planted_beside_a_given_model(write_config, cohort_section, half, release, audited):
    release("model.csv", half)
    canaries = {"kinds": ["label_swapped"], "count": 4, "models": 32}
    config = write_config(
        cohort=cohort_section, recipe=RECIPE, audit=AUDIT, target={"path": "model.csv"}, canaries=canaries
    )
    report, _, page = audited(config)
    assert report["audit"] == "release"
    assert report["canaries"]["models"] == 32
    assert "canar" in page.lower()
    assert "About the recipe, not this model" in page


def test_the_cohort_of_these_tests_has_hospitals(small_h5ad):
    assert {"site-1", "site-2"} < set(anndata.read_h5ad(small_h5ad).obs["site"].astype(str))
