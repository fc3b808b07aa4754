from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError

LIRA_NAMES = ["lira", "lira_fixed", "lira_offline", "lira_offline_fixed"]
ONLINE = ["lira", "lira_fixed"]


def naive(statistic, design, *, online, fixed):
    """Collect the references of every target and patient one by one and call scipy's normal density."""
    models, patients = statistic.shape
    scores = np.empty((models, patients))
    for target in range(models):
        references = [m for m in range(models) if m not in (target, design.partner[target])]
        sides = []
        for side in (design.members, ~design.members):
            values = [[statistic[m, i] for m in references if side[m, i]] for i in range(patients)]
            squares = [np.sum((np.array(v) - np.mean(v)) ** 2) for v in values]
            pooled = np.sum(squares) / np.sum([len(v) - 1 for v in values])
            variances = [pooled if fixed else np.var(v, ddof=1) for v in values]
            sides.append([(np.mean(v), np.sqrt(s)) for v, s in zip(values, variances, strict=True)])
        for i in range(patients):
            (mean_in, sd_in), (mean_out, sd_out) = sides[0][i], sides[1][i]
            x = statistic[target, i]
            if online:
                scores[target, i] = stats.norm.logpdf(x, mean_in, sd_in) - stats.norm.logpdf(x, mean_out, sd_out)
            else:
                scores[target, i] = (x - mean_out) / sd_out
    return scores


@pytest.mark.parametrize("name", LIRA_NAMES)
@pytest.mark.parametrize("models", [6, 7, 12], ids=["fewest", "odd", "twelve"])
def test_equals_a_naive_loop_over_targets_and_patients(name, models, rng, make_design, make_signals):
    design = make_design(models, 11, rng)
    patients = np.concatenate([np.arange(11), [0, 0, 4]])
    logit = rng.normal(size=(models, patients.size)) * 2 + 30 + np.arange(patients.size)
    statistic = np.stack([logit[:, patients == i].mean(axis=1) for i in range(11)], axis=1)
    scores = CATALOGUE[name].score(make_signals(logit), design, patients)
    expected = naive(statistic, design, online=name in ONLINE, fixed=name.endswith("fixed"))
    np.testing.assert_allclose(scores, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", LIRA_NAMES)
def test_leaving_out_an_outlier_is_numerically_safe(name, rng, make_design, make_signals):
    design = make_design(10, 6, rng)
    logit = rng.normal(size=(10, 6))
    logit[3, 2] = 5e3
    expected = naive(logit, design, online=name in ONLINE, fixed=name.endswith("fixed"))
    scores = CATALOGUE[name].score(make_signals(logit), design, np.arange(6))
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ONLINE)
def test_exchanging_in_and_out_negates_the_online_score(name, rng, make_design, make_signals):
    design = make_design(8, 30, rng)
    logit = rng.normal(size=(8, 30)) + 3 * design.members * rng.random(30)
    swapped = Design(members=~design.members, partner=design.partner, seed=0)
    score = CATALOGUE[name].score
    signals = make_signals(logit)
    np.testing.assert_array_equal(score(signals, swapped, np.arange(30)), -score(signals, design, np.arange(30)))


def test_variances_come_from_their_own_side(rng, make_design, make_signals):
    # IN models agree closely, OUT models do not: a value far from both must look like OUT.
    design = make_design(40, 50, rng)
    logit = np.where(design.members, 0.1, 3.0) * rng.normal(size=(40, 50))
    logit[0] = 4.0
    for name in ONLINE:
        assert np.all(CATALOGUE[name].score(make_signals(logit), design, np.arange(50))[0] < -10)


def test_score_is_a_ratio_of_densities_not_of_tail_probabilities(make_signals):
    # Per side and patient the references of target 0 are -1 and 1 (variance 2), shifted by 4 for IN.
    members = np.array([[1], [0], [1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2, 5, 4]), seed=0)
    x = 2.5
    logit = np.array([[x], [77.0], [3.0], [-1.0], [5.0], [1.0]])
    score = CATALOGUE["lira"].score(make_signals(logit), design, np.array([0]))[0, 0]
    assert score == pytest.approx((x**2 - (x - 4) ** 2) / (2 * 2))


@pytest.mark.parametrize("name", LIRA_NAMES)
def test_references_hold_neither_the_target_nor_its_partner(name, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    score = CATALOGUE[name].score
    before = score(make_signals(logit), design, np.arange(12))
    changed = logit.copy()
    changed[5] += 50.0  # the partner of model 4
    after = score(make_signals(changed), design, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-6, atol=1e-6)
    assert not np.allclose(after[2], before[2])


@pytest.mark.parametrize("name", LIRA_NAMES)
@pytest.mark.parametrize("level", [0.0, 0.1, -1e6 / 3])
def test_constant_output_gives_finite_exact_ties(name, level, rng, make_design, make_signals):
    design = make_design(51, 15, rng)
    scores = CATALOGUE[name].score(make_signals(np.full((51, 30), level)), design, np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.zeros((51, 15)))


def test_output_constant_over_models_gives_exact_ties_between_patients(rng, make_design, make_signals):
    logit = np.tile(rng.normal(size=15), (8, 1))
    scores = CATALOGUE["lira"].score(make_signals(logit), make_design(8, 15, rng), np.arange(15))
    np.testing.assert_array_equal(scores, np.zeros((8, 15)))


@pytest.mark.parametrize("name", LIRA_NAMES)
def test_order_of_patients_changes_no_score(name, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    order = rng.permutation(12)
    mixed = Design(members=design.members[:, order], partner=design.partner, seed=0)
    score = CATALOGUE[name].score
    np.testing.assert_allclose(
        score(make_signals(logit[:, order]), mixed, np.arange(12)),
        score(make_signals(logit), design, np.arange(12))[:, order],
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", LIRA_NAMES)
def test_several_queries_are_fitted_apart_and_averaged(name, rng, make_design, make_signals):
    design = make_design(8, 11, rng)
    patients = np.concatenate([np.arange(11), [0, 0, 4]])
    logit = rng.normal(size=(8, 3, 14)) * np.array([1.0, 3.0, 0.2])[:, None] + np.array([0.0, 5.0, -7.0])[:, None]
    signals = replace(make_signals(logit[:, 0]), logit=logit)
    statistic = np.stack([logit[:, :, patients == i].mean(axis=2) for i in range(11)], axis=2)
    each = [
        naive(statistic[:, query], design, online=name in ONLINE, fixed=name.endswith("fixed")) for query in range(3)
    ]
    np.testing.assert_allclose(CATALOGUE[name].score(signals, design, patients), np.mean(each, axis=0), rtol=1e-8)


@pytest.mark.parametrize("name", LIRA_NAMES)
def test_asking_the_same_thing_twice_is_no_more_evidence(name, rng, make_design, make_signals):
    design = make_design(6, 5, rng)
    once = make_signals(rng.normal(size=(6, 5)))
    twice = replace(once, logit=np.repeat(once.logit, 2, axis=1))
    score = CATALOGUE[name].score
    np.testing.assert_array_equal(score(twice, design, np.arange(5)), score(once, design, np.arange(5)))


def test_online_score_is_the_spherical_normal_of_all_queries_per_query(rng, make_design, make_signals):
    # With the same two sides in every query the score is the mean over queries of ((x - mean_out)^2 - (x - mean_in)^2)
    # / (2 variance): here variance 2, means 0 and 4.
    members = np.array([[1], [0], [1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2, 5, 4]), seed=0)
    x = np.array([2.5, -1.0, 3.0])
    logit = np.repeat(np.array([0.0, 77.0, 3.0, -1.0, 5.0, 1.0])[:, None, None], 3, axis=1)
    logit[0, :, 0] = x
    score = CATALOGUE["lira"].score(replace(make_signals(logit[:, 0]), logit=logit), design, np.array([0]))[0, 0]
    assert score == pytest.approx(np.mean((x**2 - (x - 4) ** 2) / (2 * 2)))


def test_a_patient_without_enough_references_is_an_error_not_a_nan(rng, make_design, make_signals):
    design = make_design(8, 6, rng)
    members = design.members.copy()
    members[:, 3] = True
    broken = Design(members=members, partner=design.partner, seed=0)
    with pytest.raises(ConfigError, match=r"1 of 6 patients.*patient number 3"):
        CATALOGUE["lira"].score(make_signals(rng.normal(size=(8, 6))), broken, np.arange(6))
