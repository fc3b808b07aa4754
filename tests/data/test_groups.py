from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from genoaudit.data.groups import patient_classes, patient_groups
from genoaudit.data.simulate import simulate_cohort
from genoaudit.errors import ConfigError


def cohort(**obs):
    """Three patients, the last with two samples of different classes."""
    return SimpleNamespace(
        classes=("BRCA", "LUAD"), y=np.array([0, 1, 0, 1]), patients=np.array([0, 1, 2, 2]), obs=pd.DataFrame(obs)
    )


def test_a_patient_of_two_classes_is_in_a_group_of_both():
    assert list(patient_classes(cohort())) == ["BRCA", "LUAD", "BRCA + LUAD"]


def test_covariates_become_groups_and_nobody_is_left_out():
    groups = patient_groups(cohort(sex=["f", "", "m", "m"], site=["A", None, "B", "C"]), ["sex", "site"])
    assert list(groups) == ["class", "number of samples", "sex", "site"]
    assert list(groups["sex"]) == ["f", "(missing)", "m"]
    assert list(groups["site"]) == ["A", "(missing)", "(varies)"]


def test_a_fine_numeric_covariate_is_cut_into_quarters_and_a_coarse_one_kept():
    n = 40
    many = SimpleNamespace(
        classes=("a",),
        y=np.zeros(n, int),
        patients=np.arange(n),
        obs=pd.DataFrame({"age": np.arange(n, dtype=float), "stage": np.arange(n) % 3}),
    )
    many.obs.loc[0, "age"] = np.nan
    groups = patient_groups(many, ["age", "stage"])
    assert len(set(groups["age"])) == 5
    assert groups["age"][0] == "(missing)"
    assert set(groups["stage"]) == {"0", "1", "2"}


def test_categorical_columns_with_missing_values_are_read_as_text():
    groups = patient_groups(cohort(race=pd.Categorical(["x", None, "y", "y"])), ["race"])
    assert list(groups["race"]) == ["x", "(missing)", "y"]


def test_an_unknown_covariate_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="no covariate 'sxe' to group by; the cohort has: sex"):
        patient_groups(cohort(sex=["f", "m", "m", "m"]), ["sxe"])


def test_patients_with_more_samples_are_a_group_of_their_own_where_there_are_any():
    cohort = simulate_cohort(patients=40, genes=20, classes=2, seed=0, repeat_share=0.4)
    groups = patient_groups(cohort)
    assert set(groups) == {"class", "number of samples"}
    assert [int(label) for label in groups["number of samples"]] == np.bincount(cohort.patients).tolist()
    single = simulate_cohort(patients=40, genes=20, classes=2, seed=0, repeat_share=0.0)
    assert set(patient_groups(single)) == {"class"}
