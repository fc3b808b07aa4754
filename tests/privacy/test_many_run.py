import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.many_run import epsilon_from_counts, many_run_bound

DELTA = 1e-5


def bound(inside, outside, **keywords):
    given = {"delta": DELTA, "neighbouring": "replace-one", "generator": np.random.default_rng(0)}
    return many_run_bound(np.asarray(inside, dtype=float), np.asarray(outside, dtype=float), **(given | keywords))


@pytest.mark.parametrize(
    ("counts", "epsilon"),
    [((500, 1000, 0, 1000), 4.846), ((1000, 1000, 0, 1000), 5.601), ((100, 100, 0, 100), 3.281),
     ((60, 100, 5, 100), 1.483)],
)  # fmt: skip
def test_reference_values(counts, epsilon):
    assert epsilon_from_counts(*counts, delta=DELTA) == pytest.approx(epsilon, abs=1e-3)


def test_equals_the_two_sided_exact_interval_of_scipy():
    for tp, fp in [(60, 5), (95, 40), (3, 1), (80, 80)]:
        tpr = stats.binomtest(tp, 100).proportion_ci(0.95, method="exact")
        fpr = stats.binomtest(fp, 120).proportion_ci(0.95, method="exact")
        one = (tpr.low - DELTA) / fpr.high
        mirrored = (1 - fpr.high - DELTA) / (1 - tpr.low)
        expected = max(0.0, math.log(one), math.log(mirrored))
        assert epsilon_from_counts(tp, 100, fp, 120, delta=DELTA) == pytest.approx(expected, abs=1e-9)


def test_sure_non_members_count_as_much_as_sure_members():
    # Mirroring exchanges hits of one side with misses of the other.
    assert epsilon_from_counts(1000, 1000, 500, 1000, delta=DELTA) == pytest.approx(
        epsilon_from_counts(500, 1000, 0, 1000, delta=DELTA)
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_never_negative_nan_or_infinite(data):
    n_in, n_out = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50))
    tp, fp = data.draw(st.integers(0, n_in)), data.draw(st.integers(0, n_out))
    found = epsilon_from_counts(tp, n_in, fp, n_out, delta=data.draw(st.sampled_from([0.0, 1e-5, 0.3])))
    assert found >= 0
    assert math.isfinite(found)


def test_more_hits_never_lower_the_bound_and_more_alarms_never_raise_it():
    hits = [epsilon_from_counts(tp, 50, 5, 50, delta=DELTA) for tp in range(51)]
    alarms = [epsilon_from_counts(40, 50, fp, 50, delta=DELTA) for fp in range(51)]
    assert hits == sorted(hits)
    assert alarms == sorted(alarms, reverse=True)
    assert hits[-1] > hits[0] == 0


def test_delta_significance_and_looks_cost():
    plain = epsilon_from_counts(90, 100, 0, 100, delta=0.0)
    assert epsilon_from_counts(90, 100, 0, 100, delta=0.1) < plain
    assert epsilon_from_counts(90, 100, 0, 100, delta=0.0, significance=0.01) < plain
    looked = epsilon_from_counts(90, 100, 0, 100, delta=0.0, looked_at=5)
    assert looked == epsilon_from_counts(90, 100, 0, 100, delta=0.0, significance=0.01)


@pytest.mark.parametrize("counts", [(0, 0, 0, 10), (0, 10, 0, 0), (11, 10, 0, 10), (0, 10, -1, 10)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ConfigError, match="at least one trial"):
        epsilon_from_counts(*counts, delta=DELTA)


def test_perfect_separation_is_the_bound_of_the_counted_half():
    found = bound(np.ones(200), np.zeros(200))
    assert found.epsilon == pytest.approx(epsilon_from_counts(100, 100, 0, 100, delta=DELTA))
    assert (found.trials, found.threshold) == (200, "chosen on 200 other models")
    assert (found.kind, found.neighbouring) == ("many_run", "replace-one")
    assert "not refuted" in found.note


def test_perfect_separation_pays_for_every_trial_of_a_side_under_bonferroni():
    found = bound(np.ones(200), np.zeros(200), choose="bonferroni")
    expected = epsilon_from_counts(200, 200, 0, 200, delta=DELTA, looked_at=200)
    assert found.epsilon == pytest.approx(expected)
    assert found.trials == 400


def test_bonferroni_equals_a_loop_over_thresholds():
    rng = np.random.default_rng(3)
    inside, outside = rng.normal(2, 1, 60), rng.normal(0, 1, 80)
    best = 0.0
    for threshold in [*inside, *outside]:
        low = stats.beta.ppf(0.025 / 60, (inside >= threshold).sum(), 61 - (inside >= threshold).sum())
        high = stats.beta.ppf(1 - 0.025 / 80, (outside >= threshold).sum() + 1, 80 - (outside >= threshold).sum())
        if not np.isnan([low, high]).any():
            best = max(best, math.log(max((low - DELTA) / high, (1 - high - DELTA) / (1 - low), 1)))
    assert bound(inside, outside, choose="bonferroni").epsilon == pytest.approx(best)
    assert best > 0


@pytest.mark.parametrize("choose", ["split", "bonferroni"])
def test_constant_statistics_show_nothing(choose):
    assert bound(np.zeros(500), np.zeros(500), choose=choose).epsilon == 0


def test_equal_positions_stay_on_one_side_of_the_split():
    # Each IN value repeats its OUT partner's. Were pairs torn apart, the threshold would know the counted half.
    class Recorded:
        def __init__(self):
            self.rng = np.random.default_rng(0)
            self.drawn = []

        def permutation(self, size):
            self.drawn.append(size)
            return self.rng.permutation(size)

    recorded = Recorded()
    bound(np.arange(40), np.arange(60), generator=recorded)
    assert recorded.drawn == [40, 20]  # one draw for the pairs, one for those without


def test_the_half_that_chose_the_threshold_is_not_counted():
    class Unshuffled:
        def permutation(self, size):
            return np.arange(size)

    leaking_first_half = np.repeat([1.0, 0.0], 100)
    assert bound(leaking_first_half, np.zeros(200), generator=Unshuffled()).epsilon == 0
    assert bound(leaking_first_half, np.zeros(200), generator=np.random.default_rng(0)).epsilon > 1


def test_the_split_needs_randomness_and_two_trials_a_side():
    with pytest.raises(ConfigError, match="generator"):
        bound(np.ones(10), np.zeros(10), generator=None)
    with pytest.raises(ConfigError, match="two trials"):
        bound(np.ones(1), np.zeros(10))
    with pytest.raises(ConfigError, match="'split' or 'bonferroni'"):
        bound(np.ones(10), np.zeros(10), choose="best")
