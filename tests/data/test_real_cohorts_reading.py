"""The public cohorts, read as their own documentation declares them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from anndata import read_h5ad

from genoaudit.data.labels import LabelsFile
from genoaudit.data.readers import read_cohort
from genoaudit.data.scales import contradiction
from genoaudit.errors import DataError
from genoaudit.files import cohort_digest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RAW = DATA / "raw"
pytestmark = [
    pytest.mark.cohort,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real cohorts are not in ../{DATA.parent.name}/{DATA.name}"),
]

# name: scale, declarations that must be refused
COHORTS = {
    "tcga_paired11": ("log2", ["counts", "cpm", "rsem", "ratio", "log_ratio", "zscore"]),
    "tcga_pancan_60genes": ("log2", ["counts", "rsem", "intensity", "log_ratio", "zscore"]),
    "tcga_pancan_148x16k": ("log2", ["counts", "tpm", "rsem", "ratio", "log_ratio", "zscore"]),
    "tcga_gbm_subtypes_counts": ("counts", ["cpm", "tpm", "log2", "ratio", "log_ratio", "zscore"]),
    "kang_pbmc_subset": ("counts", ["log2", "ratio", "log_ratio", "zscore"]),
    "prostate_singh": ("intensity", ["counts", "cpm", "rsem", "log2", "ratio", "log_ratio", "zscore"]),
    "golub_leukemia": ("intensity", ["counts", "cpm", "rsem", "log2", "ratio", "log_ratio", "zscore"]),
    "srbct_khan": ("ratio", ["counts", "log_ratio", "zscore"]),
    "nci60": ("log_ratio", ["counts", "cpm", "tpm", "rsem", "intensity", "ratio"]),
    "leukemia5_mile": ("log2", ["counts", "cpm", "rsem", "intensity", "log_ratio", "zscore"]),
    "tcga_brca_pam50_200g": ("log2", ["counts", "rsem", "intensity", "log_ratio", "zscore"]),
}


def columns(name: str) -> dict[str, str]:
    return {"label": "cancer_type", "patient": "patient_id", "scale": COHORTS[name][0]}


@pytest.mark.parametrize("name", COHORTS)
def test_the_declared_units_are_possible_and_wrong_ones_are_refused(name):
    scale, wrong = COHORTS[name]
    X = np.asarray(read_h5ad(DATA / f"{name}.h5ad").X)
    assert contradiction(X, scale) is None
    accepted = [other for other in wrong if contradiction(X, other) is None]
    assert accepted == []


@pytest.mark.parametrize(
    ("name", "samples", "patients", "genes", "classes"),
    [
        ("tcga_paired11", 1204, 602, 3341, 11),
        ("tcga_gbm_subtypes_counts", 149, 147, 25912, 4),
        ("srbct_khan", 63, 63, 2308, 4),
        ("golub_leukemia", 72, 72, 7129, 2),
        ("prostate_singh", 102, 102, 12600, 2),
    ],
)
def test_h5ad_cohorts_are_read_whole(name, samples, patients, genes, classes):
    cohort = read_cohort(DATA / f"{name}.h5ad", **columns(name))
    assert (cohort.n_samples, cohort.n_patients, cohort.n_genes, len(cohort.classes)) == (
        samples,
        patients,
        genes,
        classes,
    )
    given = read_h5ad(DATA / f"{name}.h5ad")
    given = given[sorted(given.obs_names)]
    assert np.array_equal(cohort.X, given.X)
    assert [cohort.classes[code] for code in cohort.y] == list(given.obs["cancer_type"])
    assert cohort.sha256 == hashlib.sha256((DATA / f"{name}.h5ad").read_bytes()).hexdigest()


def test_two_donors_are_refused_as_a_cohort_of_patients():
    with pytest.raises(DataError, match="2 patients; an audit needs at least 20"):
        read_cohort(DATA / "kang_pbmc_subset.h5ad", **columns("kang_pbmc_subset"))


def test_many_tiny_classes_are_listed_dropped_or_merged():
    path = DATA / "tcga_pancan_148x16k.h5ad"
    with pytest.raises(DataError, match=r"22 classes with fewer than 8 patients: 'BLCA' \(5\)"):
        read_cohort(path, **columns("tcga_pancan_148x16k"))
    dropped = read_cohort(path, **columns("tcga_pancan_148x16k"), small_classes="drop")
    merged = read_cohort(path, **columns("tcga_pancan_148x16k"), small_classes="merge")
    assert (dropped.n_samples, len(dropped.classes)) == (74, 8)
    assert (merged.n_samples, len(merged.classes)) == (148, 9)
    assert (merged.y == merged.classes.index("other")).sum() == 74


@pytest.mark.parametrize(("part", "samples"), [("train", 38), ("independent", 34)])
def test_golub_as_published_equals_the_h5ad_file(part, samples):
    cohort = read_cohort(
        RAW / f"data_set_ALL_AML_{part}.csv.gz",
        label="cancer",
        patient="patient",
        scale="intensity",
        ids="Gene Accession Number",
        ignore=["Gene Description", "call"],
        labels=LabelsFile(RAW / "data_set_ALL_AML_actual.csv.gz", key="patient"),
    )
    assert (cohort.n_samples, cohort.n_patients, cohort.n_genes) == (samples, samples, 7129)
    assert cohort.classes == ("ALL", "AML")
    assert cohort.notes == (f"{72 - samples} rows of data_set_ALL_AML_actual.csv.gz without a sample in the matrix.",)
    whole = read_h5ad(DATA / "golub_leukemia.h5ad")
    row = {tuple(values): label for values, label in zip(whole.X, whole.obs["cancer_type"], strict=True)}
    assert list(whole.var_names) == list(cohort.genes)
    assert [row[tuple(values)] for values in cohort.X] == [cohort.classes[code] for code in cohort.y]


def test_golub_without_its_description_columns_declared_says_which_columns_are_no_samples():
    with pytest.raises(DataError) as caught:
        read_cohort(
            RAW / "data_set_ALL_AML_train.csv.gz",
            label="cancer",
            scale="intensity",
            ids="Gene Accession Number",
            labels=LabelsFile(RAW / "data_set_ALL_AML_actual.csv.gz"),
        )
    text = str(caught.value)
    assert "39 sample columns with text among the numbers (first: sample column 1" in text
    assert "39 samples of 77 not in data_set_ALL_AML_actual.csv.gz" in text
    assert "37 duplicate sample ids" in text


def test_entrez_numbers_stay_text_and_labels_come_from_the_clinical_table():
    matrix, clinical = RAW / "tcga_expression-matrix-all-genes.tsv.gz", RAW / "tcga_samples.tsv.gz"
    cohort = read_cohort(
        matrix,
        label="acronym",
        patient="patient_id",
        scale="log2",
        groups=["gender", "race"],
        small_classes="merge",
        min_class=5,
        labels=LabelsFile(clinical, key="sample_id"),
    )
    assert (cohort.n_samples, cohort.n_patients, cohort.n_genes) == (50, 50, 16261)
    assert cohort.genes[:3] == ("1", "100", "1000")
    assert cohort.classes == ("LUSC", "PRAD", "other")
    assert set(cohort.obs["gender"]) == {"Female", "Male"}
    assert cohort.obs["age_diagnosed"].dtype == np.float64
    assert cohort.notes[0] == "8,706 rows of tcga_samples.tsv.gz without a sample in the matrix."
    assert cohort.source == "tcga_expression-matrix-all-genes.tsv.gz + tcga_samples.tsv.gz"
    assert cohort.sha256 == cohort_digest(matrix, clinical)


def test_an_r_table_is_read_and_found_too_small():
    with pytest.raises(DataError) as caught:
        read_cohort(
            RAW / "SRP029880.raw_counts.tsv.gz",
            label="group",
            scale="counts",
            ignore=["width"],
            labels=LabelsFile(RAW / "SRP029880.colData.tsv.gz"),
        )
    patients, classes = caught.value.problems
    assert patients == "10 patients; an audit needs at least 20."
    assert classes.startswith("2 classes with fewer than 8 patients: 'CASE' (5), 'CTRL' (5).")
