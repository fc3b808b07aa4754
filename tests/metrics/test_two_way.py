import numpy as np
import pytest
from scipy import special, stats

from genoaudit.metrics.intervals import newcombe_auc
from genoaudit.metrics.two_way import ONE_SIDED, TWO_SIDED, auc_estimate, two_way, z


def test_the_error_of_a_mean_over_pairs_is_the_textbook_one(rng):
    values = rng.normal(size=8).repeat(2)  # the two targets of a pair say the same
    error = two_way(np.zeros(30), (values - values.mean()) / values.size, np.arange(16) // 2)
    assert error.deviation == pytest.approx(values[::2].std(ddof=1) / np.sqrt(8))
    for tail in (TWO_SIDED, ONE_SIDED):
        assert error.margin(tail) == pytest.approx(stats.t.isf(tail, 7) * error.deviation)


def test_one_pair_leaves_the_patients_alone(rng):
    influences = rng.normal(size=400) / 400
    error = two_way(influences, np.array([0.3, -0.3]), np.array([0, 0]))
    assert error.pairs == 0
    assert error.margin(ONE_SIDED) == pytest.approx(z(ONE_SIDED) * np.linalg.norm(influences), rel=0.01)


def test_one_large_influence_is_known_worse_than_many_small_ones():
    even, lopsided = np.full(100, 0.1), np.r_[1.0, np.zeros(99)]
    freedoms = [two_way(influences, np.zeros(2), np.array([0, 1])).freedom for influences in (even, lopsided)]
    assert freedoms == [99, 4]


def test_limits_of_an_auc_are_symmetric_on_the_logit_scale_with_many_patients():
    found = auc_estimate(0.8, two_way(np.full(10_000, 1e-4), np.zeros(1), np.array([0])), 5_000, 5_000)
    for low, high, tail in ((found.low, found.high, TWO_SIDED), (found.at_least, found.at_most, ONE_SIDED)):
        reach = z(tail) * 0.01 / 0.16
        assert special.logit([low, high]) == pytest.approx(special.logit(0.8) + np.array([-reach, reach]), rel=0.02)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_auc_at_the_end_of_the_scale_takes_newcombes_limits_of_each_tail(value):
    found = auc_estimate(value, two_way(np.zeros(50), np.zeros(1), np.array([0])), 20, 30)
    assert (found.low, found.high) == newcombe_auc(value, 20, 30, 0.95)
    assert (found.at_least, found.at_most) == newcombe_auc(value, 20, 30, 0.9)
