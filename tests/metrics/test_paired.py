import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.paired import mean_accuracy, mean_with_interval, model_accuracy, paired_loss


def test_accuracies_equal_a_count_sample_by_sample(rng, half_split):
    members, partner = half_split(7, 30, rng)
    proba = rng.random((7, 30, 4)).astype(np.float32)
    y = rng.integers(0, 4, size=30)
    found = model_accuracy(proba, y, ~members)
    for model in range(7):
        hits = [np.argmax(proba[model, i]) == y[i] for i in range(30) if not members[model, i]]
        assert found[model] == pytest.approx(sum(hits) / len(hits))
    by_pair = [found[pair_codes(partner) == code].mean() for code in range(4)]
    assert mean_accuracy(found, pair_codes(partner)) == mean_with_interval(np.array(by_pair))


def test_members_never_count():
    y = np.array([0, 1, 0, 1])
    non_members = np.array([[True, True, False, False], [False, False, True, True]])
    right = np.eye(2, dtype=np.float32)[y]
    proba = np.where(non_members[:, :, None], right, 1 - right)
    assert model_accuracy(proba, y, non_members).tolist() == [1.0, 1.0]
    assert model_accuracy(proba, y, ~non_members).tolist() == [0.0, 0.0]


def test_the_interval_is_students_over_pairs(rng):
    values = rng.normal(0.8, 0.05, size=12)
    found = mean_with_interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert np.allclose([found.value, found.low, found.high], [values.mean(), expected.low, expected.high])


@pytest.mark.parametrize(("values", "expected"), [([], (None, None, None)), ([0.7], (0.7, None, None))])
def test_fewer_than_two_pairs_have_no_limits(values, expected):
    found = mean_with_interval(np.array(values))
    assert (found.value, found.low, found.high) == expected


def test_the_two_models_of_a_pair_are_one_observation():
    without, protected = np.array([0.9, 0.7]), np.array([0.8, 0.7])
    found = paired_loss(without, protected, np.array([3, 3]))
    assert np.isclose(found.value, 0.05)
    assert found.low is None
    apart = paired_loss(without, protected, np.array([0, 1]))
    assert np.isclose(apart.value, 0.05)
    assert apart.low is not None


def test_the_loss_is_the_paired_t_test_of_pair_means(rng):
    pair = np.repeat(np.arange(8), 2)
    hard = rng.normal(0, 0.1, size=8)[pair]
    without, protected = (mean + hard + rng.normal(0, 0.01, size=16) for mean in (0.85, 0.8))
    found = paired_loss(without, protected, pair)
    by_pair = [values.reshape(8, 2).mean(axis=1) for values in (without, protected)]
    expected = stats.ttest_rel(*by_pair).confidence_interval(0.95)
    assert np.allclose([found.low, found.high], [expected.low, expected.high])
    assert 0.03 < found.low < found.value < found.high < 0.07
    # What both have in common cancels: either accuracy alone is far less certain.
    alone = mean_with_interval(by_pair[0])
    assert found.high - found.low < (alone.high - alone.low) / 5


def test_a_protection_that_is_off_costs_exactly_nothing(rng):
    accuracy = rng.random(6)
    found = paired_loss(accuracy, accuracy, np.array([0, 0, 1, 1, 2, 2]))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_interval_covers_the_mean_over_splits_as_often_as_it_says(rng):
    """A fixed cohort: accuracies over all splits of 12 patients of unequal difficulty, pairs drawn anew 2000 times."""
    chance = rng.random(12)
    covered = 0
    for _ in range(2000):
        split = np.array([rng.permutation(12) < 6 for _ in range(4)]).repeat(2, axis=0)
        split[1::2] ^= True
        right = rng.random((8, 12)) < np.clip(chance - 0.2 * (~split).mean(axis=1, keepdims=True), 0, 1)
        accuracy = (right & ~split).sum(axis=1) / 6
        found = mean_with_interval(accuracy.reshape(4, 2).mean(axis=1))
        covered += found.low <= np.clip(chance - 0.1, 0, 1).mean() <= found.high
    # 2000 tries, 4 standard deviations of 0.5 points.
    assert abs(covered / 2000 - 0.95) < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_with_interval(np.array([0.1, np.nan])), "1 not finite"),
        (lambda: paired_loss(np.zeros(2), np.zeros(3), np.zeros(2, dtype=int)), "of the same models"),
        (lambda: paired_loss(np.zeros(2), np.zeros(2), np.zeros(3, dtype=int)), r"must both be \[models\]"),
        (
            lambda: model_accuracy(np.zeros((2, 3, 2), np.float32), np.zeros(3, int), np.zeros((2, 4), bool)),
            "must be",
        ),
        (
            lambda: model_accuracy(np.zeros((2, 3, 2), np.float32), np.zeros(3, int), np.arange(2)[:, None] < [1] * 3),
            r"1 of 2 models have no non-member \(first: model 1\)",
        ),
        (
            lambda: model_accuracy(np.full((1, 3, 2), np.nan, np.float32), np.zeros(3, int), np.ones((1, 3), bool)),
            "not finite",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
