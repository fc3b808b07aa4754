import dataclasses

import pytest

from genoaudit.checks.catalogue import CATALOGUE, run_checks
from genoaudit.checks.evidence import Evidence


def test_codes_are_the_places_in_the_catalogue(evidence):
    assert [found.code for found in run_checks(evidence)] == [f"GA{n:03d}" for n in range(1, len(CATALOGUE) + 1)]


def test_nothing_is_said_of_nothing():
    assert {found.status for found in run_checks(Evidence())} == {"not_applicable"}


def test_an_audit_with_nothing_wrong_has_no_issue(evidence):
    assert [found.code for found in run_checks(evidence) if found.status == "issue"] == []


def test_issues_and_tips_come_with_advice_and_name_nobody(evidence, twins, cohort):
    split = Evidence(cohort=cohort, released=cohort.obs["site"].eq("site-1").to_numpy(), fprs=(0.001,))
    for seen in (evidence, Evidence(cohort=twins), split):
        for found in run_checks(seen):
            text = found.summary + found.advice
            assert found.title
            assert found.summary
            assert bool(found.advice) == (found.status in ("issue", "tip"))
            assert not any(name in text for name in (*seen.cohort.patient_ids, *seen.cohort.sample_ids))


def test_a_design_of_other_patients_stops_no_check(evidence):
    for models in (evidence.design.members[:, :-1], evidence.design.members[:, :3]):
        wrong = dataclasses.replace(evidence, design=dataclasses.replace(evidence.design, members=models))
        found = {finding.code: finding.status for finding in run_checks(wrong)}
        assert found["GA002"] == "issue"


def test_findings_cannot_be_changed(evidence):
    with pytest.raises(dataclasses.FrozenInstanceError):
        run_checks(Evidence())[0].status = "passed"
