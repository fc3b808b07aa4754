"""The main job on the real cohorts: what the README reports must be what comes out."""

import json

import anndata
import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.cohort


def audit(genoaudit, config, out):
    genoaudit("audit", config, "--out", out, check=0)
    report = json.loads((out / "report.json").read_text())
    return report, {attack["name"]: attack["auc"]["value"] for attack in report["attacks"]}


def test_paired_tumour_and_normal_samples_are_one_patient(genoaudit, cohorts, write_config, tmp_path):
    config = write_config(
        cohort={
            "path": cohorts / "tcga_paired11.h5ad",
            "label": "cancer_type",
            "patient": "patient_id",
            "scale": "log2",
            "groups": ["sex", "race"],
        }
    )
    report, auc = audit(genoaudit, config, tmp_path / "run")
    assert report["cohort"]["patients"] == 602
    assert report["cohort"]["samples_per_patient"] == {"2": 602}
    assert 0.90 < report["utility"]["non_members"]["accuracy"]["value"] < 0.97
    assert 0.70 < auc["lira"] < 0.90
    assert 0.52 < auc["loss"] < 0.62


def test_raw_counts_of_a_hard_label_leak_more(genoaudit, cohorts, write_config, tmp_path):
    config = write_config(
        cohort={
            "path": cohorts / "tcga_gbm_subtypes_counts.h5ad",
            "label": "cancer_type",
            "patient": "patient_id",
            "scale": "counts",
        }
    )
    report, auc = audit(genoaudit, config, tmp_path / "run")
    assert report["cohort"]["patients"] == 147
    assert 0.55 < report["utility"]["non_members"]["accuracy"]["value"] < 0.75
    assert auc["lira_fixed"] > 0.8


@pytest.fixture
def khan(cohorts):
    return anndata.read_h5ad(cohorts / "srbct_khan.h5ad")


def test_text_with_samples_or_genes_in_rows_gives_the_same_audit(genoaudit, khan, write_config, tmp_path):
    values = pd.DataFrame(khan.X, index=khan.obs_names, columns=khan.var_names)
    with_label = values.copy()
    with_label.insert(0, "cancer_type", khan.obs["cancer_type"].astype(str))
    with_label.to_csv(tmp_path / "khan.csv", index_label="sample_id")
    values.T.to_csv(tmp_path / "khan.tsv.gz", sep="\t", index_label="gene")
    labels = khan.obs[["cancer_type"]].sample(frac=1, random_state=0)
    labels.to_csv(tmp_path / "labels.tsv", sep="\t", index_label="sample_id")
    common = {"label": "cancer_type", "scale": "ratio"}
    samples = write_config("samples.toml", cohort={"path": "khan.csv", **common})
    genes = write_config("genes.toml", cohort={"path": "khan.tsv.gz", **common, "labels": {"path": "labels.tsv"}})
    found = [audit(genoaudit, config, tmp_path / config.stem)[0] for config in (samples, genes)]
    assert found[0]["cohort"]["patients"] == 63
    for report in found:
        assert any("every sample counts as its own patient" in text for text in report["warnings"])
    assert found[0]["attacks"] == found[1]["attacks"]
    with (
        np.load(tmp_path / "samples" / "signals.npz", allow_pickle=False) as one,
        np.load(tmp_path / "genes" / "signals.npz", allow_pickle=False) as other,
    ):
        assert (one["logit"] == other["logit"]).all()
