import numpy as np
import pytest
from scipy import special, stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import pair_codes, two_way_weights
from genoaudit.metrics.roc import auc, roc_statistics
from genoaudit.metrics.simultaneous import Cell, auc_cell, holm, simultaneous_differences


def scored(half_split, rng, *, targets=6, patients=120, gain=1.0):
    members, partner = half_split(targets, patients, rng)
    exposure = gain + rng.normal(size=patients)
    return members * exposure + rng.normal(size=members.shape), members, pair_codes(partner)


def blocks(patients, count):
    return [np.arange(patients) * count // patients == block for block in range(count)]


def compare(cells, comparisons, pairs, **options):
    options = {"replicates": 500, "generator": np.random.default_rng(1)} | options
    return simultaneous_differences(cells, comparisons, pairs, **options)


def flat_cell(own, *, error=0.01):
    """A cell in one target with an AUC of 0.5 whose patients all matter alike; `error` is its standard error."""
    influence = np.zeros(own.size)
    influence[own] = np.where(np.arange(own.sum()) % 2, 1, -1) * error / np.sqrt(own.sum())
    return Cell(np.array([0.5]), influence, int(own.sum()), own.sum() // 2, own.sum() // 2)


def test_a_cell_agrees_with_comparing_every_member_with_every_non_member(half_split, rng):
    scores, members, _ = scored(half_split, rng, targets=3, patients=30)
    scores = np.round(scores)  # ties
    own = rng.random(30) < 0.7
    cell = auc_cell(scores, members, own)
    influence = np.zeros(30)
    for target in range(3):
        inside, outside = np.flatnonzero(own & members[target]), np.flatnonzero(own & ~members[target])
        expected = auc(scores[target, inside], scores[target, outside])
        assert cell.auc[target] == pytest.approx(expected)
        for side, other, sign in ((inside, outside, 1), (outside, inside, -1)):
            for patient in side:
                ahead = [np.sign(sign * (scores[target, patient] - scores[target, rival])) for rival in other]
                placement = (np.mean(ahead) + 1) / 2
                influence[patient] += (placement - expected) / np.sqrt(len(side) * (len(side) - 1)) / 3
    assert cell.influence == pytest.approx(influence)
    assert (cell.influence[~own] == 0).all()
    assert cell.patients == own.sum()


def test_influences_of_one_target_give_the_variance_of_delong(rng):
    # DeLong et al. 1988, worked by hand: placements 1, 1/2 of the members and 1/2, 1 of the non-members.
    cell = auc_cell(np.array([[3.0, 1.0, 2.0, 0.0]]), np.array([[True, True, False, False]]), np.ones(4, dtype=bool))
    variance = np.var([1, 0.5], ddof=1) / 2 + np.var([0.5, 1], ddof=1) / 2
    assert np.sum(cell.influence**2) == pytest.approx(variance)


def test_influences_vary_like_the_full_bootstrap_of_patients(half_split, rng):
    scores, members, _ = scored(half_split, rng, targets=8, patients=100)
    cell = auc_cell(scores, members, np.ones(100, dtype=bool))
    weights = rng.multinomial(100, np.full(100, 0.01), size=4000)
    full = np.mean([roc_statistics(s, m, weights).auc for s, m in zip(scores, members, strict=True)], axis=0)
    assert np.corrcoef(full, weights @ cell.influence)[0, 1] > 0.99
    assert np.std(full) == pytest.approx(np.sqrt(np.sum(cell.influence**2)), rel=0.05)


def test_one_interval_is_as_wide_as_the_full_two_way_bootstrap_says(half_split, rng):
    scores, members, pairs = scored(half_split, rng, targets=40, patients=200)
    halves = blocks(200, 2)
    patients, targets = two_way_weights(200, pairs, 1000, rng)
    full = np.zeros((2, 1000))
    for side, own in enumerate(halves):
        for target in range(40):
            redone = roc_statistics(scores[target, own], members[target, own], patients[:, own]).auc
            full[side] += targets[:, target] * redone / 40
    found = compare([auc_cell(scores, members, own) for own in halves], [(0, 1)], pairs, replicates=2000)
    spread = np.std(full[0] - full[1])
    # The full bootstrap counts what is particular to one patient in one model three times, the linear one twice.
    assert 0.85 < (found.high[0] - found.low[0]) / (2 * 1.96 * spread) < 1.1


def test_holm_multiplies_the_smallest_by_most_and_never_reorders():
    assert holm(np.array([0.04, 0.01, 0.02, 0.9])) == pytest.approx([0.08, 0.04, 0.06, 0.9])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    assert holm(np.array([])).size == 0


def test_one_comparison_has_its_usual_interval():
    found = compare([flat_cell(half, error=0.1) for half in blocks(2000, 2)], [(0, 1)], np.array([0]), replicates=2000)
    reach = special.expit(1.96 * 0.1 / (0.5 * 0.5)) - 0.5
    assert found.high == pytest.approx(np.hypot(reach, reach), rel=0.03)
    assert found.low == pytest.approx(-found.high)


@pytest.mark.parametrize("comparisons", [5, 20])
def test_independent_comparisons_pay_what_sidak_says(comparisons):
    cells = [flat_cell(own) for own in blocks(2000, 2 * comparisons)]
    pairs_of_cells = [(2 * k, 2 * k + 1) for k in range(comparisons)]
    found = compare(cells, pairs_of_cells, np.array([0]), replicates=2000)
    quantile = stats.t.isf((1 - 0.95 ** (1 / comparisons)) / 2, 1000 / comparisons - 1)
    assert found.high == pytest.approx(np.full(comparisons, quantile * np.hypot(0.01, 0.01)), rel=0.03)


def test_comparisons_that_say_the_same_cost_nothing(half_split, rng):
    scores, members, pairs = scored(half_split, rng)
    cells = [auc_cell(scores, members, own) for own in blocks(120, 2)]
    once = compare(cells, [(0, 1)], pairs)
    thrice = compare([*cells, *cells, *cells], [(0, 1), (2, 3), (4, 5)], pairs)
    assert thrice.low == pytest.approx(np.full(3, once.low[0]), rel=0.02)


def test_exchanging_the_sides_mirrors_everything(half_split, rng):
    scores, members, pairs = scored(half_split, rng)
    cells = [auc_cell(scores, members, own) for own in blocks(120, 3)]
    one, other = compare(cells, [(0, 1), (1, 2)], pairs), compare(cells, [(1, 0), (2, 1)], pairs)
    assert other.value == pytest.approx(-one.value)
    assert (other.low, other.high) == (pytest.approx(-one.high), pytest.approx(-one.low))
    assert other.p == pytest.approx(one.p)


def test_the_p_value_is_the_level_at_which_the_interval_touches_zero(half_split, rng):
    for shift in np.linspace(0, 1, 12):
        scores, members, pairs = scored(half_split, rng)
        first, second = blocks(120, 2)
        cells = [auc_cell(scores + shift * members * first, members, own) for own in (first, second)]
        found = compare(cells, [(0, 1)], pairs, replicates=4000)
        if 0.04 < found.p[0] < 0.06:  # the capped critical value still has the error of the draw
            continue
        assert (found.p[0] < 0.05) == (found.low[0] > 0 or found.high[0] < 0)


def test_what_models_share_cancels(half_split, rng):
    members, partner = half_split(12, 400, rng)
    shared = rng.normal(size=6).repeat(2)[:, None]
    first, second = blocks(400, 2)
    common = members * shared + rng.normal(size=members.shape) * 0.5
    own = members * np.where(first, shared, shared[rng.permutation(12)]) + rng.normal(size=members.shape) * 0.5
    widths = []
    for scores in (common, own):
        found = compare([auc_cell(scores, members, half) for half in (first, second)], [(0, 1)], pair_codes(partner))
        widths.append(found.high[0] - found.low[0])
    assert widths[0] < 0.6 * widths[1]


def test_perfect_separation_still_has_a_width(half_split, rng):
    members, partner = half_split(4, 60, rng)
    first, second = blocks(60, 2)
    scores = members * np.where(first, 100, 0) + rng.normal(size=members.shape)
    found = compare([auc_cell(scores, members, own) for own in (first, second)], [(0, 1)], pair_codes(partner))
    assert found.value[0] < 1
    assert 0 < found.low[0] < found.value[0] < found.high[0] <= 1
    both = compare([auc_cell(members * 1.0, members, own) for own in (first, second)], [(0, 1)], pair_codes(partner))
    assert both.value[0] == 0
    assert both.low[0] < -0.02 < 0.02 < both.high[0]
    assert both.p[0] == pytest.approx(1)


def test_constant_scores_differ_by_exactly_nothing(half_split, rng):
    members, partner = half_split(4, 60, rng)
    cells = [auc_cell(np.zeros(members.shape), members, own) for own in blocks(60, 3)]
    found = compare(cells, [(0, 1), (0, 2)], pair_codes(partner))
    assert (found.value == 0).all()
    assert (found.low == 0).all()
    assert (found.high == 0).all()
    assert found.p_holm == pytest.approx(1)


def test_too_little_is_refused(half_split, rng):
    scores, members, pairs = scored(half_split, rng)
    cells = [auc_cell(scores, members, own) for own in blocks(120, 2)]
    with pytest.raises(ConfigError, match="found 0"):
        compare(cells, [], pairs)
    with pytest.raises(ConfigError, match="at least 100 replicates"):
        compare(cells, [(0, 1)], pairs, replicates=99)
