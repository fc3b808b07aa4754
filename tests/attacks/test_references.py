import numpy as np
import pytest

from genoaudit.attacks.references import reference_moments
from genoaudit.data.design import make_random_splits
from genoaudit.errors import ConfigError


def naive(statistic, side, partner):
    """Collect the references of every target and patient one by one."""
    models, patients = statistic.shape
    count, mean, squares = (np.empty((models, patients)) for _ in range(3))
    for target in range(models):
        together, follower = {target}, partner[target]
        while follower not in together | {-1}:
            together.add(follower)
            follower = partner[follower]
        kept = [m for m in range(models) if m not in together]
        for i in range(patients):
            values = [statistic[m, i] for m in kept if side[m, i]]
            count[target, i] = len(values)
            mean[target, i] = np.mean(values)
            squares[target, i] = len(values) * np.var(values)
    return count, mean, squares


@pytest.mark.parametrize("models", [6, 7, 12], ids=["fewest", "odd", "twelve"])
def test_equals_collecting_the_references_one_by_one(models, rng, make_design):
    design = make_design(models, 13, rng)
    statistic = rng.normal(size=(models, 13)) * 2 + 30 + np.arange(13)
    moments = reference_moments(statistic, design.members, design.partner)
    count, mean, squares = naive(statistic, design.members, design.partner)
    np.testing.assert_array_equal(moments.count, count)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(moments.squares, squares, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(moments.variance, squares / (count - 1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("models", [16, 19], ids=["whole rounds", "a round cut short"])
def test_a_whole_round_of_a_random_split_is_left_out_with_its_target(models, rng):
    design = make_random_splits(np.zeros(20, dtype=np.intp), np.arange(20), members=15, models=models, seed=1)
    statistic = rng.normal(size=(models, 20)) * 2 + 30 + np.arange(20)
    for side in (design.members, ~design.members):
        moments = reference_moments(statistic, side, design.partner)
        count, mean, squares = naive(statistic, side, design.partner)
        np.testing.assert_array_equal(moments.count, count)
        np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(moments.squares, squares, rtol=1e-9, atol=1e-12)


def test_counts_say_nothing_of_the_target_in_whole_rounds_of_a_random_split():
    design = make_random_splits(np.zeros(20, dtype=np.intp), np.arange(20), members=15, models=16, seed=1)
    for side, left in ((design.members, 9), (~design.members, 3)):
        moments = reference_moments(np.zeros((16, 20)), side, design.partner)
        np.testing.assert_array_equal(moments.count, np.full((16, 20), left))


def test_counts_say_nothing_of_the_target_where_pairs_are_complementary(rng, make_design):
    design = make_design(10, 40, rng)
    for side in (design.members, ~design.members):
        moments = reference_moments(rng.normal(size=(10, 40)), side, design.partner)
        np.testing.assert_array_equal(moments.count, np.full((10, 40), 4))


@pytest.mark.parametrize("least", [1, 2])
def test_target_and_partner_change_nothing_of_their_own_moments(least, rng, make_design):
    design = make_design(8, 12, rng)
    statistic = rng.normal(size=(8, 12))
    changed = statistic.copy()
    changed[[2, 3]] = rng.normal(size=(2, 12))
    before = reference_moments(statistic, design.members, design.partner, least=least)
    after = reference_moments(changed, design.members, design.partner, least=least)
    np.testing.assert_allclose(after.mean[[2, 3]], before.mean[[2, 3]], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(after.squares[[2, 3]], before.squares[[2, 3]], rtol=1e-9, atol=1e-12)
    assert not np.allclose(after.mean[0], before.mean[0])


@pytest.mark.parametrize("outlier", [0.3, 18.4, 5e3, 1e8])
def test_references_that_agree_exactly_have_no_variance_whatever_the_target_says(outlier, rng, make_design):
    design = make_design(12, 9, rng)
    statistic = np.full((12, 9), 0.1)
    statistic[[4, 5]] = np.array([outlier, -outlier / 3])[:, None]
    for side in (design.members, ~design.members):
        np.testing.assert_array_equal(reference_moments(statistic, side, design.partner).squares[[4, 5]], 0.0)


def test_one_reference_is_enough_for_a_mean(rng, make_design):
    design = make_design(4, 8, rng)
    statistic = rng.normal(size=(4, 8))
    moments = reference_moments(statistic, design.members, design.partner, least=1)
    assert (moments.count == 1).all()
    expected = np.where(design.members[2], statistic[2], statistic[3])
    np.testing.assert_allclose(moments.mean[:2], [expected, expected], rtol=1e-12)


@pytest.mark.parametrize(("models", "least"), [(4, 2), (2, 1)])
def test_too_few_references_are_an_error_that_says_how_many(models, least, rng, make_design):
    design = make_design(models, 6, rng)
    with pytest.raises(ConfigError, match=rf"at least {least} of each.*6 of 6 patients.*patient number 0"):
        reference_moments(rng.normal(size=(models, 6)), design.members, design.partner, least=least)
