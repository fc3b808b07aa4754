"""What an audit says of single patients is wrong no more often than it admits."""

import numpy as np
import pytest
from scipy import stats

from genoaudit.metrics.flags import minimum_effect_flags
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.posterior import posterior_membership
from genoaudit.metrics.stability import rank_intervals
from genoaudit.metrics.worst import worst_patients

pytestmark = pytest.mark.statistical


def _design(models, patients, rng):
    members = np.empty((models, patients), dtype=bool)
    members[::2] = [rng.permutation(patients) < patients // 2 for _ in range(models // 2)]
    members[1::2] = ~members[::2]
    return members, np.arange(models) ^ 1


def _at_auc_060(law, members, rng):
    """A statistic whose AUC is exactly 0.60; a pair's two models may depend on each other."""
    first = rng.normal(size=(members.shape[0] // 2, members.shape[1]))
    other = rng.normal(size=first.shape)
    if law.startswith("against"):
        correlation = float(law.split()[1])
        other = -correlation * first + np.sqrt(1 - correlation**2) * other
    noise = np.stack([first, other], axis=1).reshape(members.shape)
    if law == "exponential":
        return rng.exponential(size=members.shape) * np.where(members, 1.5, 1.0)
    if law == "left-skewed":
        return -rng.exponential(size=members.shape) * np.where(members, 1.0, 1.5)
    if law == "some models only":
        return noise + 10 * (members & (rng.random(members.shape) < 0.2))
    spread = 3.0 if law == "wide" else 1.0
    return np.where(members, stats.norm.ppf(0.6) * np.sqrt(1 + spread**2) + spread * noise, noise)


@pytest.mark.parametrize("models", [16, 64, 512])
@pytest.mark.parametrize(
    "law", ["normal", "wide", "exponential", "left-skewed", "some models only", "against 0.3", "against 0.9"]
)
def test_a_patient_at_the_minimum_is_rejected_in_at_most_5_percent(models, law):
    """4,000 patients are 4,000 tests; three standard errors of the simulation are allowed beyond 5 % and 0.5 %."""
    rng = np.random.default_rng(models)
    members, partner = _design(models, 4000, rng)
    found = minimum_effect_flags(_at_auc_060(law, members, rng), members, partner, replicates=1, generator=rng)
    for level in (0.05, 0.005):
        assert (found.p_value <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 4000)


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_false_flags_are_at_most_5_percent_of_all_flags(shared):
    """200 audits of 150 patients: a third exactly at the minimum, a third without leakage, a third exposed.

    With `shared`, the patients' statistics move together from model to model.
    """
    rng = np.random.default_rng(1)
    false, found = [], []
    shift = np.repeat([stats.norm.ppf(0.6) * np.sqrt(2), 0.0, 2.0], 50)
    for _ in range(200):
        members, partner = _design(64, 150, rng)
        noise = np.sqrt(1 - shared) * rng.normal(size=members.shape) + np.sqrt(shared) * rng.normal(size=(64, 1))
        flagged = minimum_effect_flags(noise + members * shift, members, partner, replicates=1, generator=rng).flagged
        false.append(flagged[:100].sum() / max(flagged.sum(), 1))
        found.append(flagged[100:].mean())
    assert np.mean(false) <= 0.05 + 3 * np.std(false) / np.sqrt(200)
    assert np.mean(found) > 0.9


@pytest.mark.parametrize(("models", "patients", "spread"), [(64, 100, 0.5), (256, 200, 0.1), (256, 100, 2.0)])
def test_rank_limits_hold_the_true_rank_where_resampled_ranks_do_not(models, patients, spread):
    """20 audits; d' evenly spaced over `spread`, so that most neighbours cannot be told apart."""
    rng = np.random.default_rng(2)
    true = np.linspace(spread, 0, patients)
    limits, resampled = [], []
    for _ in range(20):
        members, partner = _design(models, patients, rng)
        statistic = rng.normal(size=members.shape) + members * true
        found = rank_intervals(statistic, members, partner, replicates=200, generator=rng)
        rank = np.arange(1, patients + 1)
        limits.append((found.low <= rank) & (rank <= found.high))
        resampled.append((found.resampled_low <= rank) & (rank <= found.resampled_high))
    assert np.mean(limits) >= 0.95
    assert np.mean(limits, axis=0)[:10].mean() >= 0.95
    if spread == 0.1:
        assert np.mean(resampled, axis=0)[:10].mean() < 0.8


def test_the_worst_patients_of_a_cohort_without_leakage_have_an_auc_of_one_half():
    """300 audits of 100 patients; three standard errors of the mean."""
    rng = np.random.default_rng(3)
    honest, effect, naive, covered = [], [], [], []
    for _ in range(300):
        members, partner = _design(64, 100, rng)
        statistic = rng.normal(size=members.shape)
        naive.append(patient_table(statistic, statistic, members)["auc"].nlargest(5).mean())
        found = worst_patients(statistic, members, partner, k=5, replicates=100, generator=rng)
        honest.append(found.auc.value)
        effect.append(found.d_prime.value)
        covered.append(found.auc.low <= 0.5 <= found.auc.high)
    for values, truth in ((honest, 0.5), (effect, 0.0)):
        assert abs(np.mean(values) - truth) < 3 * np.std(values) / np.sqrt(300)
    assert np.std(honest) / np.sqrt(300) < 0.003
    assert np.mean(naive) > 0.63
    assert np.mean(covered) > 0.93


@pytest.mark.parametrize(("k", "audits"), [(1, 150), (10, 100)])
def test_intervals_of_the_worst_patients_cover_their_true_exposure(k, audits):
    """Nominal 95 %, at least 93 % wanted less two standard errors of the simulation; 800 models, 60 patients.

    One-sided limits: wrong in at most 5 % and three standard errors.
    """
    rng = np.random.default_rng(4)
    covered = {"auc": [], "d_prime": [], "tpr": []}
    wrong = []
    for _ in range(audits):
        members, partner = _design(800, 60, rng)
        true = rng.exponential(0.3, size=60)
        found = worst_patients(
            rng.normal(size=members.shape) + members * true, members, partner, k=k, replicates=150, generator=rng
        )
        assert found.tpr_at_fpr.resolvable
        shift = true[np.concatenate(found.chosen)]
        for name, low, high, truth in (
            ("auc", found.auc.low, found.auc.high, stats.norm.cdf(shift / np.sqrt(2))),
            ("d_prime", found.d_prime.low, found.d_prime.high, shift),
            ("tpr", found.tpr_at_fpr.low, found.tpr_at_fpr.high, stats.norm.sf(stats.norm.isf(0.05) - shift)),
        ):
            covered[name].append(low <= truth.mean() <= high)
            number = {"auc": found.auc, "tpr": found.tpr_at_fpr}.get(name)
            if number is not None:
                wrong.append((number.at_least > truth.mean(), number.at_most < truth.mean()))
    assert (np.mean(wrong, axis=0) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / audits)).all()
    for name, hits in covered.items():
        assert np.mean(hits) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / audits), name


@pytest.mark.parametrize(
    ("effect", "patient_spread", "model_spread"), [(1.0, 0.0, 0.0), (1.5, 0.7, 0.0), (1.0, 0.0, 0.7)]
)
def test_reliability_intervals_hold_the_predictions_of_a_calibrated_attack(effect, patient_spread, model_spread):
    """40 audits of 10 bins, with scores that also differ by patient or by model; at least 93 % of the bins."""
    rng = np.random.default_rng(5)
    held, widths = [], []
    for _ in range(40):
        members, partner = _design(64, 80, rng)
        scores = rng.normal(size=members.shape) + effect * members
        scores += patient_spread * rng.normal(size=80) + model_spread * rng.normal(size=(64, 1))
        found = posterior_membership(scores, members, partner, generator=rng)
        held += [row.observed.low <= row.predicted <= row.observed.high for row in found.reliability]
        widths += [row.observed.high - row.observed.low for row in found.reliability if row.n > 500]
    assert np.mean(held) > 0.93
    assert np.mean(widths) < 0.15


def test_posteriors_of_noise_stay_at_one_half():
    rng = np.random.default_rng(6)
    members, partner = _design(128, 200, rng)
    found = posterior_membership(rng.normal(size=members.shape), members, partner, generator=rng)
    assert np.abs(found.probability - 0.5).mean() < 0.02
    assert found.brier.low <= 0.2505
    assert found.brier.value == pytest.approx(0.25, abs=0.001)
