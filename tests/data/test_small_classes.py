from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from genoaudit.data.cohort import Cohort, make_cohort
from genoaudit.data.small_classes import apply_small_classes, check_policy, patients_per_class
from genoaudit.data.table import Table
from genoaudit.errors import ConfigError, DataError


def cohort_of(**sizes: int) -> Cohort:
    """A cohort with so many patients per class, one sample each."""
    labels = [name for name, size in sizes.items() for _ in range(size)]
    n = len(labels)
    obs = pd.DataFrame({"type": labels, "patient": [f"P{row}" for row in range(n)], "age": range(n)})
    values = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    table = Table(values, tuple(f"S{row:03}" for row in range(n)), ("g1", "g2"), obs, source="types.csv")
    return make_cohort(table, label="type", patient="patient", scale="counts")


def class_names(cohort: Cohort) -> list[str]:
    return [cohort.classes[code] for code in cohort.y]


def test_patients_are_counted_not_samples():
    rng = np.random.default_rng(0)
    y, patients = rng.integers(0, 5, 300), rng.integers(0, 40, 300)
    seen = defaultdict(set)
    for code, patient in zip(y, patients, strict=True):
        seen[code].add(patient)
    assert patients_per_class(y, patients, 6).tolist() == [*(len(seen[code]) for code in range(5)), 0]


@pytest.mark.parametrize("policy", ["error", "drop", "merge"])
def test_large_enough_classes_are_left_alone(policy):
    cohort = cohort_of(A=12, B=8)
    assert apply_small_classes(cohort, policy, 8) is cohort


def test_error_lists_every_small_class_with_its_patients_and_the_choices():
    with pytest.raises(DataError) as caught:
        apply_small_classes(cohort_of(A=20, B=7, C=1, D=8), "error", 8)
    (problem,) = caught.value.problems
    assert problem.startswith("2 classes with fewer than 8 patients: 'B' (7), 'C' (1).")
    assert all(word in problem for word in ('"drop"', '"merge"', '"error"', "min_class"))


def test_a_class_with_many_samples_of_few_patients_is_small():
    cohort = cohort_of(A=20, B=20)
    few = np.where(cohort.y == 1, 20 + cohort.patients % 4, cohort.patients)
    table = Table(
        cohort.X,
        cohort.sample_ids,
        cohort.genes,
        pd.DataFrame({"type": class_names(cohort), "patient": few}),
        source="types.csv",
    )
    with pytest.raises(DataError, match=r"'B' \(4\)"):
        apply_small_classes(make_cohort(table, label="type", patient="patient", scale="counts"), "error", 8)


def test_drop_leaves_out_exactly_the_samples_of_small_classes_and_says_so():
    cohort = cohort_of(A=20, B=3, C=9, D=1)
    rest = apply_small_classes(cohort, "drop", 8)
    kept = [row for row, name in enumerate(class_names(cohort)) if name in "AC"]
    assert rest.classes == ("A", "C")
    assert rest.sample_ids == tuple(cohort.sample_ids[row] for row in kept)
    assert np.array_equal(rest.X, cohort.X[kept])
    assert rest.obs["age"].tolist() == kept
    assert rest.n_patients == 29
    assert rest.notes[-1] == (
        "small_classes = drop: 4 samples of 2 classes left out, 'B' (3 patients), 'D' (1 patient)."
    )


def test_merge_makes_one_class_and_touches_nothing_else():
    cohort = cohort_of(A=20, B=5, Z=9, C=4)
    merged = apply_small_classes(cohort, "merge", 8)
    assert merged.classes == ("A", "Z", "other")
    assert class_names(merged) == [name if name in "AZ" else "other" for name in class_names(cohort)]
    assert np.array_equal(merged.X, cohort.X)
    assert merged.sample_ids == cohort.sample_ids
    assert np.array_equal(merged.patients, cohort.patients)
    assert merged.notes[-1] == (
        "small_classes = merge: 9 samples of 2 classes now 'other', 'B' (5 patients), 'C' (4 patients)."
    )


def test_a_small_class_named_other_is_merged_with_the_rest():
    merged = apply_small_classes(cohort_of(A=20, other=5, C=4), "merge", 8)
    assert merged.classes == ("A", "other")
    assert patients_per_class(merged.y, merged.patients, 2).tolist() == [20, 9]


def test_merge_refuses_a_name_that_is_taken_and_a_class_that_stays_small():
    with pytest.raises(DataError) as caught:
        apply_small_classes(cohort_of(A=20, other=9, B=3, C=2), "merge", 8)
    taken, still_small = caught.value.problems
    assert "There is a class 'other' already" in taken
    assert "5 patients together, fewer than 8" in still_small


def test_patients_in_several_merged_classes_count_once():
    cohort = cohort_of(A=20, B=5, C=5)
    patients = np.where(np.arange(30) >= 25, np.arange(30) - 5, np.arange(30))
    obs = pd.DataFrame({"type": class_names(cohort), "patient": patients})
    table = Table(cohort.X, cohort.sample_ids, cohort.genes, obs, source="types.csv")
    with pytest.raises(DataError, match="5 patients together"):
        apply_small_classes(make_cohort(table, label="type", patient="patient", scale="counts"), "merge", 8)


@pytest.mark.parametrize(
    ("policy", "sizes", "message"),
    [
        ("drop", {"A": 30, "B": 3}, "1 class left"),
        ("drop", {"A": 5, "B": 5, "C": 5, "D": 5}, "0 classes left"),
        ("drop", {"A": 9, "B": 9, "C": 5}, "18 patients; an audit needs at least 20"),
        ("merge", {"A": 5, "B": 5, "C": 5, "D": 5}, "1 class left"),
    ],
)
def test_a_policy_that_leaves_too_little_is_refused(policy, sizes, message):
    with pytest.raises(DataError, match=message):
        apply_small_classes(cohort_of(**sizes), policy, 8)


def test_the_policy_is_checked():
    with pytest.raises(ConfigError, match="'keep' is not known"):
        check_policy("keep", 8)
    with pytest.raises(ConfigError, match="min_class = 3: at least 4"):
        apply_small_classes(cohort_of(A=20, B=20), "error", 3)
    check_policy("drop", 4)
