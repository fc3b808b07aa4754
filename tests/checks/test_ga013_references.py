from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga013_references import references


@pytest.fixture
def release(cohort, design, make_signals):
    """A given model of the first design row, and the others beside it."""

    def make(skill=2.0, leak=0.5):
        members = design.members[:1]
        return Evidence(
            cohort=cohort,
            released=members[0][cohort.patients],
            signals=make_signals(members, skill=skill, leak=leak, seed=99),
            references=make_signals(design.members, leak=0.5),
            reference_design=design,
        )

    return make


def test_a_model_of_the_same_recipe_passes(release):
    found = references(release())
    assert found.status == "passed"
    assert "The mean log odds of the true class are" in found.summary


@pytest.mark.parametrize("change", [{"skill": 3.0}, {"skill": 1.0}, {"leak": 3.0}])
def test_a_model_of_another_recipe_is_an_issue(release, change):
    found = references(release(**change))
    assert found.status == "issue"
    assert "were not trained alike" in found.summary
    assert found.advice


def test_without_references_or_with_few_it_is_not_applicable(release, design):
    full = release()
    for missing in ("references", "reference_design", "released", "signals", "cohort"):
        assert references(replace(full, **{missing: None})).status == "not_applicable"
    few = replace(design, members=design.members[:6], partner=design.partner[:6])
    assert references(replace(full, reference_design=few)).status == "not_applicable"


def test_references_that_all_say_the_same_leave_no_division_by_zero(release):
    full = release()
    flat = replace(full.references, logit=np.ones_like(full.references.logit))
    assert references(replace(full, references=flat)).status == "issue"
