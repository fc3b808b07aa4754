import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.metrics.flags import auc_and_influence, minimum_effect_flags
from genoaudit.metrics.roc import auc


def _brute_p_value(statistic, held, partner, null):
    """Placements one comparison at a time, clusters in a dictionary."""
    models = range(len(statistic))
    inside, outside = [m for m in models if held[m]], [m for m in models if not held[m]]
    kernel = {(i, j): np.heaviside(statistic[i] - statistic[j], 0.5) for i in inside for j in outside}
    area = np.mean(list(kernel.values()))
    contribution = {i: (np.mean([kernel[i, j] for j in outside]) - area) / len(inside) for i in inside}
    contribution |= {j: (np.mean([kernel[i, j] for i in inside]) - area) / len(outside) for j in outside}
    alone = sum(v**2 for v in contribution.values())
    clusters = {frozenset((m, partner[m])) if partner[m] >= 0 else frozenset((m,)) for m in models}
    together = sum(sum(contribution[m] for m in cluster) ** 2 for cluster in clusters)
    n, k = len(inside), len(outside)
    smaller = min(n, k)
    q1, q2 = null / (2 - null), 2 * null**2 / (1 + null)
    symmetric = (n + k) / 2 - 1  # Hanley and McNeil's formula with both n - 1 replaced by their mean
    implied = (null * (1 - null) + symmetric * (q1 - null**2) + symmetric * (q2 - null**2)) / (n * k)
    shown = alone * smaller / (smaller - 1)
    effect = max(together / alone, 1) if alone else 1
    return stats.t.sf((area - null) / np.sqrt(max(implied, shown) * effect), smaller - 1)


def _brute_adjusted(p):
    """Smallest level at which the step-up procedure rejects."""
    return [min(min(p.size * q / np.sum(p <= q), 1) for q in p if q >= own) for own in p]


@pytest.mark.parametrize("null", [0.5, 0.6, 0.8])
def test_p_values_and_adjustment_equal_slow_loops(null, half_split, rng):
    members, partner = half_split(15, 12, rng)  # the last model has no partner
    statistic = np.round(rng.normal(size=members.shape) + 2 * members * rng.random(12), 1)  # with ties
    found = minimum_effect_flags(statistic, members, partner, null_auc=null, generator=rng)
    expected = np.array([_brute_p_value(statistic[:, i], members[:, i], partner, null) for i in range(12)])
    np.testing.assert_allclose(found.p_value, expected, rtol=1e-9)
    np.testing.assert_allclose(found.adjusted, _brute_adjusted(expected))
    assert found.auc == pytest.approx([auc(c[h], c[~h]) for c, h in zip(statistic.T, members.T, strict=True)])
    assert (found.flagged == (found.adjusted <= 0.05)).all()


def test_a_perfectly_separated_patient_has_the_variance_of_the_null(rng):
    members = np.tile([[True], [False]], (32, 1))
    statistic = members + 0.01 * rng.normal(size=members.shape)
    found = minimum_effect_flags(statistic, members, np.arange(64) ^ 1, generator=rng)
    variance = 0.24 * (1 + 31 * (0.4 / 1.4 + 0.6 / 1.6)) / 32**2
    assert found.auc[0] == 1
    assert found.p_value[0] == pytest.approx(stats.t.sf(0.4 / np.sqrt(variance), 31))
    assert found.flagged_again[0] == 1


def test_pairs_that_move_against_each_other_weigh_less_and_pairs_that_move_together_gain_nothing(rng):
    members = np.tile([[True], [False]], (200, 1))
    noise = rng.normal(size=(200, 1))
    p = {}
    for name, second in (("against", -noise), ("together", noise + 0.1 * rng.normal(size=noise.shape))):
        statistic = np.stack([noise + 1.0, second], axis=1).reshape(400, 1)
        paired = minimum_effect_flags(statistic, members, np.arange(400) ^ 1, generator=rng).p_value[0]
        p[name] = paired, minimum_effect_flags(statistic, members, np.full(400, -1), generator=rng).p_value[0]
    assert p["against"][0] > 10 * p["against"][1]
    assert p["together"][0] == pytest.approx(p["together"][1])


def test_flags_again_as_often_as_a_bootstrap_that_recomputes_every_auc(half_split, rng):
    members, partner = half_split(64, 10, rng)
    statistic = rng.normal(size=members.shape) + members * np.linspace(0, 1.6, 10)
    found = minimum_effect_flags(statistic, members, partner, replicates=2000, generator=rng)
    again, draws = np.zeros(10), 400
    for _ in range(draws):
        drawn = rng.integers(32, size=32)
        rows = np.stack([2 * drawn, 2 * drawn + 1], axis=1).ravel()
        again += minimum_effect_flags(
            statistic[rows], members[rows], np.arange(64) ^ 1, replicates=1, generator=rng
        ).flagged
    np.testing.assert_allclose(found.flagged_again, again / draws, atol=0.09)
    assert found.flagged_again[0] < 0.05
    assert found.flagged_again[-1] > 0.9


def test_influence_sums_to_zero_and_a_constant_statistic_has_none(half_split, rng):
    members, partner = half_split(10, 6, rng)
    _, influence = auc_and_influence(rng.normal(size=members.shape), members)
    assert influence.sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-12)
    constant = minimum_effect_flags(np.full((10, 6), 0.3), members, partner, generator=rng)
    assert (constant.auc == 0.5).all()
    assert not constant.flagged.any()
    assert np.isfinite(constant.p_value).all()


def test_more_models_do_not_flag_a_patient_below_the_minimum(rng):
    for models in (64, 4096):
        members = np.tile([[True], [False]], (models // 2, 1))
        quantiles = stats.norm.ppf((np.arange(models // 2) + 0.5) / (models // 2))
        statistic = np.stack([quantiles + 0.25, quantiles], axis=1).reshape(models, 1)  # AUC 0.57
        found = minimum_effect_flags(statistic, members, np.full(models, -1), generator=rng)
        assert found.p_value[0] > 0.5
    assert minimum_effect_flags(statistic, members, np.full(models, -1), null_auc=0.5, generator=rng).flagged[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"null_auc": 1.0}, "between 0 and 1, found 1.0"),
        ({"level": 0.0}, "between 0 and 1"),
        ({"replicates": 0}, "at least one resample"),
    ],
)
def test_impossible_arguments_are_refused(change, message, half_split, rng):
    members, partner = half_split(6, 4, rng)
    with pytest.raises(ConfigError, match=message):
        minimum_effect_flags(rng.normal(size=(6, 4)), members, partner, generator=rng, **change)
    with pytest.raises(ConfigError, match="not finite"):
        minimum_effect_flags(np.full((6, 4), np.nan), members, partner, generator=rng)
