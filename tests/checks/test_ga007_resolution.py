from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga007_resolution import resolution


@pytest.mark.parametrize(
    ("fprs", "status"),
    [((), "not_applicable"), ((0.5, 0.2), "passed"), ((0.01, 0.2), "tip"), ((0.001, 0.01), "issue")],
)
def test_sixty_non_members_resolve_a_sixth(evidence, fprs, status):
    assert resolution(replace(evidence, fprs=fprs)).status == status


def test_unresolved_rates_are_named_and_the_finest_that_is_not(evidence):
    found = resolution(replace(evidence, fprs=(0.2, 0.01, 0.001)))
    assert "at 0.1 %, 1 %" in found.summary
    assert "from 17 % up" in found.advice


def test_the_model_with_the_fewest_non_members_decides(cohort):
    released = np.ones(cohort.n_samples, dtype=bool)
    released[cohort.patients < 8] = False
    found = resolution(Evidence(cohort=cohort, released=released, fprs=(0.5,)))
    assert found.status == "issue"
    assert found.summary.startswith("With 8 non-members")
    assert "AUC only" in found.advice
