"""What stands in front of a patient's numbers."""

import numpy as np
import pandas as pd
import pytest

from genoaudit import simulate_cohort
from genoaudit.data.groups import patient_groups
from genoaudit.report import summary

COHORT = simulate_cohort(patients=60, genes=20, classes=2, seed=1)
GROUPS = patient_groups(COHORT, ("sex",))


@pytest.fixture
def table():
    return pd.DataFrame({"rank": np.random.default_rng(0).permutation(COHORT.n_patients) + 1})


def test_pseudonyms_are_new_in_every_run_and_drawn_from_the_seed_only_in_a_replay(table):
    first, second = (summary.patients(COHORT, table, GROUPS, seed=None) for _ in range(2))
    assert sorted(first["pseudonym"]) == sorted(second["pseudonym"]) == [f"P{i:02d}" for i in range(1, 61)]
    assert not first["pseudonym"].equals(second["pseudonym"])  # equal once in 60! runs
    replays = [summary.patients(COHORT, table, GROUPS, seed=seed) for seed in (0, 0, 1)]
    assert replays[0].equals(replays[1])
    assert not replays[0]["pseudonym"].equals(replays[2]["pseudonym"])


def test_every_patient_keeps_the_own_numbers_and_groups(table):
    named = summary.patients(COHORT, table, GROUPS, seed=None)
    assert named["rank"].is_monotonic_increasing
    own = named.set_index("patient_id").loc[list(COHORT.patient_ids)]
    assert own["rank"].tolist() == table["rank"].tolist()
    assert own["samples"].tolist() == np.bincount(COHORT.patients).tolist()
    for variable, values in GROUPS.items():
        assert own[f"group: {variable}"].tolist() == values.tolist()
