"""Nothing leaks: no attack may say so. One patient is memorised: it must come out on top."""

from dataclasses import replace

import half_splits
import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Design, Signals
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.roc import roc_statistics

pytestmark = pytest.mark.statistical

PATIENTS = 10_000

LOGIT_RATIOS = ("lira", "lira_fixed", "lira_offline", "lira_offline_fixed", "bavaria_t", "bavaria_n", "bavaria_offline")
ATTACKS = {name: CATALOGUE[name] for name in ("loss", "difficulty", "sablayrolles", *LOGIT_RATIOS)}


def half_split(models, patients, rng):
    members, partner = half_splits.half_split(models, patients, rng)
    return Design(members=members, partner=partner, seed=0)


def null_signals(models, patients, rng):
    """Easy and hard patients, good and bad models, patients on whom models disagree: everything but membership."""
    logit = rng.normal(size=patients) * 2 + rng.normal(size=(models, 1)) * 0.5
    logit = logit + rng.normal(size=(models, patients)) * rng.uniform(0.2, 2, size=patients)
    return Signals(
        logit=logit[:, None, :],
        proba=np.full((models, patients, 2), 0.5, dtype=np.float32),
        y=np.zeros(patients, dtype=np.intp),
    )


def auc_per_target(scores, members):
    once = np.ones((1, members.shape[1]), dtype=np.intp)
    return np.array([roc_statistics(s, m, once).auc[0] for s, m in zip(scores, members, strict=True)])


def exact_standard_error(members):
    """Of one Mann-Whitney AUC when all orders are equally likely (Mann and Whitney 1947), averaged over targets.

    Targets are taken as independent. Complementary targets see the same patients with the sides exchanged, so what
    dependence there is between them makes the true error of the mean smaller.
    """
    inside = members.sum(axis=1)
    outside = members.shape[1] - inside
    return np.sqrt(np.mean((inside + outside + 1) / (12 * inside * outside)) / len(members))


@pytest.mark.parametrize("models", [8, 9], ids=["even", "odd"])
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_stays_at_chance_on_noise(name, models):
    rng = np.random.default_rng(8)
    design = half_split(models, PATIENTS, rng)
    scores = ATTACKS[name].score(null_signals(models, PATIENTS, rng), design, np.arange(PATIENTS))
    error = exact_standard_error(design.members)
    assert abs(auc_per_target(scores, design.members).mean() - 0.5) < 3 * error


@pytest.mark.parametrize("models", [8, 9], ids=["even", "odd"])
@pytest.mark.parametrize("name", ["lira", "lira_fixed", "lira_offline", "bavaria_t", "bavaria_n", "bavaria_offline"])
def test_several_queries_of_noise_stay_at_chance(name, models):
    rng = np.random.default_rng(9)
    design = half_split(models, PATIENTS, rng)
    each = [null_signals(models, PATIENTS, rng) for _ in range(3)]
    signals = replace(each[0], logit=np.concatenate([one.logit for one in each], axis=1))
    scores = ATTACKS[name].score(signals, design, np.arange(PATIENTS))
    error = exact_standard_error(design.members)
    assert abs(auc_per_target(scores, design.members).mean() - 0.5) < 3 * error


@pytest.mark.parametrize("name", ["lira", "bavaria_t", "bavaria_n", "bavaria_offline", "difficulty", "sablayrolles"])
def test_a_small_cohort_and_few_models_stay_at_chance(name):
    # Where a prior rests on few patients a flaw in leaving out would weigh most.
    rng = np.random.default_rng(10)
    aucs, errors = [], []
    for _ in range(250):
        design = half_split(6, 24, rng)
        scores = ATTACKS[name].score(null_signals(6, 24, rng), design, np.arange(24))
        aucs.append(auc_per_target(scores, design.members).mean())
        errors.append(exact_standard_error(design.members))
    assert abs(np.mean(aucs) - 0.5) < 3 * np.sqrt(np.mean(np.square(errors)) / len(errors))


def test_leaving_out_the_target_alone_would_give_its_membership_away():
    # The reason for the partner rule: members would have three references on their side, non-members four.
    rng = np.random.default_rng(8)
    design = half_split(8, PATIENTS, rng)
    alone = Design(members=design.members, partner=np.full(8, -1), seed=0)
    scores = CATALOGUE["lira"].score(null_signals(8, PATIENTS, rng), alone, np.arange(PATIENTS))
    error = exact_standard_error(design.members)
    assert abs(auc_per_target(scores, design.members).mean() - 0.5) > 6 * error


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "loss"])
def test_a_memorised_patient_ranks_first(name):
    rng = np.random.default_rng(3)
    design = half_split(16, 300, rng)
    patients = np.repeat(np.arange(300), 2)
    logit = rng.normal(size=600) + rng.normal(size=(16, 600))
    logit += 4 * (design.members[:, patients] & (patients == 123))
    signals = Signals(
        logit=logit[:, None, :],
        proba=np.full((16, 600, 2), 0.5, dtype=np.float32),
        y=np.zeros(600, dtype=np.intp),
    )
    scores = ATTACKS[name].score(signals, design, patients)
    table = patient_table(patient_mean(logit, patients), scores, design.members)
    assert table["rank"].idxmin() == 123
    assert table["score"].idxmax() == 123
    assert table.loc[123, "auc_low"] > 0.5


def test_comparing_scores_across_the_targets_of_one_patient_is_biased_and_the_raw_statistic_is_not():
    rng = np.random.default_rng(5)
    models, patients = 16, 4000
    design = half_split(models, patients, rng)
    signals = null_signals(models, patients, rng)
    scores = CATALOGUE["lira"].score(signals, design, np.arange(patients))
    statistic = signals.logit[:, 0, :] - signals.logit[:, 0, :].mean(axis=1, keepdims=True)
    error = np.sqrt((models + 1) / (12 * (models / 2) ** 2) / patients)
    raw = patient_table(statistic, scores, design.members)
    fitted = patient_table(scores, scores, design.members)
    assert abs(raw["auc"].mean() - 0.5) < 3 * error
    assert fitted["auc"].mean() < 0.5 - 20 * error
    assert abs(raw["d_prime"].mean()) < 3 * raw["d_prime"].std() / np.sqrt(patients)
    assert abs(raw["score"].mean()) < 3 * raw["score"].std() / np.sqrt(patients)
