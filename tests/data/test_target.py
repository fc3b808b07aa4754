import gzip
import hashlib
import time

import numpy as np
import pandas as pd
import pytest

from genoaudit.contracts import FLOOR
from genoaudit.data import target as module
from genoaudit.data.membership import Membership
from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.target import Target, need_both_sides, read_target
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
    assert np.exp(target.log_proba) == pytest.approx(frame[list(COHORT.classes)].to_numpy(), abs=1e-9)
    assert target.source == name
    assert target.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert target.members_by == f"column 'member' of {name}"
    assert target.kind == "scores"
    assert target.model is None


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


def test_a_probability_of_zero_is_finite_as_a_logarithm(frame, tmp_path):
    frame.loc[0, list(COHORT.classes)] = [1.0, 0.0, 0.0]
    log_proba = read_target(write(frame, tmp_path / "s.csv"), COHORT).log_proba
    assert log_proba[0].tolist() == [0.0, np.log(FLOOR), np.log(FLOOR)]


@pytest.mark.parametrize("value", ["1e400", "-1e400", "9" * 400, "1" + "0" * 30, "inf", "nan", "<script>", ""])
def test_numbers_that_are_none_are_refused(frame, tmp_path, value):
    frame = frame.astype({COHORT.classes[1]: object})
    frame.loc[5, COHORT.classes[1]] = value
    assert "no probability: 1 value (first: row 6, column 'type-2')" in said(frame, tmp_path)


def test_members_may_be_said_elsewhere(frame, tmp_path):
    half = Membership(np.arange(30) < 15, "a share of 0.5 drawn by seed")
    path = write(frame.drop(columns="member"), tmp_path / "s.csv")
    target = read_target(path, COHORT, members=half)
    assert (target.members.sum(), target.members_by) == (15, "a share of 0.5 drawn by seed")
    with pytest.raises(DataError, match="No column 'member'"):
        read_target(path, COHORT)


def test_two_accounts_of_the_members_must_agree(frame, tmp_path):
    path = write(frame, tmp_path / "s.csv")
    same = Membership(np.arange(30) < 12, "file members.txt")
    assert read_target(path, COHORT, members=same).members_by == "file members.txt"
    other = Membership((np.arange(30) >= 2) & (np.arange(30) < 15), "file members.txt")
    with pytest.raises(
        DataError, match=r"disagree: 12 by column 'member' of s\.csv, 13 by file members\.txt; 2 only by the"
    ) as caught:
        read_target(path, COHORT, members=other)
    assert "3 only by the second" in str(caught.value)
    assert not any(name in str(caught.value) for name in COHORT.patient_ids)


@pytest.mark.parametrize(("members", "said"), [(True, "non-members to compare with"), (False, "members")])
def test_an_empty_side_is_refused(members, said):
    target = Target(np.full(30, members), np.zeros((COHORT.n_samples, 3)), "model")
    with pytest.raises(DataError, match=rf"patients were members: {said} are missing"):
        need_both_sides(target, COHORT)


def test_tables_that_unpack_to_too_much_are_refused(frame, tmp_path, monkeypatch):
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"sample,member\n" + bytes(100_000)))
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000)
    with pytest.raises(DataError, match="more than 10,000 bytes of text"):
        read_target(tmp_path / "bomb.csv.gz", COHORT)
    monkeypatch.setattr(module, "_MOST_VALUES", 100)
    with pytest.raises(DataError, match="too many for scores"):
        read_target(write(frame, tmp_path / "s.parquet"), COHORT)


def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path):
    wide = ",".join(f"c{number}" for number in range(300_000))
    began = time.perf_counter()
    for text in (f"{wide}\n{wide}\n", f"a\n{wide}\n"):
        (tmp_path / "wide.csv").write_text(text)
        with pytest.raises(DataError, match="has 300,000 columns, too many for scores"):
            read_target(tmp_path / "wide.csv", COHORT)
    assert time.perf_counter() - began < 5


def test_rows_longer_than_the_header_are_refused(tmp_path):
    (tmp_path / "long.csv").write_text("a,b\n1,2,3,4\n")
    with pytest.raises(DataError, match="2 fields in the header and 4 in the first row"):
        read_target(tmp_path / "long.csv", COHORT)


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_rounded_probabilities_may_miss_their_sum_by_half_a_last_decimal_each(frame, tmp_path, name):
    classes = list(COHORT.classes)
    frame.loc[:, classes] = frame[classes].round(1)
    frame.loc[4, classes] = [0.3, 0.3, 0.3]  # of thirds
    target = read_target(write(frame, tmp_path / name), COHORT)
    assert np.exp(target.log_proba[4]) == pytest.approx([1 / 3] * 3)
    assert np.exp(target.log_proba).sum(axis=1) == pytest.approx(1)
    told = f"{name} gives probabilities to 1 decimal, which add up to 0.9 to 1.1 in a row; each was divided by the sum"
    assert target.notes == (f"{told} of its row.",)
    frame.loc[4, classes] = [0.3, 0.3, 0.2]
    with pytest.raises(DataError, match=r"1 sample whose probabilities do not add up to 1 \(first: row 5, 0\.8\)"):
        read_target(write(frame, tmp_path / name), COHORT)


def test_eleven_classes_of_two_decimals_may_add_up_to_ninety_five_hundredths():
    shares = np.array([[0.95] + [0.004] * 10, [0.5, 0.5] + [0.0] * 9]).round(2)
    classes = list("abcdefghijk")
    assert module._probabilities(pd.DataFrame(shares, columns=classes), [1, 2], classes)[1] == []
    nothing = pd.DataFrame(np.zeros((1, 11)), columns=classes)
    assert "do not add up to 1" in module._probabilities(nothing, [1], classes)[1][0]
    assert module._probabilities(nothing.iloc[:0], [], classes)[1] == []


def test_probabilities_in_full_keep_the_strict_rule_and_their_values(frame, tmp_path):
    classes = list(COHORT.classes)
    target = read_target(write(frame, tmp_path / "s.csv"), COHORT)
    assert target.notes == ()
    frame.loc[4, classes] *= 0.97
    assert "do not add up to 1 (first: row 5, 0.97)" in said(frame, tmp_path)


def test_damaged_tables_end_in_one_message(frame, tmp_path):
    write(frame, tmp_path / "s.csv.gz")
    whole = (tmp_path / "s.csv.gz").read_bytes()
    for name, content in (
        ("half.csv.gz", gzip.compress(whole)[: len(whole) // 2]),
        ("plain.csv.gz", b"sample,member"),
        ("empty.csv", b""),
        ("binary.csv", b"\xff\xfe\x00"),
        ("half.parquet", write(frame, tmp_path / "s.parquet").read_bytes()[:-50]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: cannot be read as a table"):
            read_target(tmp_path / name, COHORT)
