import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics import thresholds
from genoaudit.metrics.intervals import two_way_weights
from genoaudit.metrics.thresholds import at_shadow_thresholds, at_thresholds, thresholds_from


def found(scores, members, partner, **options):
    options = {"replicates": 20, "generator": np.random.default_rng(1)} | options
    return at_shadow_thresholds(scores, members, partner, **options)


def slow_threshold(scores, weights, fpr):
    """Smallest of all candidates that keeps to the budget, tried one after the other from below."""
    allowed = fpr * weights.sum() + 1e-9
    candidates = [-np.inf, *np.nextafter(np.sort(scores), np.inf)]
    return next(value for value in candidates if weights[scores >= value].sum() <= allowed)


def slow_rates(scores, members, partner, fpr, patients, targets):
    """TPR and FPR of every target in one replicate; `targets` counts the targets that thresholds are taken from."""
    rates = []
    for target, (row, held) in enumerate(zip(scores, members, strict=True)):
        others = [model for model in range(len(scores)) if model not in (target, partner[target])]
        pool = np.concatenate([scores[model][~members[model]] for model in others])
        weights = np.concatenate([targets[model] * patients[~members[model]] for model in others])
        taken = row >= slow_threshold(pool, weights, fpr)
        rates.append([(patients * taken * side).sum() / (patients * side).sum() for side in (held, ~held)])
    return np.array(rates)


@pytest.fixture
def leaky(half_split, rng):
    members, partner = half_split(6, 40, rng)
    return np.round(rng.normal(size=(6, 40)) + members * 1.5, 1), members, partner  # rounded: with ties


@pytest.mark.parametrize("alone", [False, True], ids=["pairs", "no partners"])
def test_rates_are_those_of_a_plain_loop_over_targets(alone, leaky):
    scores, members, partner = leaky
    partner = np.full(6, -1) if alone else partner
    fprs = (0.3, 0.1, 0.07)
    once = np.ones(40, dtype=int), np.ones(6, dtype=int)
    for fpr, row in zip(fprs, found(scores, members, partner, fprs=fprs), strict=True):
        tpr, achieved = slow_rates(scores, members, partner, fpr, *once).mean(axis=0)
        assert (row.fpr, row.tpr.value, row.achieved_fpr.value) == pytest.approx((fpr, tpr, achieved))


def test_every_replicate_takes_its_thresholds_anew(leaky, monkeypatch):
    scores, members, partner = leaky
    seen = {}

    def keep(rates, targets, *rest):
        seen["mean"] = np.array([np.average(rates[:, r], axis=0, weights=w) for r, w in enumerate(targets)])
        return ()

    monkeypatch.setattr(thresholds, "_summary", keep)
    found(scores, members, partner, fprs=(0.1,), generator=np.random.default_rng(5))
    patients, targets = two_way_weights(40, np.array([0, 0, 1, 1, 2, 2]), 20, np.random.default_rng(5))
    single = 0
    for replicate, (drawn, models) in enumerate(zip(patients, targets, strict=True), start=1):
        only_one = (models > 0).sum() == 2
        single += only_one
        rates = slow_rates(scores, members, partner, 0.1, drawn, np.ones(6, dtype=int) if only_one else models)
        expected = np.average(rates, axis=0, weights=models)
        assert seen["mean"][replicate, :, 0] == pytest.approx(expected)
    assert single, "no replicate drew one pair only; choose another seed"


def test_blocks_of_replicates_change_nothing(leaky, monkeypatch):
    expected = found(*leaky, fprs=(0.1,))
    monkeypatch.setattr(thresholds, "_BLOCK", 500)
    assert found(*leaky, fprs=(0.1,)) == expected


def test_the_target_and_its_partner_have_no_say_in_its_threshold(half_split, rng):
    members, partner = half_split(4, 40, rng)
    scores = rng.normal(size=(4, 40))
    scores[2:] += 100  # thresholds from the other pair are either far too low or far too high
    (row,) = found(scores, members, partner, fprs=(0.1,))
    assert (row.tpr.value, row.achieved_fpr.value) == (0.5, 0.5)


def test_a_planted_leak_meets_the_closed_form(half_split, rng):
    members, partner = half_split(64, 1000, rng)
    scores = rng.normal(size=members.shape) + members * 1.5
    for row in found(scores, members, partner, fprs=(0.1, 0.01)):
        assert row.achieved_fpr.value == pytest.approx(row.fpr, abs=1e-3)
        assert row.tpr.low < stats.norm.sf(stats.norm.isf(row.fpr) - 1.5) < row.tpr.high
        assert row.tpr.high - row.tpr.low < 0.05
        odds = row.ppv[1].prior / (1 - row.ppv[1].prior) * row.tpr.value / row.achieved_fpr.value
        assert row.ppv[1].low < odds / (1 + odds) < row.ppv[1].high


def test_noise_keeps_to_the_budget_and_gains_nothing(half_split, rng):
    members, partner = half_split(64, 400, rng)
    (row,) = found(rng.normal(size=members.shape), members, partner, fprs=(0.1,))
    assert row.achieved_fpr.value == pytest.approx(0.1, abs=2e-3)
    assert row.tpr.low < 0.1 < row.tpr.high
    assert row.ppv[2].low < 0.5 < row.ppv[2].high


def test_constant_scores_flag_nobody_and_perfect_ones_every_member(half_split, rng):
    members, partner = half_split(6, 40, rng)
    (row,) = found(np.full((6, 40), 2.5), members, partner, fprs=(0.1,))
    assert (row.tpr.value, row.tpr.low, row.achieved_fpr.value, row.achieved_fpr.low) == (0, 0, 0, 0)
    assert row.tpr.high == pytest.approx(stats.binomtest(0, 20).proportion_ci(method="exact").high)
    assert all(entry.value is None and entry.low == 0 for entry in row.ppv)
    (row,) = found(members + np.tile(np.arange(40) / 100, (6, 1)), members, partner, fprs=(0.1,))
    assert (row.tpr.value, row.tpr.high) == (1, 1)
    assert row.tpr.low == pytest.approx(stats.binomtest(20, 20).proportion_ci(method="exact").low)


def test_rates_below_one_non_member_are_not_shown(half_split, rng):
    members, partner = half_split(8, 60, rng)
    shown, hidden = found(rng.normal(size=members.shape), members, partner, fprs=(0.1, 0.01))
    assert len(shown.ppv) == 3
    assert shown.tpr.value is not None
    assert (hidden.tpr.value, hidden.achieved_fpr.high, hidden.ppv) == (None, None, ())


@pytest.mark.parametrize("targets", [1, 2], ids=["one model", "one pair"])
def test_a_single_pair_has_no_other_models(targets, half_split, rng):
    members, partner = half_split(targets, 40, rng)
    assert found(rng.normal(size=members.shape), members, partner) == ()


def test_an_odd_model_has_no_partner_to_leave_out(half_split, rng):
    members, partner = half_split(5, 40, rng)
    scores = rng.normal(size=members.shape)
    (row,) = found(scores, members, partner, fprs=(0.1,))
    once = np.ones(40, dtype=int), np.ones(5, dtype=int)
    partners = np.where(partner < 0, np.arange(5), partner)
    assert row.tpr.value == pytest.approx(slow_rates(scores, members, partners, 0.1, *once)[:, 0].mean())


def test_one_target_is_judged_exactly(rng):
    members = np.arange(100) < 60
    scores = np.where(members, 1.0, 0.0)
    scores[:30] = -1.0
    scores[60:63] = 2.0
    (row,) = at_thresholds(scores, members, np.array([0.5]), [0.1])
    exact = stats.binomtest(30, 60).proportion_ci(method="exact")
    assert (row.tpr.value, row.tpr.low, row.tpr.high) == pytest.approx((0.5, exact.low, exact.high))
    exact = stats.binomtest(3, 40).proportion_ci(method="exact")
    assert (row.achieved_fpr.value, row.achieved_fpr.low, row.achieved_fpr.high) == pytest.approx(
        (3 / 40, exact.low, exact.high)
    )
    upper = stats.binomtest(3, 40).proportion_ci(0.975, method="exact").high
    assert row.ppv[2].value == pytest.approx(0.5 / (0.5 + upper))


def test_one_target_and_the_mean_over_targets_agree(leaky):
    scores, members, partner = leaky
    each = []
    for target in range(6):
        others = [model for model in range(6) if model not in (target, partner[target])]
        cut = thresholds_from(scores[others], members[others], (0.1,))
        each.append(at_thresholds(scores[target], members[target], cut, (0.1,))[0].tpr.value)
    assert found(scores, members, partner, fprs=(0.1,))[0].tpr.value == pytest.approx(np.mean(each))


def test_a_threshold_is_the_smallest_that_keeps_to_its_budget(rng):
    members = rng.random((3, 30)) < 0.5
    scores = np.round(rng.normal(size=members.shape), 1)
    pool = scores[~members]
    fprs = (0.0, 0.05, 0.29, 0.5, 1.0)
    for fpr, value in zip(fprs, thresholds_from(scores, members, fprs), strict=True):
        assert value == slow_threshold(pool, np.ones(pool.size), fpr)


def test_binary_fractions_cost_no_false_positive():
    scores = np.arange(100.0)[None]  # 0.29 * 100 is 28.999999999999996
    assert thresholds_from(scores, np.zeros((1, 100), dtype=bool), (0.29,))[0] == np.nextafter(70, np.inf)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"partner": np.array([1])}, "one partner per target"),
        ({"scores": np.zeros(4)}, r"found scores \(4,\)"),
        ({"replicates": 1}, "at least 2 replicates"),
        ({"scores": np.full((4, 4), np.nan)}, "16 of 16 scores are not finite"),
        ({"members": np.ones((4, 4), dtype=bool)}, "one side only"),
        ({"fprs": (10,)}, r"budget lies between 0 and 1, found \[10\]"),
    ],
    ids=["partners", "dimensions", "replicates", "nan", "one side", "percent"],
)
def test_unusable_input_is_refused(change, message):
    good = {
        "scores": np.zeros((4, 4)),
        "members": np.tile([[True, True, False, False], [False, False, True, True]], (2, 1)),
        "partner": np.array([1, 0, 3, 2]),
    }
    with pytest.raises(ConfigError, match=message):
        found(**(good | change))


@pytest.mark.parametrize(
    ("scores", "members"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4), dtype=bool)),
        (np.full((2, 3), np.inf), np.zeros((2, 3), dtype=bool)),
        (np.zeros((2, 3)), np.ones((2, 3), dtype=bool)),
    ],
    ids=["shapes", "not finite", "no non-member"],
)
def test_shadows_without_scores_of_non_members_are_refused(scores, members):
    with pytest.raises(ConfigError, match="at least one non-member"):
        thresholds_from(scores, members, (0.1,))
