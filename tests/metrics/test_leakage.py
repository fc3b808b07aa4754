import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.errors import ConfigError
from genoaudit.metrics import leakage as leakage_module
from genoaudit.metrics import roc
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc, pair_codes, two_way_weights
from genoaudit.metrics.leakage import mean_over_targets, summarise


@pytest.fixture
def leaky(half_split, rng):
    members, partner = half_split(8, 120, rng)
    scores = rng.normal(size=(8, 120)) + members * 1.5 + rng.normal(size=120) * 0.5
    return scores, members, partner


def numbers(scores, members, partner, **options):
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
        assert rate.high == pytest.approx(float(clopper_pearson(0, 20)[1]))


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
        assert (rate.tpr, rate.low, rate.high) == pytest.approx((value, float(exact_low), float(exact_high)))
        if value == 1:
            assert 0.7 < leakage.advantage.low < leakage.advantage.high == leakage.advantage.value


def test_the_headline_alone_agrees_and_no_number_is_drawn(leaky):
    scores, members, partner = leaky
    alone = mean_over_targets(scores, members, partner)
    assert alone == numbers(scores, members, partner).mean_over_targets


def test_of_a_single_target_pooling_changes_nothing(half_split, rng):
    members, partner = half_split(1, 240, rng)
    found = numbers(rng.normal(size=members.shape) + members, members, partner)
    assert found.pooled == found.mean_over_targets


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
    found = numbers(scores, members, partner, fprs=(0.1,))
    each = [
        mean_over_targets(s, m, np.array([-1]), fprs=(0.1,))
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
    found = numbers(scores, members, partner).mean_over_targets.auc
    variances = []
    for row, held in zip(scores, members, strict=True):  # DeLong's variance of each target, patients independent
        inside, outside = row[held], row[~held]
        above = (inside[:, None] > outside[None]).astype(float)
        variances.append(above.mean(axis=1).var(ddof=1) / 200 + above.mean(axis=0).var(ddof=1) / 200)
    expected = 2 * 1.96 * np.sqrt(sum(variances)) / 2
    assert found.high - found.low == pytest.approx(expected, rel=0.15)


def bootstrap_deviation(scores, members, partner, statistic, rng, replicates=600):
    """Standard deviation over replicates that redraw patients and pairs of models and judge every target anew."""
    patients, targets = two_way_weights(scores.shape[1], pair_codes(partner), replicates, rng)
    each = [statistic(roc.roc_statistics(s, m, patients, fprs=(0.1,))) for s, m in zip(scores, members, strict=True)]
    return np.average(each, axis=0, weights=targets.T).std(ddof=1)


STATISTICS = {
    "auc": (lambda found: found.auc, lambda leakage: leakage.auc),
    "tpr": (lambda found: found.tpr[:, 0], lambda leakage: leakage.tpr_at_fpr[0]),
}


@pytest.mark.parametrize(("statistic", "tolerance"), [("auc", 0.08), ("tpr", 0.25)])
@pytest.mark.parametrize("targets", [1, 40])
def test_linearised_spread_agrees_with_the_full_bootstrap(targets, statistic, tolerance, half_split, rng):
    # Exposed patients and leaky models, little that is particular to one patient in one model: that the bootstrap of
    # products of weights counts three times, the linearised one twice.
    members, partner = half_split(targets, 800, rng)
    gain = 1 + 0.5 * rng.normal(size=800) + 0.4 * rng.normal(size=(targets, 1))
    scores = rng.normal(size=800) + members * gain + 0.3 * rng.normal(size=members.shape)
    of_replicates, of_leakage = STATISTICS[statistic]
    wanted = bootstrap_deviation(scores, members, partner, of_replicates, rng)
    found = of_leakage(mean_over_targets(scores, members, partner, fprs=(0.1,)))
    quantile = stats.t.isf(0.025, max(targets // 2 - 1, 1)) if targets > 1 else stats.norm.isf(0.025)
    low, high = (found.high - found.low) / 2 / quantile, (found.high - found.low) / 2 / stats.norm.isf(0.025)
    assert low * (1 - tolerance) <= wanted <= high * (1 + tolerance)


def test_a_patient_counted_in_many_targets_is_one_patient(half_split, rng):
    # The same scores in every target: more targets are no more evidence, so the interval keeps its width.
    members, _ = half_split(1, 400, rng)
    scores = rng.normal(size=members.shape) + members
    one = mean_over_targets(scores, members, np.array([-1]), fprs=(0.1,))
    many = mean_over_targets(
        *(np.repeat(values, 9, axis=0) for values in (scores, members)), np.full(9, -1), fprs=(0.1,)
    )
    assert many.auc.high - many.auc.low == pytest.approx(one.auc.high - one.auc.low)
    assert many.tpr_at_fpr[0].high == pytest.approx(one.tpr_at_fpr[0].high)


def test_order_of_patients_changes_no_limit_even_with_ties(half_split, rng):
    members, partner = half_split(4, 200, rng)
    scores = np.round(rng.normal(size=members.shape) + members, 1)
    order = rng.permutation(200)
    one, two = numbers(scores, members, partner), numbers(scores[:, order], members[:, order], partner)
    for left, right in zip(one.mean_over_targets.tpr_at_fpr[:1], two.mean_over_targets.tpr_at_fpr[:1], strict=True):
        assert (left.low, left.high) == pytest.approx((right.low, right.high))
    assert one.pooled.auc.low == pytest.approx(two.pooled.auc.low)
    assert one.roc.high == pytest.approx(two.roc.high)


def test_one_patient_on_a_side_is_enough_for_finite_numbers(rng):
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
        ({"scores": np.full((2, 4), np.nan)}, "8 of 8 scores are not finite"),
        ({"members": np.ones((2, 4), dtype=bool)}, "one side only"),
        ({"partner": np.array([1, 1])}, "rings"),
    ],
    ids=["partners", "dimensions", "nan", "one side", "no rings"],
)
def test_unusable_input_is_refused(change, message):
    good = {
        "scores": np.zeros((2, 4)),
        "members": np.array([[True, True, False, False], [False, False, True, True]]),
        "partner": np.array([1, 0]),
    }
    arguments = good | change
    with pytest.raises(ConfigError, match=message):
        summarise(**arguments)


def test_allowance_for_having_looked_is_miller_and_siegmunds():
    # Tail of the largest standardised difference over thresholds between the 15 % and 85 % points (Biometrics 1982).
    def excess(b):
        return stats.norm.pdf(b) * (4 / b + (b - 1 / b) * 2 * np.log(0.85 / 0.15)) - 0.05

    assert optimize.brentq(excess, 2, 4) == pytest.approx(leakage_module._LOOKED_FOR, abs=0.005)
