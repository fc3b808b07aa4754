import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga008_models import models
from genoaudit.data.design import make_design


def test_no_design_is_not_applicable(cohort):
    assert models(Evidence(cohort=cohort)).status == "not_applicable"


@pytest.mark.parametrize(
    ("number", "status"), [(2, "issue"), (14, "issue"), (16, "tip"), (62, "tip"), (64, "passed"), (256, "passed")]
)
def test_sixteen_are_needed_and_sixty_four_are_enough(cohort, number, status):
    found = models(Evidence(design=make_design(cohort.y, cohort.patients, models=number, seed=0)))
    assert found.status == status
    assert f"{number} models" in found.summary
