import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.bounded_share import PATIENTS_PER_TRIAL, judge_share


def test_the_interval_is_the_exact_one_of_fewer_trials():
    # 30 of 120 patients count as 20 of 80 trials.
    found = judge_share(30, 120, 1.0)
    exact = stats.binomtest(20, 80).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert found.rate == 0.25


@pytest.mark.parametrize(("successes", "low", "high"), [(0, 0.0, None), (90, None, 1.0)])
def test_none_and_all_have_one_end(successes, low, high):
    found = judge_share(successes, 90, 0.5)
    least = 0.025 ** (1 / (90 / PATIENTS_PER_TRIAL))
    assert found.low == (pytest.approx(least) if low is None else low)
    assert found.high == (pytest.approx(1 - least) if high is None else high)


def test_readings_follow_the_interval():
    assert judge_share(2, 100, 0.024).reading == "below"
    assert judge_share(3, 100, 0.024).reading == "by_chance"
    found = judge_share(12, 100, 0.024)
    assert found.reading == "exceeded"
    assert found.low > 0.024
    assert judge_share(100, 100, 0.9999999).reading == "below"  # not by half a patient
    assert judge_share(100, 100, 1.0).reading == "below"


def test_looking_at_more_shares_makes_an_alarm_harder():
    counts = [
        next(k for k in range(101) if judge_share(k, 100, 0.05, looked_at=m).reading == "exceeded") for m in (1, 8)
    ]
    assert counts[0] < counts[1]
    one, many = (judge_share(20, 100, 0.05, looked_at=m) for m in (1, 8))
    assert many.low < one.low < one.high < many.high


def test_correct_trainings_whose_patients_share_noise_are_accused_in_few_of_twenty():
    """Beta-binomial counts at the bound, with the variance inflation that trainings show."""
    rng, bound, patients, trainings = np.random.default_rng(0), 0.03, 20, 5
    overlap = (PATIENTS_PER_TRIAL - 1) / (patients - 1)  # correlation of two patients
    size = 1 / overlap - 1
    share = rng.beta(bound * size, (1 - bound) * size, (4000, trainings))
    named = rng.binomial(patients, share).sum(axis=1)
    alarms = [judge_share(int(k), patients * trainings, bound).reading == "exceeded" for k in named]
    assert stats.binomtest(sum(alarms), 4000, 0.025, alternative="greater").pvalue > 1e-3
    independent = optimize.brentq(lambda p: stats.binom.sf(8, 100, p) - 0.025, 0.01, 0.2)
    assert independent > judge_share(9, 100, bound).low


@pytest.mark.parametrize(
    ("counts", "bound", "looked_at"),
    [((5, 4), 0.5, 1), ((-1, 4), 0.5, 1), ((0, 0), 0.5, 1), ((1, 4), 1.5, 1), ((1, 4), 0.5, 0)],
)
def test_impossible_counts_are_refused(counts, bound, looked_at):
    with pytest.raises(ConfigError, match="expected successes among"):
        judge_share(*counts, bound, looked_at=looked_at)
