import json

import numpy as np
import pytest
from sample_patients import build_patients, build_release_patients

from genoaudit.report.patient_rows import columns_of, first_rows, patient_block, script_json


def by_key(block):
    return {column["key"]: column for column in block["columns"]}


def test_the_block_holds_every_patient_in_order_rounded_to_what_is_shown():
    patients = build_patients(50)
    block = patient_block(patients)
    found = by_key(block)
    assert found["rank"]["values"] == list(range(1, 51))
    assert found["pseudonym"]["values"] == patients["pseudonym"].tolist()
    np.testing.assert_allclose(found["auc"]["values"], patients["auc"], atol=0.005001)
    np.testing.assert_allclose(found["auc"]["high"], patients["auc_high"], atol=0.005001)
    assert [block["classes"][code] for code in found["class"]["values"]] == patients["class"].tolist()
    assert found["flagged"]["values"] == patients["flagged"].astype(int).tolist()


def test_identifiers_are_not_in_the_block_unless_they_are_asked_for():
    patients = build_patients(20)
    names = dict(zip(patients["pseudonym"], patients["patient_id"], strict=True))
    assert "ID-" not in json.dumps(patient_block(patients))
    assert by_key(patient_block(patients, names=names))["pseudonym"]["values"] == patients["patient_id"].tolist()


def test_the_columns_are_those_that_an_audit_knows_something_of():
    recipe = [column.key for column in columns_of(build_patients(20))]
    release = [column.key for column in columns_of(build_release_patients(20))]
    assert recipe == ["rank", "pseudonym", "class", "samples", "auc", "d_prime", "flagged"]
    assert release == ["rank", "pseudonym", "class", "samples", "member", "score", "non_members_below"]


def test_the_first_rows_read_as_the_script_shows_them():
    patients = build_release_patients(60)
    rows = first_rows(patient_block(patients), most=3)
    first = patients.iloc[0]
    assert len(rows) == 3
    assert rows[0] == (
        "1",
        first["pseudonym"],
        first["class"],
        str(first["samples"]),
        "yes" if first["member"] else "no",
        f"{first['score']:.2f}",
        f"{first['non_members_below']:.3f}",
    )


def test_a_number_that_is_missing_is_null_and_a_dash():
    patients = build_patients(5)
    patients.loc[0, "auc"] = np.nan
    block = patient_block(patients)
    assert by_key(block)["auc"]["values"][0] is None
    place = [column["key"] for column in block["columns"]].index("auc")
    assert first_rows(block)[0][place] == "\N{EM DASH}"


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", "<!--<script>", "a&b", "\u2028", 'quo"te\\'])
def test_no_name_can_end_the_element_and_every_name_comes_back(name):
    text = script_json({"classes": [name]})
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(text)
    assert json.loads(text)["classes"] == [name]


def test_ten_thousand_patients_take_less_than_a_megabyte():
    names = tuple(f"cancer type number {number}" for number in range(33))
    assert len(script_json(patient_block(build_patients(10_000, names)))) < 1_000_000
