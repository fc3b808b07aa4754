"""Everything about reading that is not text: h5ad, parquet, paths, arguments and policies."""

from __future__ import annotations

import gzip
import hashlib

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from anndata import AnnData
from pyarrow import parquet
from scipy import sparse

from genoaudit.data.labels import LabelsFile
from genoaudit.data.readers import read_cohort
from genoaudit.errors import ConfigError, DataError

DECLARED = {"label": "type", "patient": "patient", "scale": "counts"}


@pytest.fixture
def adata() -> AnnData:
    rng = np.random.default_rng(0)
    samples = pd.Index([f"S{number:02}" for number in range(40)], name="sample")
    obs = pd.DataFrame(
        {"type": ["B", "A"] * 20, "patient": np.arange(40) // 2, "sex": pd.Categorical(["f"] * 18 + ["m"] * 22)},
        index=samples,
    )
    return AnnData(
        X=rng.poisson(3, (40, 6)).astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"G{g}" for g in "abcdef"])
    )


@pytest.fixture
def h5ad(adata, tmp_path):
    adata.write_h5ad(tmp_path / "cohort.h5ad")
    return tmp_path / "cohort.h5ad"


def sheet_of(adata: AnnData) -> pd.DataFrame:
    return adata.obs.astype({"sex": object}).join(pd.DataFrame(adata.X, adata.obs_names, adata.var_names))


def refused(path, **given) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read_cohort(path, **{**DECLARED, **given})
    return caught.value.problems


def test_h5ad_is_read_with_its_covariates_and_the_digest_of_its_bytes(adata, h5ad):
    cohort = read_cohort(h5ad, groups=["sex"], **DECLARED)
    assert np.array_equal(cohort.X, adata.X)
    assert cohort.classes == ("A", "B")
    assert cohort.n_patients == 20
    assert cohort.obs["sex"].tolist() == adata.obs["sex"].tolist()
    assert cohort.source == "cohort.h5ad"
    assert cohort.sha256 == hashlib.sha256(h5ad.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix])
def test_sparse_counts_are_the_same_cohort(adata, h5ad, tmp_path, kind):
    dense = read_cohort(h5ad, **DECLARED)
    adata.X = kind(adata.X)
    adata.write_h5ad(tmp_path / "sparse.h5ad")
    assert read_cohort(tmp_path / "sparse.h5ad", **DECLARED).digest() == dense.digest()


@pytest.mark.parametrize("form", ["samples, index", "samples, columns", "genes"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv.gz"])
def test_every_format_gives_the_same_digest(adata, h5ad, tmp_path, form, suffix):
    sheet, given = sheet_of(adata), {"groups": ["sex"]}
    if form == "genes":
        sheet[["type", "patient", "sex"]].to_csv(tmp_path / "labels.csv")
        given["labels"] = LabelsFile(tmp_path / "labels.csv")
        sheet = pd.DataFrame(adata.X.T, adata.var_names, adata.obs_names).rename_axis(index="gene", columns=None)
    if form == "samples, columns":
        sheet = sheet.reset_index()
    path = tmp_path / f"x{suffix}"
    if suffix == ".parquet":
        sheet.to_parquet(path)
    else:
        sheet.to_csv(path, index=form != "samples, columns")
    assert read_cohort(path, **given, **DECLARED).digest() == read_cohort(h5ad, **DECLARED).digest()


def test_labels_may_be_parquet_and_may_belong_to_an_h5ad_file(adata, h5ad, tmp_path):
    sheet_of(adata)[["type", "patient"]].to_parquet(tmp_path / "labels.parquet")
    bare = AnnData(X=adata.X, obs=adata.obs[["sex"]], var=adata.var)
    bare.write_h5ad(tmp_path / "bare.h5ad")
    cohort = read_cohort(tmp_path / "bare.h5ad", labels=LabelsFile(tmp_path / "labels.parquet"), **DECLARED)
    assert cohort.digest() == read_cohort(h5ad, **DECLARED).digest()
    assert list(cohort.obs) == ["sex"]


def test_repeated_genes_of_parquet_are_reported(tmp_path):
    columns = [
        pa.array([f"S{n}" for n in range(40)]),
        pa.array(["A", "B"] * 20),
        pa.array(range(1, 41)),
        pa.array(range(1, 41)),
    ]
    parquet.write_table(pa.table(columns, names=["id", "type", "TP53", "TP53"]), tmp_path / "x.parquet")
    (problem,) = refused(tmp_path / "x.parquet", patient=None)
    assert problem.startswith("1 duplicate gene name (first: gene number 2 repeats 1, 'TP53').")


def test_missing_values_of_nullable_columns_are_found(adata, tmp_path):
    sheet = sheet_of(adata).astype({"Ga": "Int64"})
    sheet.loc["S04", "Ga"] = pd.NA
    sheet.to_parquet(tmp_path / "x.parquet")
    (problem,) = refused(tmp_path / "x.parquet", groups=["sex"])
    assert problem.startswith("1 missing value (first: row 5, gene 'Ga').")


def test_repeated_names_in_h5ad_are_problems_not_warnings(adata, tmp_path):
    adata.obs_names = ["S00", *adata.obs_names[:-1]]
    adata.var_names = ["Ga", *adata.var_names[:-1]]
    adata.write_h5ad(tmp_path / "x.h5ad")
    samples, genes = refused(tmp_path / "x.h5ad")
    assert samples.startswith("1 duplicate sample id (first: row 2 repeats 1).")
    assert genes.startswith("1 duplicate gene name (first: gene number 2 repeats 1, 'Ga').")


def test_declaring_a_wrong_scale_says_which_fit(h5ad):
    (problem,) = refused(h5ad, scale="zscore")
    assert problem.startswith("scale 'zscore' is contradicted by no negative value")
    assert "Scales that fit: counts, " in problem


# ------------------------------------------------------------------------------------------------------------ policies


def test_small_classes_follow_the_declared_policy(adata, tmp_path):
    adata.obs["type"] = ["A"] * 20 + ["B"] * 16 + ["C"] * 2 + ["D"] * 2
    adata.obs["patient"] = np.arange(40)
    adata.write_h5ad(tmp_path / "x.h5ad")
    (problem,) = refused(tmp_path / "x.h5ad")
    assert problem.startswith("2 classes with fewer than 8 patients: 'C' (2), 'D' (2).")
    dropped = read_cohort(tmp_path / "x.h5ad", small_classes="drop", **DECLARED)
    merged = read_cohort(tmp_path / "x.h5ad", small_classes="merge", min_class=4, **DECLARED)
    assert (dropped.n_samples, dropped.classes) == (36, ("A", "B"))
    assert (merged.n_samples, merged.classes) == (40, ("A", "B", "other"))
    assert "4 samples of 2 classes left out" in dropped.notes[0]


def test_small_classes_are_reported_together_with_everything_else(adata, tmp_path):
    adata.obs["type"] = ["A"] * 30 + ["B"] * 10
    adata.X[3, 2] = np.nan
    adata.write_h5ad(tmp_path / "x.h5ad")
    missing, small = refused(tmp_path / "x.h5ad")
    assert missing.startswith("1 missing value (first: row 4, gene 'Gc').")
    assert small.startswith("1 class with fewer than 8 patients: 'B' (5).")


# ------------------------------------------------------------------------------------------------- paths and arguments


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": "fpkm"}, "'fpkm' is not known"),
        ({"small_classes": "keep"}, "'keep' is not known"),
        ({"min_class": 3}, "at least 4"),
        ({"orientation": "columns"}, "'columns' is not known"),
        ({"orientation": "genes"}, "for text and parquet"),
        ({"ids": "sample"}, "for text and parquet"),
        ({"ignore": ["width"]}, "for text and parquet"),
        ({"patient": "type"}, "must be different columns"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(h5ad, given, message):
    with pytest.raises(ConfigError, match=message):
        read_cohort(h5ad, **{**DECLARED, **given})


def test_missing_files_folders_and_unknown_suffixes_are_refused_by_name_alone(tmp_path, h5ad):
    (tmp_path / "x.rds").write_text("R")
    assert refused(tmp_path / "none.csv") == ("does not exist.",)
    assert refused(tmp_path) == ("is a folder; a file is needed.",)
    assert refused(tmp_path / "x.rds")[0].startswith("has an unknown suffix. Known for a matrix: .h5ad, .parquet, .csv")
    with pytest.raises(DataError) as caught:
        read_cohort(h5ad, labels=LabelsFile(tmp_path / "none.csv"), **DECLARED)
    assert str(caught.value) == "none.csv: does not exist."


def test_files_that_may_not_be_opened_are_refused(h5ad, monkeypatch):
    def denied(*_args, **_given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    assert refused(h5ad) == ("cannot be opened: Permission denied.",)


@pytest.mark.parametrize("name", ["x.h5ad", "x.parquet"])
def test_binary_files_that_are_truncated_or_something_else_are_refused(adata, h5ad, tmp_path, name):
    sheet_of(adata).to_parquet(tmp_path / "whole.parquet")
    whole = (h5ad if name == "x.h5ad" else tmp_path / "whole.parquet").read_bytes()
    for content in (whole[: len(whole) // 2], b"id,type,TP53\n", gzip.compress(whole)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: is damaged, or not ") as caught:
            read_cohort(tmp_path / name, **DECLARED)
        assert caught.value.__cause__ is not None


def test_hdf5_that_is_not_anndata_is_refused(tmp_path):
    for name, content in (("empty", {}), ("other", {"expression": np.ones(3)})):
        with h5py.File(tmp_path / f"{name}.h5ad", "w") as file:
            for key, value in content.items():
                file[key] = value
        assert refused(tmp_path / f"{name}.h5ad") == ("is damaged, or not HDF5 as anndata writes it.",)


def test_a_table_of_names_alone_is_refused(tmp_path):
    pd.DataFrame({"id": ["a", "b"]}).to_parquet(tmp_path / "x.parquet")
    assert refused(tmp_path / "x.parquet") == ("has 1 columns and 2 rows.",)


def test_samples_of_nothing_but_zeros_are_refused_where_values_are_amounts(tmp_path):
    frame = pd.DataFrame(np.ones((40, 3)), columns=["A", "B", "C"])
    frame.iloc[4] = 0
    frame.insert(0, "type", ["x", "y"] * 20)
    frame.to_csv(tmp_path / "x.csv", index_label="id")
    with pytest.raises(DataError, match=r"1 sample with nothing but zeros \(first: row 5\)"):
        read_cohort(tmp_path / "x.csv", label="type", scale="counts")


def test_class_names_with_control_characters_are_refused(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(8, 2, (40, 3)), columns=["A", "B", "C"])
    frame.insert(0, "type", ["x", "\x1b[31my"] * 20)
    frame.to_csv(tmp_path / "x.csv", index_label="id")
    with pytest.raises(DataError, match="20 samples whose class holds control characters"):
        read_cohort(tmp_path / "x.csv", label="type", scale="log2")


def test_an_identifier_column_as_label_is_recognised_without_listing_it(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(8, 2, (40, 3)), columns=["A", "B", "C"])
    frame.insert(0, "barcode", [f"secret-{i}" for i in range(40)])
    frame.to_csv(tmp_path / "x.csv", index_label="id")
    with pytest.raises(DataError, match="Is that column an identifier") as caught:
        read_cohort(tmp_path / "x.csv", label="barcode", scale="log2")
    assert "secret" not in str(caught.value)
