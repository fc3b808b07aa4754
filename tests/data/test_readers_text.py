from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from genoaudit.data.cohort import Cohort
from genoaudit.data.labels import LabelsFile
from genoaudit.data.readers import read_cohort
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import cohort_digest

GENES = ["TP53", "7157", "1e5", "007", "BRCA1"]
SAMPLES = [f"S{number:02}" for number in range(40)]
DECLARED = {"label": "type", "patient": "patient", "scale": "log2"}


@pytest.fixture(params=["object strings", "pandas 3 strings"], autouse=True)
def pandas_strings(request):
    """Every test runs with the strings of pandas 2 and with those of pandas 3."""
    with pd.option_context("future.infer_string", request.param == "pandas 3 strings"):
        yield


@pytest.fixture
def values() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(8, 2, (40, 5)).round(3), index=SAMPLES, columns=GENES)


@pytest.fixture
def clinical() -> pd.DataFrame:
    patients = [f"0{number // 2:02}" for number in range(40)]
    age = [50 + number for number in range(39)] + [None]
    return pd.DataFrame(
        {"type": ["LUAD", "LUSC"] * 20, "patient": patients, "sex": ["f"] * 18 + ["m"] * 22, "age": age},
        index=pd.Index(SAMPLES, name="sample"),
    )


@pytest.fixture
def expected(values, clinical, tmp_path) -> Cohort:
    path = tmp_path / "expected.csv"
    clinical[["type", "patient", "sex"]].join(values).to_csv(path)
    return read_cohort(path, groups=["sex"], **DECLARED)


def refused(path, **given) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read_cohort(path, **{**DECLARED, **given})
    assert not any(sample in str(caught.value) for sample in SAMPLES)
    return caught.value.problems


def test_samples_in_rows_with_their_labels_among_the_columns(values, clinical, expected):
    assert expected.genes == tuple(GENES)
    assert expected.sample_ids == tuple(SAMPLES)
    assert np.array_equal(expected.X, values.to_numpy(dtype=np.float32))
    assert [expected.classes[code] for code in expected.y] == clinical["type"].tolist()
    assert [expected.patient_ids[code] for code in expected.patients] == clinical["patient"].tolist()
    assert list(expected.obs) == ["sex"]
    assert expected.obs["sex"].tolist() == clinical["sex"].tolist()
    assert expected.source == "expected.csv"


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".csv.gz", ".TSV.GZ"])
def test_genes_in_rows_with_labels_in_a_second_file(values, clinical, expected, tmp_path, suffix):
    path, labels = tmp_path / f"matrix{suffix}", tmp_path / "labels.tsv"
    values.T.iloc[:, ::-1].to_csv(
        path,
        sep="," if "csv" in suffix else "\t",
        index_label="gene",
        compression="gzip" if suffix.lower().endswith("gz") else None,
    )
    clinical.sample(frac=1, random_state=0).to_csv(labels, sep="\t")
    cohort = read_cohort(path, labels=LabelsFile(labels), groups=["sex"], **DECLARED)
    assert cohort.digest() == expected.digest()
    assert list(cohort.obs) == ["sex", "age"]
    assert cohort.obs["age"].tolist()[:39] == clinical["age"].tolist()[:39]
    assert cohort.sha256 == cohort_digest(path, labels)
    assert cohort.source == f"matrix{suffix} + labels.tsv"
    assert cohort.notes == ()


def test_samples_in_rows_with_labels_in_a_second_file(values, clinical, expected, tmp_path):
    values.join(clinical[["patient"]]).to_csv(tmp_path / "x.csv", index_label="id")
    clinical.drop(columns="patient").rename(columns={"type": "histology"}).to_csv(tmp_path / "l.csv")
    labels = LabelsFile(tmp_path / "l.csv", key="sample", column="histology")
    assert read_cohort(tmp_path / "x.csv", labels=labels, **DECLARED).digest() == expected.digest()


def test_file_row_order_changes_nothing_but_the_files_digest(values, clinical, expected, tmp_path):
    clinical.drop(columns="age").join(values).iloc[::-1].to_csv(tmp_path / "x.csv")
    cohort = read_cohort(tmp_path / "x.csv", groups=["sex"], **DECLARED)
    assert cohort.digest() == expected.digest()
    assert cohort.sha256 != expected.sha256
    assert cohort.obs.equals(expected.obs)


def test_r_tables_have_a_header_one_field_short(values, clinical, expected, tmp_path):
    for frame, name in ((values.T, "x.tsv"), (clinical, "l.tsv")):
        text = frame.to_csv(sep="\t", index_label="")
        (tmp_path / name).write_text(text.removeprefix('""').removeprefix("\t"))
    cohort = read_cohort(tmp_path / "x.tsv", labels=LabelsFile(tmp_path / "l.tsv"), **DECLARED)
    assert cohort.digest() == expected.digest()


def test_spreadsheets_write_a_mark_and_carriage_returns(values, clinical, expected, tmp_path):
    frame = clinical.drop(columns="age").join(values)
    frame.to_csv(tmp_path / "x.csv", encoding="utf-8-sig", lineterminator="\r\n", quoting=1)
    assert read_cohort(tmp_path / "x.csv", groups=["sex"], **DECLARED).digest() == expected.digest()


def test_ids_name_the_row_names_and_ignore_leaves_out_every_column_of_a_name(values, clinical, expected, tmp_path):
    frame = values.T
    frame.insert(0, "description", "a gene")
    frame.insert(1, "accession", GENES)
    header, body = list(frame.columns[:2]), frame.iloc[:, :2].to_numpy().tolist()
    for sample in SAMPLES:
        header += [sample, "call"]
        for row, value in zip(body, values[sample] if sample in values else values.T[sample], strict=True):
            row += [value, "P"]
    pd.DataFrame(body).to_csv(tmp_path / "x.csv", index=False, header=header)
    clinical.to_csv(tmp_path / "l.csv")
    labels = LabelsFile(tmp_path / "l.csv")
    given = {"labels": labels, "ids": "accession", **DECLARED}
    cohort = read_cohort(tmp_path / "x.csv", ignore=["call", "description"], **given)
    assert cohort.digest() == expected.digest()
    text, absent, twice = refused(tmp_path / "x.csv", ignore=["description"], labels=labels, ids="accession")
    assert text.startswith("40 sample columns with text among the numbers (first: sample column 2, gene 'TP53').")
    assert absent.startswith("40 samples of 80 not in l.csv (sample columns 2, 4, 6, 8, 10, ...).")
    assert twice.startswith("39 duplicate sample ids (first: sample column 4 repeats 2).")


def test_a_class_called_none_is_a_class_and_na_is_missing(values, clinical, tmp_path):
    kinds = clinical.assign(type=["none", "None"] * 20)
    kinds[["type", "patient"]].join(values).to_csv(tmp_path / "x.csv")
    assert read_cohort(tmp_path / "x.csv", **DECLARED).classes == ("None", "none")
    kinds.loc["S03", "type"] = "NA"
    kinds[["type", "patient"]].join(values).to_csv(tmp_path / "x.csv")
    (problem,) = refused(tmp_path / "x.csv")
    assert problem.startswith("1 sample without a class in column 'type' (row 4).")


@pytest.mark.parametrize("written", ["", "NA", "NaN", "nan"])
def test_missing_values_are_counted_and_placed(values, clinical, tmp_path, written):
    frame = clinical[["type", "patient"]].join(values.astype(object))
    frame.loc["S05", "007"] = frame.loc["S09", "TP53"] = written
    frame.to_csv(tmp_path / "x.csv")
    (problem,) = refused(tmp_path / "x.csv")
    assert problem.startswith("2 missing values (first: row 6, gene '007').")


def test_text_among_the_numbers_is_placed_and_is_not_a_missing_value(values, clinical, tmp_path):
    frame = clinical[["type", "patient", "sex"]].join(values.astype(object)).assign(smoker=True)
    frame.loc["S05", "007"] = "8,5"
    frame.to_csv(tmp_path / "x.csv")
    (problem,) = refused(tmp_path / "x.csv")
    assert problem.startswith("3 columns with text among the numbers (first: row 1, column 'sex').")
    (problem,) = refused(tmp_path / "x.csv", groups=["sex"], ignore=["smoker"])
    assert problem.startswith("1 column with text among the numbers (first: row 6, column '007').")


def test_infinite_values_are_found(values, clinical, tmp_path):
    frame = clinical[["type", "patient"]].join(values)
    frame.loc["S00", "BRCA1"] = np.inf
    frame.to_csv(tmp_path / "x.csv")
    (problem,) = refused(tmp_path / "x.csv")
    assert problem.startswith("1 infinite value (first: row 1, gene 'BRCA1').")


def test_repeated_genes_are_found_in_rows_and_in_columns(values, clinical, tmp_path):
    repeated = ["TP53", "7157", "TP53", "007", "TP53"]
    frame = clinical[["type", "patient"]].join(values)
    frame.to_csv(tmp_path / "x.csv", header=["type", "patient", *repeated])
    values.T.set_axis(repeated).to_csv(tmp_path / "t.csv", index_label="gene")
    clinical.to_csv(tmp_path / "l.csv")
    in_columns = refused(tmp_path / "x.csv")
    in_rows = refused(tmp_path / "t.csv", labels=LabelsFile(tmp_path / "l.csv"))
    assert in_columns == in_rows
    assert in_rows[0].startswith("2 duplicate gene names (first: gene number 3 repeats 1, 'TP53').")


def test_repeated_samples_are_found_in_rows_and_in_columns(values, clinical, tmp_path):
    names = [*SAMPLES[:39], SAMPLES[4]]
    clinical[["type", "patient"]].join(values).set_axis(names).to_csv(tmp_path / "x.csv", index_label="id")
    values.T.to_csv(tmp_path / "t.csv", index_label="gene", header=names)
    clinical.to_csv(tmp_path / "l.csv")
    (in_rows,) = refused(tmp_path / "x.csv")
    (in_columns,) = refused(tmp_path / "t.csv", labels=LabelsFile(tmp_path / "l.csv"))
    assert in_rows.startswith("1 duplicate sample id (first: row 40 repeats 5).")
    assert in_columns.startswith("1 duplicate sample id (first: sample column 40 repeats 5).")


def test_a_misspelt_label_names_the_nearest_column_and_hides_the_names_of_number_columns(values, clinical, tmp_path):
    clinical[["type", "patient"]].join(values).to_csv(tmp_path / "x.csv", index_label="id")
    (problem,) = refused(tmp_path / "x.csv", label="Types")
    assert problem.startswith("No column 'Types' for the label. The nearest is 'type'. There are: 'type'")
    *_, problem = refused(tmp_path / "x.csv", label="Types", orientation="samples")
    assert problem == "No column 'Types' for the label. The nearest is 'type'. There are: 'patient'."
    values.T.to_csv(tmp_path / "t.csv", index_label="gene")
    (problem,) = refused(tmp_path / "t.csv")
    assert problem.endswith("If genes are in rows, the labels need a file of their own.")


def test_unknown_ids_and_ignored_columns_name_the_nearest(values, clinical, tmp_path):
    clinical[["type", "patient"]].join(values).to_csv(tmp_path / "x.csv", index_label="sample_id")
    assert refused(tmp_path / "x.csv", ids="sampleid")[0].endswith("The nearest is 'sample_id'.")
    assert refused(tmp_path / "x.csv", ignore=["TP35"])[0].endswith("The nearest is 'TP53'.")


def test_a_file_without_row_names_does_not_lose_its_first_gene(values, clinical, tmp_path):
    values.assign(type=clinical["type"], patient=clinical["patient"]).to_csv(tmp_path / "x.csv", index=False)
    assert "Declare ids" in refused(tmp_path / "x.csv")[0]


def test_the_patient_may_be_the_column_of_row_names(values, clinical, tmp_path):
    clinical[["type"]].join(values).to_csv(tmp_path / "x.csv", index_label="donor")
    cohort = read_cohort(tmp_path / "x.csv", label="type", patient="donor", scale="log2")
    assert cohort.patient_ids == cohort.sample_ids
    assert list(cohort.obs) == []
    assert cohort.notes == ()


# --------------------------------------------------------------------------------------------------------- labels file


@pytest.fixture
def matrix(values, tmp_path):
    values.T.to_csv(tmp_path / "x.csv", index_label="gene")
    return tmp_path / "x.csv"


def test_samples_without_a_row_in_the_labels_file_are_named_by_number(matrix, clinical, tmp_path):
    clinical.drop(index=["S03", "S20"]).to_csv(tmp_path / "l.csv")
    (problem,) = refused(matrix, labels=LabelsFile(tmp_path / "l.csv"))
    assert problem.startswith("2 samples of 40 not in l.csv (sample columns 4, 21).")


def test_rows_of_the_labels_file_without_a_sample_are_noted(matrix, clinical, tmp_path):
    extra = clinical.set_axis([f"X{row}" for row in range(40)])
    pd.concat([clinical, extra]).to_csv(tmp_path / "l.csv", index_label="id")
    cohort = read_cohort(matrix, labels=LabelsFile(tmp_path / "l.csv"), **DECLARED)
    assert cohort.n_samples == 40
    assert cohort.notes == ("40 rows of l.csv without a sample in the matrix.",)


def test_a_sample_with_two_rows_in_the_labels_file_is_refused(matrix, clinical, tmp_path):
    pd.concat([clinical, clinical.iloc[[7]]]).to_csv(tmp_path / "l.csv")
    (problem,) = refused(matrix, labels=LabelsFile(tmp_path / "l.csv"))
    assert problem.startswith("1 duplicate sample id in l.csv (first: row 41).")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"column": "typ"}, "No column 'typ' for the label. The nearest is 'type'. There are: 'sample', 'type', "),
        ({"key": "Sample"}, "No column 'Sample' for the sample ids. The nearest is 'sample'."),
        ({"column": "sex"}, "Both 'type' and 'sex' could be the label."),
    ],
)
def test_unknown_columns_of_the_labels_file_are_named(matrix, clinical, tmp_path, given, message):
    clinical.to_csv(tmp_path / "l.csv")
    with pytest.raises(DataError) as caught:
        read_cohort(matrix, labels=LabelsFile(tmp_path / "l.csv", **given), **DECLARED)
    assert caught.value.source == "l.csv"
    assert caught.value.problems[0].startswith(message)


def test_a_column_that_is_twice_in_the_labels_file_is_refused(matrix, clinical, tmp_path):
    clinical.to_csv(tmp_path / "l.csv", header=["type", "patient", "sex", "sex"])
    with pytest.raises(DataError, match="1 column name more than once: 'sex'"):
        read_cohort(matrix, labels=LabelsFile(tmp_path / "l.csv"), **DECLARED)


def test_a_label_in_both_files_is_refused(values, clinical, tmp_path):
    clinical[["type", "patient"]].join(values).to_csv(tmp_path / "x.csv")
    clinical.to_csv(tmp_path / "l.csv")
    assert (
        "a column of the matrix and of l.csv" in refused(tmp_path / "x.csv", labels=LabelsFile(tmp_path / "l.csv"))[0]
    )


def test_ids_found_nowhere_or_on_both_sides_ask_for_a_declaration(values, clinical, tmp_path):
    values.T.to_csv(tmp_path / "x.csv", index_label="gene")
    clinical.set_axis([f"X{row}" for row in range(40)]).to_csv(tmp_path / "l.csv", index_label="id")
    (problem,) = refused(tmp_path / "x.csv", labels=LabelsFile(tmp_path / "l.csv"))
    assert problem.startswith("0 rows and 0 columns with a name that is a sample id in l.csv")
    # Numbered patients and Entrez numbers of genes look alike.
    numbered = [str(number) for number in range(40)]
    values.T.set_axis(["0", "1", "900", "901", "902"]).to_csv(tmp_path / "x.csv", index_label="gene", header=numbered)
    clinical.set_axis(numbered).to_csv(tmp_path / "l.csv", index_label="id")
    (problem,) = refused(tmp_path / "x.csv", labels=LabelsFile(tmp_path / "l.csv"))
    assert problem.startswith("2 rows and 40 columns with a name")
    assert 'Declare orientation = "samples" or "genes"' in problem
    cohort = read_cohort(tmp_path / "x.csv", orientation="genes", labels=LabelsFile(tmp_path / "l.csv"), **DECLARED)
    assert (cohort.n_samples, cohort.n_genes) == (40, 5)


def test_genes_in_rows_need_a_labels_file(matrix):
    with pytest.raises(ConfigError, match="needs a labels file"):
        read_cohort(matrix, orientation="genes", **DECLARED)


def test_reading_reports_the_problems_of_both_files_at_once(values, clinical, tmp_path):
    values.iloc[0, 0] = np.nan
    values.T.set_axis(["A", "A", "B", "C", "D"]).to_csv(tmp_path / "x.csv", index_label="gene")
    clinical.drop(index="S03").to_csv(tmp_path / "l.csv")
    problems = refused(tmp_path / "x.csv", scale="counts", labels=LabelsFile(tmp_path / "l.csv"))
    assert [problem.partition(" (")[0].partition(" by ")[0] for problem in problems] == [
        "1 sample of 40 not in l.csv",
        "1 duplicate gene name",
        "1 missing value",
        "scale 'counts' is contradicted",
    ]


# ------------------------------------------------------------------------------------------------------- damaged files


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "is empty."),
        ("x.csv", b"id,type,TP53\n", "has a header but no rows."),
        ("x.csv", b"\nid,type,TP53\n", "starts with an empty line"),
        ("x.csv", b"id;type;TP53\na;A;1,5\n", "has no comma in its first line"),
        ("x.tsv", b"id,type,TP53\na,A,1\n", "has no tab in its first line"),
        ("x.csv", b"id,type,TP53\na,A,1,2,3\n", "is not a table: 3 fields in the header and 5 in the first row."),
        ("x.csv", b"id,type,TP53\na,A,1\nb,B,2,3\n", "is not a table: Expected 3 fields in line 3, saw 4."),
        ("x.csv", b'id,type,TP53\na,A,"1\nb,B,2\n', "is not a table: EOF inside string"),
        ("x.csv", b"id,type,TP53\n\xe9,A,1\n", "is not UTF-8 text."),
        ("x.csv", gzip.compress(b"id,type,TP53\na,A,1\n", mtime=0), "is not UTF-8 text."),
        ("x.csv.gz", b"id,type,TP53\na,A,1\n", "is truncated, damaged or not gzip-compressed"),
        ("x.csv.gz", gzip.compress(b"id,type,TP53\na,A,1\n" * 99, mtime=0)[:-20], "is truncated, damaged"),
        ("x.csv.gz", gzip.compress(b"id,type,TP53\na,A,1\n" * 99, mtime=0)[:-8] + b"checksum", "is truncated, damaged"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused_in_one_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_cohort(tmp_path / name, **DECLARED)
    assert str(caught.value).startswith(f"{name}: {message}")
    assert "\n" not in str(caught.value)
