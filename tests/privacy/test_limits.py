import math

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.limits import count_at_thresholds, lower_limit, simultaneous_limits, upper_limit


def chance_of_at_least(k, n, p):
    return math.fsum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))


def slow_lower_limit(k, n, tail):
    """Bisect the definition: the p at which k or more successes have chance `tail`."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance_of_at_least(k, n, middle) < tail else (low, middle)
    return low


@pytest.mark.parametrize("tail", [0.025, 1e-4])
@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 20), (1, 20), (13, 20), (19, 20), (20, 20), (60, 100)])
def test_limits_equal_bisected_binomial_sums(k, n, tail):
    low = slow_lower_limit(k, n, tail) if k else 0.0
    assert lower_limit(k, n, tail) == pytest.approx(low, abs=1e-12)
    high = 1 - slow_lower_limit(n - k, n, tail) if k < n else 1.0
    assert upper_limit(k, n, tail) == pytest.approx(high, abs=1e-12)


def test_counts_equal_a_plain_loop_with_ties():
    rng = np.random.default_rng(1)
    inside, outside = rng.integers(0, 6, 30).astype(float), rng.integers(0, 5, 20).astype(float)
    counts = count_at_thresholds(inside, outside)
    assert list(counts.value) == sorted({*inside, *outside}, reverse=True)
    for value, tp, fp in zip(counts.value, counts.tp, counts.fp, strict=True):
        assert tp == sum(x >= value for x in inside)
        assert fp == sum(x >= value for x in outside)


def test_simultaneous_limits_are_wider_than_those_at_one_threshold():
    rng = np.random.default_rng(2)
    counts = count_at_thresholds(rng.normal(1, 1, 50), rng.normal(0, 1, 40))
    low, high = simultaneous_limits(counts, 0.025)
    assert np.all(low <= lower_limit(counts.tp, 50, 0.025))
    assert np.all(high >= upper_limit(counts.fp, 40, 0.025))
    assert np.all(low < 1)
    assert np.all(high > 0)


@pytest.mark.parametrize("bad", [np.array([]), np.ones((2, 2)), np.array([1.0, np.nan])])
def test_unusable_trials_are_refused(bad):
    with pytest.raises(ConfigError):
        count_at_thresholds(bad, np.ones(3))
    with pytest.raises(ConfigError):
        count_at_thresholds(np.ones(3), bad)
