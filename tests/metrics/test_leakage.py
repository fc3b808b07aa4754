import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics import roc
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc
from genoaudit.metrics.leakage import mean_over_targets, summarise


@pytest.fixture
def leaky(half_split, rng):
    members, partner = half_split(8, 120, rng)
    scores = rng.normal(size=(8, 120)) + members * 1.5 + rng.normal(size=120) * 0.5
    return scores, members, partner


def numbers(scores, members, partner, **options):
    options = {"replicates": 200, "generator": np.random.default_rng(1)} | options
    return summarise(scores, members, partner, **options)


def estimates(leakage):
    return [leakage.auc, leakage.balanced_accuracy, leakage.advantage]


def test_mean_over_targets_is_the_mean_of_each_targets_own_numbers(leaky):
    scores, members, partner = leaky
    found = numbers(scores, members, partner).mean_over_targets
    sides = [(s[m], s[~m]) for s, m in zip(scores, members, strict=True)]
    assert found.auc.value == pytest.approx(np.mean([roc.auc(*pair) for pair in sides]))
    assert found.advantage.value == pytest.approx(np.mean([roc.advantage(*pair) for pair in sides]))
    assert found.balanced_accuracy.value == pytest.approx((1 + found.advantage.value) / 2)
    rates = [roc.tpr_at_fpr(*pair, fpr=0.1) for pair in sides]
    assert found.tpr_at_fpr[0].tpr == pytest.approx(np.mean([tpr for tpr, _ in rates]))
    assert found.tpr_at_fpr[0].achieved_fpr == pytest.approx(np.mean([fpr for _, fpr in rates]))


def test_pooled_numbers_judge_all_scores_with_one_threshold(leaky):
    scores, members, partner = leaky
    found = numbers(scores, members, partner)
    inside, outside = scores[members], scores[~members]
    assert found.pooled.auc.value == roc.auc(inside, outside)
    assert found.pooled.advantage.value == roc.advantage(inside, outside)
    tpr, achieved = roc.tpr_at_fpr(inside, outside, fpr=0.1)
    assert (found.pooled.tpr_at_fpr[0].tpr, found.pooled.tpr_at_fpr[0].achieved_fpr) == (tpr, achieved)
    for fpr, rate in zip(found.roc.fpr, found.roc.tpr, strict=True):
        assert rate == roc.tpr_at_fpr(inside, outside, fpr=fpr)[0]


def test_independent_non_members_decide_what_is_shown(leaky):
    scores, members, partner = leaky  # 60 non-members per target, 120 patients out of some target
    found = numbers(scores, members, partner, fprs=(0.2, 0.1, 0.01, 0.001))
    mean, pooled = found.mean_over_targets.tpr_at_fpr, found.pooled.tpr_at_fpr
    assert [rate.n_out for rate in mean] == [60] * 4
    assert [rate.n_out for rate in pooled] == [120] * 4
    assert [rate.resolvable for rate in mean] == [True, False, False, False]
    assert [rate.resolvable for rate in pooled] == [True, True, False, False]
    assert [rate.tpr is None for rate in mean] == [False, False, True, True]
    assert [rate.tpr is None for rate in pooled] == [False, False, False, True]
    for rate in (*mean, *pooled):
        assert len({value is None for value in (rate.tpr, rate.achieved_fpr, rate.low, rate.high)}) == 1
        assert rate.achieved_fpr is None or rate.achieved_fpr <= rate.fpr + 1e-12


@pytest.mark.parametrize("targets", [1, 2, 7, 8], ids=["one target", "one pair", "odd", "four pairs"])
def test_every_interval_holds_its_value_within_its_range(targets, half_split, rng):
    members, partner = half_split(targets, 50, rng)
    scores = rng.normal(size=members.shape) + members
    found = numbers(scores, members, partner, fprs=(0.1, 0.04))
    for leakage in (found.mean_over_targets, found.pooled):
        for estimate in estimates(leakage):
            assert 0 <= estimate.low < estimate.value < estimate.high <= 1
        for rate in leakage.tpr_at_fpr:
            assert 0 <= rate.low <= rate.tpr <= rate.high <= 1


def test_curve_is_monotone_inside_its_band_and_ends_at_one(leaky):
    curve = numbers(*leaky).roc
    fpr, tpr, low, high = map(np.array, (curve.fpr, curve.tpr, curve.low, curve.high))
    assert fpr[0] == pytest.approx(1 / 120)
    assert (fpr[-1], tpr[-1]) == (1, 1)
    assert np.all(np.diff(fpr) > 0)
    np.testing.assert_allclose(np.diff(np.log(fpr)), np.log(120) / (fpr.size - 1))
    for line in (tpr, low, high):
        assert np.all(np.diff(line) >= 0)
    assert np.all((low >= 0) & (low <= tpr) & (tpr <= high) & (high <= 1))


def test_constant_scores_are_chance_with_no_lucky_order(half_split, rng):
    members, partner = half_split(6, 40, rng)
    found = numbers(np.full((6, 40), 2.5), members, partner, fprs=(0.1,))
    for leakage in (found.mean_over_targets, found.pooled):
        assert leakage.auc.value == 0.5
        assert leakage.advantage.value == 0
        rate = leakage.tpr_at_fpr[0]
        assert (rate.tpr, rate.achieved_fpr, rate.low) == (0, 0, 0)
        assert rate.high == clopper_pearson(0, 20)[1]


@pytest.mark.parametrize(("sign", "value"), [(1, 1.0), (-1, 0.0)], ids=["perfect", "inverted"])
def test_perfect_separation_keeps_honest_intervals(sign, value, half_split, rng):
    members, partner = half_split(6, 40, rng)
    scores = sign * (10 * members + rng.random(members.shape))
    found = numbers(scores, members, partner, fprs=(0.1,))
    low, high = newcombe_auc(value, 20, 20)
    exact_low, exact_high = clopper_pearson(20 * value, 20)
    for leakage in (found.mean_over_targets, found.pooled):
        assert (leakage.auc.value, leakage.auc.low, leakage.auc.high) == (value, low, high)
        rate = leakage.tpr_at_fpr[0]
        assert (rate.tpr, rate.low, rate.high) == (value, exact_low, exact_high)


def test_same_generator_same_numbers_and_the_headline_alone_agrees(leaky):
    scores, members, partner = leaky
    assert numbers(scores, members, partner) == numbers(scores, members, partner)
    alone = mean_over_targets(scores, members, partner, replicates=200, generator=np.random.default_rng(1))
    assert alone == numbers(scores, members, partner).mean_over_targets


def test_numbers_do_not_depend_on_the_block_size(leaky, monkeypatch):
    expected = numbers(*leaky)
    monkeypatch.setattr(roc, "BLOCK", 500)
    assert numbers(*leaky) == expected


def test_order_of_patients_changes_no_value(leaky, rng):
    scores, members, partner = leaky
    order = rng.permutation(120)
    one, two = numbers(scores, members, partner), numbers(scores[:, order], members[:, order], partner)
    assert one.roc.tpr == two.roc.tpr
    assert [e.value for e in estimates(one.pooled)] == [e.value for e in estimates(two.pooled)]
    assert [e.value for e in estimates(one.mean_over_targets)] == [e.value for e in estimates(two.mean_over_targets)]


def test_three_pairs_that_differ_get_students_interval_of_three_values(half_split, rng):
    # With many patients only the pairs vary: mean +- t(2 degrees of freedom) * sd / sqrt(3).
    members, partner = half_split(6, 3000, rng)
    scores = rng.normal(size=members.shape) + members * np.repeat([0.2, 1.0, 1.5], 2)[:, None]
    found = numbers(scores, members, partner, replicates=2000, fprs=(0.1,))
    each = [
        mean_over_targets(s, m, np.array([-1]), fprs=(0.1,), replicates=2, generator=rng)
        for s, m in zip(scores[:, None], members[:, None], strict=True)
    ]
    rates = np.array([one.tpr_at_fpr[0].tpr for one in each]).reshape(3, 2).mean(axis=1)
    expected = stats.t.ppf(0.975, 2) * rates.std(ddof=1) / np.sqrt(3)
    rate = found.mean_over_targets.tpr_at_fpr[0]
    assert rate.tpr == pytest.approx(rates.mean())
    assert rate.high - rate.tpr == pytest.approx(expected, rel=0.1)
    assert found.mean_over_targets.auc.high - found.mean_over_targets.auc.low == pytest.approx(
        found.pooled.auc.high - found.pooled.auc.low, rel=0.1
    )


def test_with_one_pair_the_interval_covers_patients_alone(half_split, rng):
    members, partner = half_split(2, 400, rng)
    scores = rng.normal(size=members.shape) + members * np.array([[0.0], [3.0]])
    found = numbers(scores, members, partner, replicates=1000).mean_over_targets.auc
    variances = []
    for row, held in zip(scores, members, strict=True):  # DeLong's variance of each target, patients independent
        inside, outside = row[held], row[~held]
        above = (inside[:, None] > outside[None]).astype(float)
        variances.append(above.mean(axis=1).var(ddof=1) / 200 + above.mean(axis=0).var(ddof=1) / 200)
    expected = 2 * 1.96 * np.sqrt(sum(variances)) / 2
    assert found.high - found.low == pytest.approx(expected, rel=0.15)


def test_a_small_target_may_lose_a_side_in_a_replicate(rng):
    members = np.zeros((2, 12), dtype=bool)
    members[0, 0] = members[1, 1:] = True
    scores = rng.normal(size=(2, 12))
    found = numbers(scores, members, np.array([1, 0]), fprs=(0.5,))
    for leakage in (found.mean_over_targets, found.pooled):
        assert all(np.isfinite([e.value, e.low, e.high]).all() for e in estimates(leakage))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partner": np.array([1])}, "one partner per target"),
        ({"scores": np.zeros(4)}, r"found scores \(4,\)"),
        ({"replicates": 1}, "at least 2 replicates"),
        ({"scores": np.full((2, 4), np.nan)}, "8 of 8 scores are not finite"),
        ({"members": np.ones((2, 4), dtype=bool)}, "one side only"),
        ({"partner": np.array([1, 1])}, "mutual"),
    ],
    ids=["partners", "dimensions", "replicates", "nan", "one side", "not mutual"],
)
def test_unusable_input_is_refused(change, message):
    good = {
        "scores": np.zeros((2, 4)),
        "members": np.array([[True, True, False, False], [False, False, True, True]]),
        "partner": np.array([1, 0]),
        "replicates": 10,
    }
    arguments = good | change
    with pytest.raises(ConfigError, match=message):
        summarise(**arguments, generator=np.random.default_rng(0))
