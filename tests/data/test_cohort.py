from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from html_page import Page
from scipy import sparse

from genoaudit.data.cohort import Cohort, make_cohort
from genoaudit.data.table import Table
from genoaudit.errors import ConfigError, DataError

MODULES = ["cohort", "labels", "orientation", "readers", "scales", "sheet", "small_classes", "table", "text"]


@pytest.fixture
def table() -> Table:
    """Thirty patients with two samples each, in no order, on the log2 scale."""
    rng = np.random.default_rng(0)
    patients = np.repeat([f"P{number:02}" for number in range(30)], 2)
    sample_ids = [f"{patient}-{'AB'[place % 2]}" for place, patient in enumerate(patients)]
    order = rng.permutation(60)
    obs = pd.DataFrame(
        {
            "age": rng.integers(30, 80, 60),
            "type": np.repeat(["LUSC", "LUAD", "BRCA"], 20),
            "patient": patients,
            "sex": np.repeat(["f", "m"], 30),
        }
    )
    return Table(
        values=rng.normal(8, 2, (60, 4)).astype(np.float32)[order],
        sample_ids=tuple(sample_ids[row] for row in order),
        genes=("TP53", "7157", "BRCA1", "A1BG"),
        obs=obs.iloc[order],
        source="lung.csv",
    )


def cohort_of(table: Table, **declared) -> Cohort:
    return make_cohort(table, **{"label": "type", "patient": "patient", "scale": "log2", **declared})


def problems_of(table: Table, **declared) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        cohort_of(table, **declared)
    return caught.value.problems


def with_value(table: Table, value: float, *cells: tuple[int, int]) -> Table:
    values = table.values.copy()
    for cell in cells:
        values[cell] = value
    return replace(table, values=values)


def with_obs(table: Table, column: str, changes: dict[int, object]) -> Table:
    obs = table.obs.copy()
    changed = obs[column].astype(object).to_numpy().copy()
    for row, value in changes.items():
        changed[row] = value
    return replace(table, obs=obs.assign(**{column: changed}))


# -------------------------------------------------------------------------------------------------------- a good table


def test_rows_are_sorted_by_sample_id_and_stay_together(table):
    cohort = cohort_of(table)
    assert cohort.sample_ids == tuple(sorted(table.sample_ids))
    for row, sample in enumerate(cohort.sample_ids):
        before = table.sample_ids.index(sample)
        given = table.obs.iloc[before]
        assert cohort.X[row].tolist() == table.values[before].tolist()
        assert cohort.classes[cohort.y[row]] == given["type"]
        assert cohort.patient_ids[cohort.patients[row]] == given["patient"]
        assert cohort.obs.loc[row].to_dict() == {"age": given["age"], "sex": given["sex"]}


def test_arrays_have_the_promised_types(table):
    cohort = cohort_of(table)
    assert cohort.X.dtype == np.float32
    assert cohort.X.flags.c_contiguous
    assert cohort.y.dtype == cohort.patients.dtype == np.intp
    assert cohort.classes == ("BRCA", "LUAD", "LUSC")
    assert cohort.patient_ids == tuple(sorted(cohort.patient_ids))
    assert cohort.genes == table.genes
    assert (cohort.n_samples, cohort.n_patients, cohort.n_genes) == (60, 30, 4)
    assert list(cohort.obs.index) == list(range(60))
    assert cohort.notes == ()


def test_repr_is_short_and_shows_no_ids(table):
    text = repr(cohort_of(table))
    assert text == "Cohort(60 samples of 30 patients, 4 genes, 3 classes, log2, 'lung.csv')"


def test_without_a_patient_column_every_sample_is_a_patient_and_a_note_says_so(table):
    cohort = cohort_of(replace(table, obs=table.obs.rename(columns={"patient": "donor_id"})), patient=None)
    assert cohort.patient_ids == cohort.sample_ids
    assert cohort.patients.tolist() == list(range(60))
    assert "every sample counts as its own patient" in cohort.notes[0]
    assert "'donor_id'" in cohort.notes[0]


def test_constant_genes_and_lookalike_classes_are_noted_with_counts_only(table):
    constant = with_value(table, 5.0, *((row, 2) for row in range(60)))
    cohort = cohort_of(with_obs(constant, "type", {0: "luad "}))
    assert cohort.notes == (
        "1 gene with the same value in every sample.",
        "2 class names differ from another in nothing but case or spaces: are they the same?",
    )


def test_numeric_labels_and_patients_become_text_without_a_decimal_point(table):
    numbers = np.repeat(np.arange(30.0), 2)
    cohort = cohort_of(replace(table, obs=table.obs.assign(patient=numbers, type=pd.Categorical(np.arange(60) % 2))))
    assert cohort.classes == ("0", "1")
    assert set(cohort.patient_ids) == {str(number) for number in range(30)}


# ------------------------------------------------------------------------------------------------------------- digests


def test_row_order_covariates_notes_and_source_do_not_change_the_digest(table):
    order = np.random.default_rng(1).permutation(60)
    other = Table(
        values=table.values[order],
        sample_ids=tuple(table.sample_ids[row] for row in order),
        genes=table.genes,
        obs=table.obs.iloc[order].drop(columns="age"),
        source="other.csv",
        notes=("a note",),
    )
    assert cohort_of(other).digest() == cohort_of(table).digest()


def test_everything_that_training_sees_changes_the_digest(table):
    cohort = cohort_of(table)
    changed = [
        replace(cohort, X=cohort.X + np.float32(1e-6) * np.eye(60, 4, dtype=np.float32)),
        replace(cohort, y=cohort.y[::-1]),
        replace(cohort, patients=cohort.patients[::-1]),
        replace(cohort, classes=("BRCA", "LUAD", "other")),
        replace(cohort, patient_ids=("someone", *cohort.patient_ids[1:])),
        replace(cohort, sample_ids=("some", *cohort.sample_ids[1:])),
        replace(cohort, genes=("TP5", "37157", *cohort.genes[2:])),
        replace(cohort, scale="zscore"),
    ]
    assert len({cohort.digest(), *(other.digest() for other in changed)}) == len(changed) + 1


def test_sha256_is_the_content_where_there_is_no_file(table):
    assert cohort_of(table).sha256 == cohort_of(table).digest()
    bytes_read = hashlib.sha256(b"file").hexdigest()
    assert cohort_of(replace(table, sha256=bytes_read)).sha256 == bytes_read


# ------------------------------------------------------------------------------------------------------------ problems


@pytest.mark.parametrize(
    ("value", "noun"), [(np.nan, "2 missing values"), (np.inf, "2 infinite values"), (-np.inf, "2 infinite values")]
)
def test_values_that_are_no_numbers_are_counted_and_placed(table, value, noun):
    (problem,) = problems_of(with_value(table, value, (7, 0), (3, 2)))
    assert problem.startswith(f"{noun} (first: row 4, gene 'BRCA1').")


def test_missing_values_from_columns_are_placed_by_column(table):
    (problem,) = problems_of(replace(with_value(table, np.nan, (3, 2)), samples_in="sample column"))
    assert "first: sample column 4, gene 'BRCA1'" in problem


def test_duplicate_and_empty_names_are_counted_and_placed(table):
    twice = (*table.sample_ids[:5], table.sample_ids[1], " ", *table.sample_ids[7:])
    problems = problems_of(replace(table, sample_ids=twice, genes=("TP53", "A", "A", "")))
    assert [problem.partition(".")[0] for problem in problems] == [
        "1 empty sample id (first: row 7)",
        "1 duplicate sample id (first: row 6 repeats 2)",
        "1 empty gene name (first: gene number 4)",
        "1 duplicate gene name (first: gene number 3 repeats 2, 'A')",
    ]


@pytest.mark.parametrize("missing", ["", "  ", None, np.nan, "NA", "nan"])
def test_samples_without_a_class_are_counted_and_placed(table, missing):
    (problem,) = problems_of(with_obs(table, "type", {4: missing, 9: missing}))
    assert problem.startswith("2 samples without a class in column 'type' (rows 5, 10).")


@pytest.mark.parametrize("nobody", ["", None, "unknown", "Pooled", "NA", "n/a", "?"])
def test_a_placeholder_is_no_patient(table, nobody):
    (problem,) = problems_of(with_obs(table, "patient", {0: nobody}))
    assert problem.startswith("1 sample whose patient in column 'patient' is empty or a placeholder")
    assert "(row 1)" in problem


def test_one_class_is_not_enough(table):
    assert problems_of(replace(table, obs=table.obs.assign(type="LUAD"))) == (
        "1 class in column 'type'; a classifier needs at least 2.",
    )


def test_nineteen_patients_are_not_enough_and_twenty_are(table):
    patients = np.array([f"P{row}" for row in range(60)])
    twenty = replace(table, obs=table.obs.assign(patient=patients[np.arange(60) % 20]))
    assert cohort_of(twenty).n_patients == 20
    nineteen = replace(table, obs=table.obs.assign(patient=patients[np.arange(60) % 19]))
    assert problems_of(nineteen) == ("19 patients; an audit needs at least 20.",)


def test_unknown_columns_name_the_nearest(table):
    assert problems_of(table, label="tipe", patient="Patient ID", groups=["age", "sexe"]) == (
        "No column 'tipe' for the label. The nearest is 'type'. There are: 'age', 'type', 'patient', 'sex'.",
        "No column 'Patient ID' for the patient. The nearest is 'patient'. There are: 'age', 'type', 'patient', 'sex'.",
        "No column 'sexe' for the group. The nearest is 'sex'. There are: 'age', 'type', 'patient', 'sex'.",
    )


def test_a_column_that_is_there_twice_is_refused(table):
    twice = table.obs.set_axis(["type", "type", "patient", "sex"], axis=1)
    assert problems_of(replace(table, obs=twice)) == ("2 columns named 'type' for the label. Remove all but one.",)


def test_a_contradicted_scale_is_a_problem_beside_missing_values(table):
    missing, scale = problems_of(with_value(table, np.nan, (0, 0)), scale="counts")
    assert missing.startswith("1 missing value")
    assert scale.startswith("scale 'counts' is contradicted by values that are not whole numbers (239).")


def test_all_problems_are_raised_at_once_without_any_id(table):
    broken = with_obs(with_obs(with_value(table, np.nan, (3, 0)), "type", {5: None}), "patient", {6: "pooled"})
    broken = replace(broken, genes=("A", "A", "B", "C"), problems=("The reader found something.",))
    with pytest.raises(DataError) as caught:
        cohort_of(broken, scale="counts", min_class=11, groups=["stage"])
    assert len(caught.value.problems) == 8
    assert str(caught.value).startswith("lung.csv: 8 problems\n  1. The reader found something.\n  2. ")
    assert not any(name in str(caught.value) for name in (*table.sample_ids, *table.obs["patient"]) if name != "pooled")


def test_small_classes_are_a_problem_when_a_minimum_is_given(table):
    (problem,) = problems_of(table, min_class=11)
    assert problem.startswith("3 classes with fewer than 11 patients: 'BRCA' (10), 'LUAD' (10), 'LUSC' (10).")


@pytest.mark.parametrize("shape", [(0, 4), (60, 0)])
def test_an_empty_matrix_is_a_problem_and_no_crash(table, shape):
    empty = replace(
        table,
        values=np.empty(shape, dtype=np.float32),
        sample_ids=table.sample_ids[: shape[0]],
        genes=table.genes[: shape[1]],
        obs=table.obs[: shape[0]],
    )
    assert any(problem.startswith("No values: ") for problem in problems_of(empty))


def test_one_column_cannot_be_two_things(table):
    with pytest.raises(ConfigError, match="must be different columns"):
        cohort_of(table, groups=["type"])


def test_an_unknown_scale_lists_the_known_ones(table):
    with pytest.raises(ConfigError, match=r"(?s)'log'.*counts.*zscore"):
        cohort_of(table, scale="log")


# ------------------------------------------------------------------------------------------------------------- subsets


def test_a_subset_is_coded_anew_and_stays_sorted(table):
    cohort = cohort_of(table)
    rows = [41, 2, 40, 3]
    part = cohort.subset(rows)
    assert part.sample_ids == tuple(cohort.sample_ids[row] for row in sorted(rows))
    assert np.array_equal(part.X, cohort.X[sorted(rows)])
    assert part.classes == ("BRCA", "LUSC")
    assert [part.classes[code] for code in part.y] == [cohort.classes[cohort.y[row]] for row in sorted(rows)]
    assert part.patient_ids == ("P01", "P20")
    assert part.patients.tolist() == [0, 0, 1, 1]
    assert part.obs["age"].tolist() == cohort.obs["age"].iloc[sorted(rows)].tolist()
    assert list(part.obs.index) == [0, 1, 2, 3]


def test_a_mask_and_row_numbers_give_the_same_subset_and_all_rows_the_same_cohort(table):
    cohort = cohort_of(table)
    mask = cohort.patients < 25
    assert cohort.subset(mask).digest() == cohort.subset(np.flatnonzero(mask)[::-1]).digest()
    assert cohort.subset(np.arange(60)).digest() == cohort.digest()


@pytest.mark.parametrize("rows", [np.array([], dtype=int), [1, 1], np.zeros(60, dtype=bool)])
def test_a_subset_needs_rows_each_once(table, rows):
    with pytest.raises(ConfigError, match="each once"):
        cohort_of(table).subset(rows)


# ------------------------------------------------------------------------------------------------------------- AnnData


def anndata_of(table: Table, matrix=None) -> AnnData:
    obs = table.obs.set_axis(pd.Index(table.sample_ids), axis=0)
    return AnnData(X=table.values if matrix is None else matrix, obs=obs, var=pd.DataFrame(index=list(table.genes)))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_array, np.float64])
def test_anndata_gives_the_same_cohort_whatever_holds_its_values(table, kind):
    cohort = Cohort.from_anndata(anndata_of(table, kind(table.values)), label="type", patient="patient", scale="log2")
    assert cohort.digest() == cohort_of(table).digest()
    assert cohort.source == "AnnData object"
    assert isinstance(cohort.X, np.ndarray)


def test_backed_anndata_is_read(table, tmp_path):
    anndata_of(table).write_h5ad(tmp_path / "x.h5ad")
    backed = read_h5ad(tmp_path / "x.h5ad", backed="r")
    cohort = Cohort.from_anndata(backed, label="type", patient="patient", scale="log2")
    backed.file.close()
    assert cohort.digest() == cohort_of(table).digest()


def test_the_cohort_does_not_share_memory_with_the_anndata(table):
    adata = anndata_of(table)
    cohort = Cohort.from_anndata(adata, label="type", scale="log2")
    before = cohort.digest()
    adata.X[:] = 0
    adata.obs["sex"] = "changed"
    assert cohort.digest() == before
    assert set(cohort.obs["sex"]) == {"f", "m"}


def test_round_trip_through_anndata(table, tmp_path):
    cohort = cohort_of(table)
    adata = cohort.to_anndata(label="type", patient="who")
    assert list(adata.obs) == ["type", "who", "age", "sex"]
    assert adata.uns["scale"] == "log2"
    adata.write_h5ad(tmp_path / "x.h5ad")
    again = Cohort.from_anndata(read_h5ad(tmp_path / "x.h5ad"), label="type", patient="who", scale="log2")
    assert again.digest() == cohort.digest()
    assert again.obs["age"].tolist() == cohort.obs["age"].tolist()
    assert list(cohort.obs) == ["age", "sex"]


def test_to_anndata_refuses_names_of_covariates(table):
    with pytest.raises(ConfigError, match="'sex'"):
        cohort_of(table).to_anndata(label="sex")
    with pytest.raises(ConfigError, match="'who'"):
        cohort_of(table).to_anndata(label="who", patient="who")


def test_anndata_without_numbers_is_refused(table):
    with pytest.raises(DataError, match="There is no X"):
        Cohort.from_anndata(AnnData(obs=anndata_of(table).obs), label="type", scale="log2")
    words = anndata_of(table, np.full((60, 4), "high", dtype=object))
    with pytest.raises(DataError, match="does not hold real numbers"):
        Cohort.from_anndata(words, label="type", scale="log2")


def test_values_beyond_float32_are_infinite_not_silently_huge(table):
    matrix = table.values.astype(np.float64)
    matrix[0, 0] = 1e300
    with pytest.raises(DataError, match="1 infinite value"):
        Cohort.from_anndata(anndata_of(table, matrix), label="type", scale="log2")


def test_a_cohort_shows_itself_in_a_notebook_with_names_as_text_and_no_patient(table):
    obs = table.obs.assign(type=table.obs["type"].replace("BRCA", "<b>BRCA</b>"))
    cohort = make_cohort(replace(table, obs=obs), label="type", patient="patient", scale="log2")
    shown = cohort._repr_html_()
    assert "<b>" not in shown
    assert not [patient for patient in cohort.patient_ids if patient in shown]
    words = Page(f"<body>{shown}</body>").words
    assert words.startswith("60 samples of 30 patients4 genes on scale log2, from lung.csv.")
    assert "<b>BRCA</b>1020" in words
