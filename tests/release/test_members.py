import dataclasses

import numpy as np
import pytest
from pydantic import TypeAdapter

from genoaudit import simulate_cohort
from genoaudit.model_config import Members
from genoaudit.release.members import members_from

COHORT = simulate_cohort(patients=60, genes=20, classes=2, seed=3)


@pytest.mark.parametrize("way", ["all", "column", "file", "seed"])
def test_members_are_found_in_whatever_way_a_configuration_names_them(tmp_path, way):
    half = np.arange(60) % 2 == 0
    cohort = dataclasses.replace(COHORT, obs=COHORT.obs.assign(split=half[COHORT.patients]))
    path = tmp_path / "members.txt"
    path.write_text("\n".join(np.array(cohort.patient_ids)[half]))
    section = {"all": "all", "column": {"column": "split"}, "file": {"file": path}, "seed": {"seed": 1, "share": 0.5}}
    found = members_from(TypeAdapter(Members).validate_python(section[way]), cohort)
    assert found.members.sum() == (60 if way == "all" else 30)
    if way in {"column", "file"}:
        np.testing.assert_array_equal(found.members, half)
