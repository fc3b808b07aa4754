import numpy as np
import pytest
from scipy import special, stats

from genoaudit.attacks.rmia import GRID, RMIA, RMIA_OFFLINE, population_share, tuned_corrections
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def naive_share(ratio, inside):
    """Count LR(x, z) >= 1 one pair at a time, over all non-members but x."""
    shares = np.empty(ratio.size)
    for x in range(ratio.size):
        wins = [1.0 if ratio[x] > ratio[z] else 0.5 if ratio[x] == ratio[z] else 0.0
                for z in np.flatnonzero(~inside) if z != x]  # fmt: skip
        shares[x] = np.mean(wins)
    return shares


def naive_mean(p, design, target, i, *, inside, models):
    refs = [m for m in models if m not in (target, design.partner[target]) and design.members[m, i] == inside]
    return np.mean([p[m, i] for m in refs])


def naive_online(p, design):
    scores = np.empty(p.shape)
    every = range(design.models)
    for t in range(design.models):
        ratio = np.empty(p.shape[1])
        for i in range(p.shape[1]):
            means = [naive_mean(p, design, t, i, inside=side, models=every) for side in (True, False)]
            ratio[i] = p[t, i] / np.mean(means)
        scores[t] = naive_share(ratio, design.members[t])
    return scores


def naive_offline_ratio(p, design, t, a, models):
    out = [naive_mean(p, design, t, i, inside=False, models=models) for i in range(p.shape[1])]
    return p[t] / (((1 + a) * np.array(out) + (1 - a)) / 2)


def naive_correction(p, design, target):
    """Deal the pairs into at most four groups and attack the first eight models outside the target's group."""
    unit = [min(m, design.partner[m]) if design.partner[m] >= 0 else m for m in range(design.models)]
    number = {u: k for k, u in enumerate(sorted(set(unit)))}
    group = [number[u] % min(4, len(number)) for u in unit]
    rest = [m for m in range(design.models) if group[m] != group[target]]
    aucs = []
    for a in GRID:
        each = []
        for m in rest[:8]:
            ratio, inside = naive_offline_ratio(p, design, m, a, rest), design.members[m]
            each.append(stats.mannwhitneyu(ratio[inside], ratio[~inside]).statistic / (inside.sum() * (~inside).sum()))
        aucs.append(np.mean(each))
    return GRID[int(np.argmax(np.round(aucs, 12)))]


def noisy_probabilities(models, patients, rng, design):
    logit = rng.normal(size=patients) * 2 + rng.normal(size=(models, patients)) + 1.5 * design.members
    return logit, special.expit(logit)


@pytest.mark.parametrize("models", [4, 5, 12])
def test_online_equals_a_loop_over_pairs_of_patients(models, rng, make_design, make_signals):
    design = make_design(models, 11, rng)
    patients = np.concatenate([np.arange(11), [0, 0, 4]])
    logit = rng.normal(size=(models, patients.size)) * 2
    p = np.stack([stats.gmean(special.expit(logit[:, patients == i]), axis=1) for i in range(11)], axis=1)
    scores = RMIA.score(make_signals(logit), design, patients)
    np.testing.assert_allclose(scores, naive_online(p, design), rtol=1e-12)


@pytest.mark.parametrize("models", [6, 7, 10])
def test_offline_equals_a_loop_with_its_tuning(models, rng, make_design, make_signals):
    design = make_design(models, 12, rng)
    logit, p = noisy_probabilities(models, 12, rng, design)
    corrections = [naive_correction(p, design, t) for t in range(models)]
    np.testing.assert_array_equal(tuned_corrections(np.log(p), design), corrections)
    expected = [
        naive_share(naive_offline_ratio(p, design, t, corrections[t], range(models)), design.members[t])
        for t in range(models)
    ]
    np.testing.assert_allclose(RMIA_OFFLINE.score(make_signals(logit), design, np.arange(12)), expected, rtol=1e-12)


def test_closed_form_case(make_signals):
    # Target 0 holds patients 0 and 1. The references of every patient average 0.5, so ratios are 2 p.
    members = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]] * 2, dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2]), seed=0)
    p = np.array([[0.6, 0.8, 0.3, 0.7, 0.9], [0.9] * 5, [0.2, 0.4, 0.5, 0.1, 0.7], [0.8, 0.6, 0.5, 0.9, 0.3]])
    scores = RMIA.score(make_signals(special.logit(p)), design, np.arange(5))
    np.testing.assert_allclose(scores[0], [1 / 3, 2 / 3, 0, 1 / 2, 1])


def test_both_sides_weigh_the_same_whatever_their_number(rng, make_signals):
    # Models without partners, seven of ten holding a patient: the mean over all references would lean to IN.
    members = np.stack([rng.permutation(20) < 14 for _ in range(40)], axis=1)
    design = Design(members=members, partner=np.full(20, -1), seed=0, kind="coins")
    p = rng.uniform(0.1, 0.4, size=members.shape) + 0.5 * members
    scores = RMIA.score(make_signals(special.logit(p)), design, np.arange(40))
    np.testing.assert_allclose(scores, naive_online(p, design), rtol=1e-12)


def test_order_within_a_target_is_that_of_the_ratio(rng):
    members = rng.random((5, 60)) < 0.5
    ratio = rng.normal(size=(5, 60))
    share = population_share(ratio, members)
    for target in range(5):
        assert np.all(np.diff(share[target][np.argsort(ratio[target])]) >= 0)
        inner = (share[target] > 0) & (share[target] < 1)
        assert not set(share[target][inner & members[target]]) & set(share[target][inner & ~members[target]])


def test_the_tuned_correction_knows_neither_the_target_nor_its_partner(rng, make_design):
    design = make_design(12, 30, rng)
    _, p = noisy_probabilities(12, 30, rng, design)
    log_p = np.log(p)
    before = tuned_corrections(log_p, design)
    for first in range(0, 12, 2):
        changed = log_p.copy()
        changed[first : first + 2] = -rng.gamma(1, size=(2, 30))
        members = design.members.copy()
        members[[first, first + 1]] = members[[first + 1, first]]
        after = tuned_corrections(changed, Design(members=members, partner=design.partner, seed=0))
        np.testing.assert_array_equal(after[first : first + 2], before[first : first + 2])


@pytest.mark.parametrize(
    ("in_level", "expected"), [(0.0, 1.0), (6.0, 0.0)], ids=["members like others", "members sure"]
)
def test_the_correction_follows_how_members_are_treated(in_level, expected, make_design):
    # Difficulty hides membership. Members at p near 1 whatever their difficulty: P(x) is (mean_OUT + 1) / 2, a = 0.
    # Members a constant factor above non-members: P(x) is proportional to mean_OUT, a = 1.
    rng = np.random.default_rng(4)
    design = make_design(32, 400, rng)
    out = np.log(rng.uniform(0.01, 0.9, size=400)) + rng.normal(size=(32, 400)) * 0.05
    inside = out + 0.08 if expected == 1.0 else np.full(out.shape, -np.exp(-in_level))
    log_p = np.where(design.members, np.minimum(inside, 0), np.minimum(out, 0))
    corrections = tuned_corrections(log_p, design)
    assert np.abs(corrections - expected).max() <= 0.3


@pytest.mark.parametrize("attack", [RMIA, RMIA_OFFLINE], ids=lambda a: a.name)
@pytest.mark.parametrize("level", [0.0, 0.1, 50.0, -1e6 / 3])
def test_constant_output_gives_one_half_for_everybody(attack, level, rng, make_design, make_signals):
    design = make_design(51, 15, rng)
    scores = attack.score(make_signals(np.full((51, 30), level)), design, np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.full((51, 15), 0.5))


def test_a_population_of_one_is_refused():
    with pytest.raises(ConfigError, match=r"1 of 2 targets.*target 1"):
        population_share(np.zeros((2, 3)), np.array([[1, 0, 0], [1, 1, 0]], dtype=bool))
