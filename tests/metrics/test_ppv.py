from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.ppv import positive_predictive_value, ppv_at_priors, ppv_from_counts


def test_bayes_rule_equals_counting_people():
    # 10,000 people, 100 of them members: 40 right accusations and 99 wrong ones.
    assert positive_predictive_value(0.4, 0.01, 0.01) == pytest.approx(float(Fraction(40, 40 + 99)))


def test_an_uninformative_attack_leaves_the_prior():
    for prior in (0.01, 0.1, 0.5):
        assert positive_predictive_value(0.3, 0.3, prior) == pytest.approx(prior)


def test_nobody_accused_has_no_ppv():
    found = positive_predictive_value(np.array([0.0, 0.0, 0.5]), np.array([0.0, 0.5, 0.0]), 0.1)
    assert np.array_equal(found, [np.nan, 0.0, 1.0], equal_nan=True)


def test_default_priors_and_value_from_the_upper_fpr():
    rows = ppv_from_counts(60, 100, 5, 100)
    assert [row.prior for row in rows] == [0.01, 0.1, 0.5]
    tpr = stats.binomtest(60, 100).proportion_ci(0.975, method="exact")
    fpr = stats.binomtest(5, 100).proportion_ci(0.975, method="exact")
    for row in rows:
        odds = row.prior / (1 - row.prior)
        for found, likelihood_ratio in [
            (row.value, 0.6 / fpr.high), (row.low, tpr.low / fpr.high), (row.high, tpr.high / fpr.low),
        ]:  # fmt: skip
            assert found == pytest.approx(1 / (1 + 1 / (odds * likelihood_ratio)), rel=1e-6)
        assert row.low < row.value < row.high < 1


@pytest.mark.parametrize("tp", [0, 1, 50, 100])
def test_without_false_positives_only_the_lower_limit_is_printed(tp):
    for row in ppv_from_counts(tp, 100, 0, 100):
        assert row.value is None
        assert row.high is None
        assert 0 <= row.low < 1
        assert (row.low == 0) == (tp == 0)


def test_no_number_is_ever_one():
    for tp in range(0, 31, 5):
        for fp in range(31):
            for row in ppv_from_counts(tp, 30, fp, 30):
                assert all(number is None or number < 1 for number in (row.value, row.low, row.high))


def test_more_hits_raise_and_more_alarms_lower_every_number():
    hits = [ppv_from_counts(tp, 50, 5, 50, priors=(0.1,))[0] for tp in range(51)]
    alarms = [ppv_from_counts(25, 50, fp, 50, priors=(0.1,))[0] for fp in range(1, 51)]
    for name in ("value", "low", "high"):
        rising, falling = ([getattr(row, name) for row in rows] for rows in (hits, alarms))
        assert rising == sorted(rising)
        assert falling == sorted(falling, reverse=True)


def test_a_bootstrap_fpr_that_reaches_zero_has_no_upper_limit():
    (row,) = ppv_at_priors(Estimate(0.4, 0.3, 0.5), Estimate(0.01, 0.0, 0.02), priors=(0.5,))
    assert row.high is None
    assert row.value == pytest.approx(0.4 / 0.42)


@pytest.mark.parametrize(
    ("tpr", "fpr"),
    [
        (Estimate(None, None, None), Estimate(0.1, 0.05, 0.2)),
        (Estimate(0.4, 0.3, 0.5), Estimate(None, None, None)),
        (Estimate(0.4, 0.3, 0.5), Estimate(0.0, 0.0, 0.0)),
        (Estimate(1.4, 1.3, 1.5), Estimate(0.1, 0.05, 0.2)),
    ],
)
def test_rates_without_evidence_are_refused(tpr, fpr):
    with pytest.raises(ConfigError):
        ppv_at_priors(tpr, fpr)


@pytest.mark.parametrize("keywords", [{"priors": (0.0,)}, {"priors": (1.0,)}, {"level": 1.0}])
def test_impossible_arguments_are_refused(keywords):
    with pytest.raises(ConfigError):
        ppv_from_counts(1, 10, 1, 10, **keywords)


@pytest.mark.parametrize("counts", [(0, 0, 1, 10), (1, 10, 0, 0), (11, 10, 1, 10)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ConfigError):
        ppv_from_counts(*counts)
