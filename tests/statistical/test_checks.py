"""The checks cry wolf no more often than they say, and see what they should."""

import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE as ATTACKS
from genoaudit.checks.alikeness import sample_gram, without
from genoaudit.checks.chance import permutations
from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga001_duplicates import duplicates
from genoaudit.checks.ga002_one_side import one_side
from genoaudit.checks.ga003_relatives import relatives
from genoaudit.checks.ga004_batch import batch
from genoaudit.checks.ga005_model_blind import blind_auc, model_blind, patient_kernel
from genoaudit.checks.ga006_preprocessing import preprocessing
from genoaudit.checks.ga011_permuted import permuted
from genoaudit.checks.metadata import patient_levels
from genoaudit.contracts import Signals
from genoaudit.data.design import make_design
from genoaudit.data.simulate import simulate_cohort

pytestmark = pytest.mark.statistical

SEEDS = range(20)


def simulated(seed):
    return simulate_cohort(patients=(60, 120)[seed % 2], genes=400, classes=3, seed=seed)


def test_nothing_is_found_in_twenty_cohorts_without_a_problem():
    # 20 seeds x 5 tests at ALPHA = 0.001 each: a false alarm in one of ten such runs of fresh seeds.
    alarms = []
    for seed in SEEDS:
        cohort = simulated(seed)
        design = make_design(cohort.y, cohort.patients, models=8, seed=seed)
        released = np.random.default_rng(seed).permutation(cohort.n_patients) < cohort.n_patients // 2
        drawn = Evidence(cohort=cohort, design=design, seed=seed)
        given = Evidence(cohort=cohort, released=released[cohort.patients], seed=seed)
        found = [check(drawn) for check in (duplicates, one_side, relatives, batch, model_blind, preprocessing)]
        found += [check(given) for check in (batch, model_blind)]
        alarms += [(seed, finding.code) for finding in found if finding.status != "passed"]
    assert alarms == []


def test_attacks_on_leaking_models_are_at_chance_once_membership_is_permuted():
    alarms = 0
    attacks = tuple(ATTACKS[name] for name in ("loss", "lira_fixed", "lira_offline"))
    for seed in SEEDS:
        cohort = simulated(seed)
        design = make_design(cohort.y, cohort.patients, models=12, seed=seed)
        rng = np.random.default_rng(seed)
        # Patients of unequal difficulty, models of unequal quality, and a leak: an AUC of 0.8 and more.
        logit = rng.normal(size=cohort.n_samples) * 2 + rng.normal(size=(12, 1))
        logit = logit + rng.normal(size=(12, cohort.n_samples)) + 2.0 * design.members[:, cohort.patients]
        proba = np.full((12, cohort.n_samples, 3), 1 / 3, dtype=np.float32)
        signals = Signals(logit=logit[:, None], proba=proba, y=cohort.y)
        scores = {a.name: a.score(signals, design, cohort.patients) for a in attacks}
        evidence = Evidence(cohort=cohort, design=design, signals=signals, attacks=attacks, scores=scores, seed=seed)
        alarms += permuted(evidence).status != "passed"
    assert alarms == 0


def test_the_blind_baseline_of_designs_drawn_within_classes_is_centred_on_its_permutations():
    # 150 designs: the mean standardised distance has standard error 0.08. Permutations mixing classes shift it by 0.5.
    distances = []
    for seed in range(30):
        cohort = simulate_cohort(patients=60, genes=200, classes=3, seed=seed)
        gram = sample_gram(cohort)
        kernel = patient_kernel(without(gram, [cohort.y]), cohort.patients)
        orders = permutations(patient_levels(cohort)["class"], seed, "test")[:200]
        for number in range(5):
            design = make_design(cohort.y, cohort.patients, models=8, seed=100 * seed + number)
            auc = blind_auc(kernel, design.members[::2], orders)
            distances.append((auc[0] - auc[1:].mean()) / auc[1:].std())
    assert abs(np.mean(distances)) < 0.25
    assert 0.85 < np.std(distances) < 1.15


@pytest.mark.parametrize("seed", range(3))
def test_a_control_group_from_another_hospital_is_always_seen(seed):
    cohort = simulated(2 * seed + 1)
    released = cohort.obs["site"].isin(["site-1", "site-2"]).to_numpy()
    evidence = Evidence(cohort=cohort, released=released)
    assert [check(evidence).status for check in (batch, model_blind)] == ["issue", "issue"]
