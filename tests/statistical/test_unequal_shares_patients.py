"""Single patients where most are members: what is said of them is wrong no more often than it admits.

Each patient is left out of few models, and models that take turns depend on each other. The chance of a claim to fail
is stated with it; the seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from genoaudit.config import AuditSection
from genoaudit.contracts import Design
from genoaudit.data.design import make_random_splits
from genoaudit.judging import bound_of_the_most_exposed
from genoaudit.metrics.flags import minimum_effect_flags
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.posterior import posterior_membership
from genoaudit.metrics.stability import halves_agreement, rank_intervals
from genoaudit.metrics.worst import worst_patients

pytestmark = pytest.mark.statistical

SPLITS = [(0.7, 64), (0.9, 64), (0.9, 160)]


def split(share, models, patients, seed=0):
    codes = np.arange(patients)
    return make_random_splits(codes % 2, codes, members=round(share * patients), models=models, seed=seed)


def at_auc_060(law, members, rng):
    """A statistic whose AUC is exactly 0.60."""
    if law == "exponential":
        return rng.exponential(size=members.shape) * np.where(members, 1.5, 1.0)
    if law == "left-skewed":
        return -rng.exponential(size=members.shape) * np.where(members, 1.0, 1.5)
    spread = 3.0 if law == "wide" else 1.0
    noise = rng.normal(size=members.shape)
    return np.where(members, stats.norm.ppf(0.6) * np.sqrt(1 + spread**2) + spread * noise, noise)


@pytest.mark.parametrize(("share", "models"), SPLITS)
@pytest.mark.parametrize("law", ["normal", "wide", "exponential", "left-skewed"])
def test_a_patient_at_the_minimum_is_rejected_in_at_most_5_percent(share, models, law):
    """4,000 patients are 4,000 tests; three standard errors of the simulation are allowed beyond 5 % and 0.5 %."""
    rng = np.random.default_rng(models)
    design = split(share, models, 4000)
    statistic = at_auc_060(law, design.members, rng)
    found = minimum_effect_flags(statistic, design.members, design.partner, replicates=1, generator=rng)
    for level in (0.05, 0.005):
        assert (found.p_value <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 4000)


@pytest.mark.parametrize(("share", "models"), SPLITS)
def test_intervals_of_a_patient_hold_what_is_true(share, models):
    """4,000 patients, nominal 95 %; at least 93 % wanted."""
    rng = np.random.default_rng(2)
    design = split(share, models, 4000)
    statistic = rng.normal(size=design.members.shape) + design.members
    table = patient_table(statistic, statistic, design.members)
    for name, truth in (("auc", stats.norm.cdf(1 / np.sqrt(2))), ("d_prime", 1.0)):
        held = (table[f"{name}_low"] <= truth) & (truth <= table[f"{name}_high"])
        assert held.mean() > 0.93, name


@pytest.mark.parametrize(("share", "models"), [(0.7, 64), (0.9, 200)])
def test_the_worst_patients_of_a_cohort_without_leakage_have_an_auc_of_one_half(share, models):
    """150 audits of 100 patients; three standard errors of the mean, coverage at least 93 % less two of its errors."""
    rng = np.random.default_rng(3)
    found = []
    for audit in range(150):
        design = split(share, models, 100, seed=audit)
        statistic = rng.normal(size=design.members.shape)
        worst = worst_patients(statistic, design.members, design.partner, k=5, replicates=100, generator=rng)
        found.append((worst.auc.value, worst.auc.low <= 0.5 <= worst.auc.high))
    auc, covered = np.array(found).T
    assert abs(auc.mean() - 0.5) < 3 * auc.std() / np.sqrt(150)
    assert covered.mean() >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 150)


@pytest.mark.parametrize(("share", "models"), [(0.7, 64), (0.9, 160)])
def test_rank_limits_hold_the_true_rank(share, models):
    """20 audits of 100 patients, d' evenly spaced; nominal 95 %."""
    rng = np.random.default_rng(4)
    held = []
    for audit in range(20):
        design = split(share, models, 100, seed=audit)
        statistic = rng.normal(size=design.members.shape) + design.members * np.linspace(1, 0, 100)
        found = rank_intervals(statistic, design.members, design.partner, replicates=200, generator=rng)
        held.append((found.low <= np.arange(1, 101)) & (np.arange(1, 101) <= found.high))
    assert np.mean(held) >= 0.95


def test_halves_of_noise_agree_on_nobody_and_posteriors_of_noise_stay_at_one_half():
    rng = np.random.default_rng(6)
    design = split(0.9, 160, 200)
    statistic = rng.normal(size=design.members.shape)
    halves = halves_agreement(statistic, design.members, design.partner, generator=rng)
    assert abs(halves.spearman.value) < 0.2
    posterior = posterior_membership(statistic, design.members, design.partner, generator=rng)
    assert np.abs(posterior.probability - 0.5).mean() < 0.05
    assert posterior.brier.low <= 0.2505


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_a_lower_bound_of_epsilon_claims_nothing_of_noise(shared):
    """300 audits, 5 % may claim something; with `shared`, what chance gives a patient is the same in a whole round."""
    rng = np.random.default_rng(7)
    claimed = []
    for audit in range(300):
        design = split(0.8, 100, 40, seed=audit)
        of_round = np.repeat(rng.normal(size=(20, 40)), 5, axis=0)
        statistic = np.sqrt(1 - shared) * rng.normal(size=(100, 40)) + np.sqrt(shared) * of_round
        bounds = bound_of_the_most_exposed(statistic, design, AuditSection())
        assert all(bound.trials <= 2 * 20 for bound in bounds)  # one trial of a side in a round
        claimed.append([bound.epsilon > 0 for bound in bounds])
    assert np.mean(claimed, axis=0).max() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_a_lower_bound_of_epsilon_finds_a_patient_laid_bare():
    rng = np.random.default_rng(8)
    design = split(0.8, 200, 40)
    statistic = rng.normal(size=design.members.shape) + 8.0 * (design.members & (np.arange(40) == 3))
    assert min(bound.epsilon for bound in bound_of_the_most_exposed(statistic, design, AuditSection())) > 0.5
    alone = Design(design.members[:24], design.partner[:24], seed=0)
    assert bound_of_the_most_exposed(statistic[:24], alone, AuditSection()) == ()
