import dataclasses

import numpy as np
import pytest

from genoaudit import simulate_cohort
from genoaudit.data.membership import draw_members, everybody, members_by_column, members_by_file
from genoaudit.errors import ConfigError, DataError

COHORT = simulate_cohort(patients=60, genes=20, classes=2, seed=3)
HALF = np.arange(60) % 2 == 0
ROWS = HALF[COHORT.patients]


def with_column(values):
    return dataclasses.replace(COHORT, obs=COHORT.obs.assign(split=values))


@pytest.mark.parametrize(("yes", "no"), [(True, False), (1, 0), ("Train", "test"), ("member", "non_member")])
def test_a_column_may_say_it_in_several_words(yes, no):
    found = members_by_column(with_column(np.where(ROWS, yes, no)), "split")
    np.testing.assert_array_equal(found.members, HALF)
    assert found.given_by == "column 'split' of the cohort"


def test_a_column_with_other_words_blanks_or_torn_patients_is_refused_by_row():
    words = np.where(ROWS, "yes", "no").astype(object)
    words[[4, 7]] = ["perhaps", ""]
    with pytest.raises(
        DataError, match=r"2 values in column 'split' neither yes nor no, 1 of them blank \(first: row 5"
    ):
        members_by_column(with_column(words), "split")
    with pytest.raises(DataError, match=r"No column 'splt' for the members.*'split'"):
        members_by_column(with_column(words), "splt")
    several = simulate_cohort(patients=40, genes=10, classes=2, seed=1, repeat_share=0.5)
    torn = dataclasses.replace(several, obs=several.obs.assign(split=np.arange(several.n_samples) % 2))
    with pytest.raises(DataError, match=r"patients? with samples on both sides"):
        members_by_column(torn, "split")


@pytest.mark.parametrize("header", ["", "patient_id\n"])
@pytest.mark.parametrize("what", ["patients", "samples"])
def test_a_file_may_name_patients_or_samples(tmp_path, header, what):
    ids = np.array(COHORT.patient_ids)[HALF] if what == "patients" else np.array(COHORT.sample_ids)[ROWS]
    (tmp_path / "members.txt").write_text(header + "\n".join(ids[::-1]) + "\n\n")
    np.testing.assert_array_equal(members_by_file(COHORT, tmp_path / "members.txt").members, HALF)


def test_a_file_may_be_csv_with_quotes_where_an_id_needs_them(tmp_path):
    odd = {COHORT.patient_ids[0]: "a, b", COHORT.patient_ids[2]: 'say "x"'}
    cohort = dataclasses.replace(COHORT, patient_ids=tuple(odd.get(name, name) for name in COHORT.patient_ids))
    (tmp_path / "members.csv").write_text('patient_id,note\n"a, b",first\n"say ""x""",\n')
    np.testing.assert_array_equal(np.flatnonzero(members_by_file(cohort, tmp_path / "members.csv").members), [0, 2])


def test_strangers_in_a_file_are_named_by_line_only(tmp_path):
    path = tmp_path / "members.txt"
    path.write_text("\n".join([*COHORT.patient_ids[:5], "SECRET-1", COHORT.patient_ids[6], "SECRET-2"]))
    with pytest.raises(DataError, match=r"2 lines of 8 with no patient of this cohort \(first: line 6\)") as caught:
        members_by_file(COHORT, path)
    assert "SECRET" not in str(caught.value)
    path.write_text("\n\n")
    with pytest.raises(DataError, match="names nobody"):
        members_by_file(COHORT, path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        members_by_file(COHORT, path)


def test_a_draw_is_repeatable_stratified_and_of_the_share_asked_for():
    first, again = (draw_members(COHORT, share=0.7, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.members, again.members)
    assert first.members.sum() == 42
    assert not np.array_equal(first.members, draw_members(COHORT, share=0.7, seed=6).members)
    label = COHORT.y[np.unique(COHORT.patients, return_index=True)[1]]
    shares = [first.members[label == code].mean() for code in (0, 1)]
    np.testing.assert_allclose(shares, 0.7, atol=0.05)


def test_impossible_shares_are_refused():
    with pytest.raises(ConfigError, match="leaves nobody on one side"):
        draw_members(COHORT, share=0.999, seed=0)
    with pytest.raises(DataError, match="two patients on each side"):
        draw_members(COHORT, share=0.97, seed=0)


def test_everybody_is_everybody():
    assert everybody(COHORT).everybody
    assert not draw_members(COHORT, share=0.5, seed=0).everybody
