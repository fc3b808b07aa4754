"""P-values are those whose limits they are read from: closed forms where there are any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.one_sided import p_above, p_below


def around(value, scale, freedom=np.inf):
    """A number that lies around its truth like Student's t of this scale on the logit scale."""

    def ends(tail):
        reach = stats.t.isf(tail, freedom) * scale
        return special.expit(special.logit(value) + np.array([-reach, reach]))

    return Estimate(value, *ends(0.025), *ends(0.05))


@pytest.mark.parametrize("freedom", [1, 2, 7, 31, np.inf])
@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.72, 0.8, 0.9])
def test_a_p_value_is_that_of_students_t_on_the_logit_scale(freedom, threshold):
    found = around(0.75, 0.2, freedom)
    shift = (special.logit(0.75) - special.logit(threshold)) / 0.2
    assert p_above(found, threshold) == pytest.approx(stats.t.sf(shift, freedom), rel=1e-3)
    assert p_below(found, threshold) == pytest.approx(stats.t.cdf(shift, freedom), rel=1e-3)


def test_a_limit_is_where_the_p_value_is_its_own_error(rng):
    members = np.array([rng.permutation(80) < 40 for _ in range(6)]).repeat(2, axis=0)
    members[1::2] ^= True
    scores = rng.normal(size=members.shape) + members
    found = mean_over_targets(scores, members, np.arange(12) ^ 1, fprs=(0.3,))
    (rate,) = found.tpr_at_fpr
    for number in (found.auc, Estimate(rate.tpr, rate.low, rate.high, rate.at_least, rate.at_most)):
        assert p_above(number, number.at_least) == pytest.approx(0.05)
        assert p_below(number, number.at_most) == pytest.approx(0.05)
        assert p_above(number, number.low) == pytest.approx(0.025)
        assert p_below(number, number.high) == pytest.approx(0.025)


@pytest.mark.parametrize("n", [5, 40, 300])
def test_all_of_n_successes_have_the_p_value_of_all_succeeding(n):
    (low, high), (at_least, at_most) = (clopper_pearson(n, n, level) for level in (0.95, 0.9))
    assert p_above(Estimate(1.0, low, high, at_least, at_most), 0.9) == pytest.approx(0.9**n)
    (low, high), (at_least, at_most) = (clopper_pearson(0, n, level) for level in (0.95, 0.9))
    assert p_below(Estimate(0.0, low, high, at_least, at_most), 0.1) == pytest.approx(0.9**n)


def test_a_perfect_auc_counts_about_the_patients_of_both_sides():
    at_least = float(newcombe_auc(1.0, 20, 20, 0.9)[0])
    found = p_above(Estimate(1.0, 0.9, 1.0, at_least, 1.0), 0.7)
    assert 0.7**41 < found < 0.7**20


@pytest.mark.parametrize(("k", "n"), [(40, 100), (9, 60), (20, 22), (55, 60), (98, 100)])
def test_the_exact_p_value_of_a_proportion_is_met_and_where_it_is_tiny_not_undercut(k, n):
    ends = (clopper_pearson(k, n, level) for level in (0.95, 0.9))
    found = Estimate(k / n, *(float(end) for pair in ends for end in pair))
    for threshold in np.linspace(found.at_least, 0.7 * found.at_least, 6):
        exact = stats.binom.sf(k - 1, n, threshold)
        if exact > 5e-4:
            assert p_above(found, threshold) == pytest.approx(exact, rel=0.2 if k < n - 3 else 1)
        assert p_above(found, threshold) > exact / 2


def test_the_ends_of_the_scale_say_nothing_or_everything():
    found = around(0.75, 0.2)
    assert (p_above(found, 1.0), p_above(found, 0.0)) == (1.0, 0.0)
    assert (p_below(found, 0.0), p_below(found, 1.0)) == (1.0, 0.0)
    certain = Estimate(0.8, 0.8, 0.8, 0.8, 0.8)
    assert (p_above(certain, 0.7), p_above(certain, 0.8), p_above(certain, 0.9)) == (0.0, 1.0, 1.0)
    assert p_above(Estimate(0.0, 0.0, 0.1, 0.0, 0.08), 0.05) == 1.0


def test_without_a_one_sided_limit_there_is_no_p_value():
    for number in (Estimate(0.7, 0.6, 0.8), Estimate(None, None, None)):
        assert p_above(number, 0.5) is None
        assert p_below(number, 0.5) is None


@given(
    value=st.floats(0.01, 0.99),
    scale=st.floats(0.01, 3),
    freedom=st.sampled_from([1, 3, 20, np.inf]),
    thresholds=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_looser_threshold_never_has_a_smaller_p_value(value, scale, freedom, thresholds):
    found = around(value, scale, freedom)
    tight, loose = sorted(thresholds)
    assert p_above(found, tight) <= p_above(found, loose) + 1e-12
    assert p_below(found, loose) <= p_below(found, tight) + 1e-12


@given(value=st.floats(0.05, 0.95), scale=st.floats(0.05, 1), more=st.floats(1, 5), threshold=st.floats(0.02, 0.98))
def test_more_noise_never_makes_a_failure_surer(value, scale, more, threshold):
    if threshold < value:
        assert p_above(around(value, scale), threshold) <= p_above(around(value, more * scale), threshold) + 1e-12
