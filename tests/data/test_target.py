import numpy as np
import pandas as pd
import pytest

from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.target import read_target
from genoaudit.errors import DataError

COHORT = simulate_cohort(patients=30, genes=20, classes=3, seed=0)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=COHORT.n_samples)
    table = pd.DataFrame({"sample": COHORT.sample_ids, "member": COHORT.patients < 12})
    return table.join(pd.DataFrame(proba, columns=list(COHORT.classes)))


def write(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


@pytest.mark.parametrize("name", ["scores.csv", "scores.tsv.gz", "scores.parquet"])
def test_members_and_probabilities_come_in_the_order_of_the_cohort(frame, tmp_path, name):
    shuffled = frame.sample(frac=1, random_state=1)
    target = read_target(write(shuffled, tmp_path / name), COHORT)
    assert np.array_equal(target.members, np.arange(30) < 12)
    assert target.proba == pytest.approx(frame[list(COHORT.classes)].to_numpy(), abs=1e-9)
    assert target.source == name


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("Yes", "no"), ("member", "non_member"), ("TRUE", "FALSE")])
def test_membership_is_read_in_the_words_people_use(frame, tmp_path, yes, no):
    frame["member"] = np.where(frame["member"], yes, no)
    assert read_target(write(frame, tmp_path / "s.csv"), COHORT).members.sum() == 12


def test_rows_of_other_samples_are_left_out_and_columns_can_be_named(frame, tmp_path):
    other = frame.iloc[:2].assign(sample=["alien-1", "alien-2"])
    both = pd.concat([other, frame]).rename(columns={"sample": "id", "member": "train"})
    both = both[["train", *COHORT.classes, "id"]]
    target = read_target(write(both, tmp_path / "s.csv"), COHORT, sample="id", member="train")
    assert target.members.sum() == 12


def said(frame, tmp_path, **keywords):
    with pytest.raises(DataError) as caught:
        read_target(write(frame, tmp_path / "s.csv"), COHORT, **keywords)
    assert not any(name in str(caught.value) for name in COHORT.sample_ids)
    return str(caught.value)


def test_every_problem_is_named_without_naming_anybody(frame, tmp_path):
    assert "No column 'membre'" in said(frame, tmp_path, member="membre")
    assert "no row for 1 sample of the cohort's" in said(frame.drop(index=3), tmp_path)
    assert "given twice (first: row" in said(pd.concat([frame, frame.iloc[4:5]]), tmp_path)
    assert "neither yes nor no, 0 of them blank (first: row 1)" in said(frame.assign(member="perhaps"), tmp_path)
    assert "no probability:" in said(frame.assign(**{COHORT.classes[0]: 1.5}), tmp_path)
    assert "do not add up to 1" in said(frame.assign(**{COHORT.classes[0]: 0.0}), tmp_path)
    assert "both the sample ids and the membership" in said(frame, tmp_path, member="sample")
    blank = frame.astype({"member": object})
    blank.loc[3, "member"] = ""
    assert "1 value in column 'member' neither yes nor no, 1 of them blank (first: row 4)" in said(blank, tmp_path)
    assert "non-members to compare with are missing" in said(frame.assign(member=True), tmp_path)
    assert ": members are missing" in said(frame.assign(member=False), tmp_path)
    twice = np.flatnonzero(np.bincount(COHORT.patients)[COHORT.patients] > 1)[0]
    torn = frame.copy()
    torn.loc[twice, "member"] = not torn.loc[twice, "member"]
    assert "1 patient with samples on both sides" in said(torn, tmp_path)


def test_what_is_no_table_is_refused(tmp_path):
    for name, text in (("a.csv", "does not exist"), ("a.xlsx", "unknown suffix")):
        with pytest.raises(DataError, match=text):
            read_target(tmp_path / name, COHORT)
    (tmp_path / "b.parquet").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_target(tmp_path / "b.parquet", COHORT)
