from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga004_batch import batch, chi_square
from genoaudit.checks.metadata import RARE, patient_levels
from genoaudit.contracts import Design


def by_patient(cohort, column):
    first = np.unique(cohort.patients, return_index=True)[1]
    return cohort.obs[column].to_numpy()[first]


def test_a_random_design_passes(evidence):
    found = batch(evidence)
    assert found.status == "passed"
    assert "covariates" in found.summary


def test_no_membership_is_not_applicable(cohort):
    assert batch(Evidence(cohort=cohort)).status == "not_applicable"


def test_members_of_one_site_are_an_issue(cohort):
    released = cohort.obs["site"].isin(["site-1", "site-2"]).to_numpy()
    found = batch(Evidence(cohort=cohort, released=released))
    assert found.status == "issue"
    assert "'site'" in found.summary
    assert "from 0% to 100%" in found.summary


def test_a_leaning_towards_one_sex_is_an_issue(cohort):
    rng = np.random.default_rng(0)
    chance = np.where(by_patient(cohort, "sex") == "female", 0.75, 0.25)
    members = rng.random(cohort.n_patients) < chance
    found = batch(Evidence(cohort=cohort, released=members[cohort.patients]))
    assert found.status == "issue"
    assert "'sex'" in found.summary


def test_a_design_that_follows_the_site_is_an_issue(cohort):
    rng = np.random.default_rng(0)
    chance = np.where(by_patient(cohort, "site") == "site-1", 0.8, 0.4)
    half = rng.random((8, cohort.n_patients)) < chance
    members = np.stack([half, ~half], axis=1).reshape(16, -1)
    # In complementary pairs the odd models are the mirror; every pair is judged once.
    found = batch(Evidence(cohort=cohort, design=Design(members=members, partner=np.arange(16) ^ 1, seed=0)))
    assert found.status == "issue"


def test_the_statistic_is_pearsons(cohort):
    rng = np.random.default_rng(1)
    members = rng.random((3, 200)) < 0.4
    codes = rng.integers(4, size=200)
    tables = [[[(codes[m] == k).sum(), (codes[~m] == k).sum()] for k in range(4)] for m in members]
    expected = sum(chi2_contingency(table, correction=False).statistic for table in tables)
    assert chi_square(codes[None], members)[0] == pytest.approx(expected)


def test_levels_are_few_and_never_rare(cohort):
    levels = patient_levels(cohort)
    assert set(levels) == {"class", "number of samples", "sex", "age", "site", "batch", "purity"}
    assert levels["age"].max() <= 4
    named = cohort.obs.assign(identifier=np.arange(cohort.n_samples).astype(str))
    assert "identifier" not in patient_levels(replace(cohort, obs=named))
    assert all(np.bincount(codes).max() >= RARE for codes in levels.values())
