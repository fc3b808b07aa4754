from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from genoaudit.attacks.bavaria import (
    BAVARIA_N,
    BAVARIA_OFFLINE,
    BAVARIA_T,
    LEAST_PATIENTS,
    PRIOR_DF,
    Posterior,
    Prior,
    fit_prior,
    log_normal,
    log_student,
    quantile_of_others,
    update,
)
from genoaudit.attacks.lira import LIRA
from genoaudit.attacks.references import Moments, reference_moments
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError

ATTACKS = [BAVARIA_T, BAVARIA_N, BAVARIA_OFFLINE]
ONLINE = [BAVARIA_T, BAVARIA_N]
each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def naive_prior(rest):
    """Fit the prior of one patient to the lists of values of all others, with scipy's F distribution and root finder.

    Degrees of freedom are the same for all patients here.
    """
    variances = [np.var(values, ddof=1) for values in rest]
    degrees = len(rest[0]) - 1
    median, upper = np.quantile(variances, [0.5, 0.8])

    def miss(log_df):
        f = stats.f(degrees, np.exp(log_df))
        return f.ppf(0.8) / f.ppf(0.5) - upper / median

    if miss(np.log(PRIOR_DF[0])) < 0:
        df = PRIOR_DF[0]
    elif miss(np.log(PRIOR_DF[-1])) > 0:
        df = PRIOR_DF[-1]
    else:
        df = np.exp(optimize.brentq(miss, np.log(PRIOR_DF[0]), np.log(PRIOR_DF[-1])))
    means = [np.mean(values) for values in rest]
    spread = max(0.0, np.var(means, ddof=1) - np.mean([np.var(v, ddof=1) / len(v) for v in rest]))
    return df, median / stats.f(degrees, df).ppf(0.5), np.mean(means), spread


def naive(statistic, design, density):
    """Collect the references of two targets and every patient one by one; the textbook's normal-inverse-gamma."""
    models, patients = statistic.shape
    scores = np.full((models, patients), np.nan)
    for target in (0, models - 1):
        kept = [m for m in range(models) if m not in (target, design.partner[target])]
        for i in range(patients):
            logs = []
            for inside in (True, False):
                values = [[statistic[m, j] for m in kept if design.members[m, j] == inside] for j in range(patients)]
                own, rest = values[i], values[:i] + values[i + 1 :]
                df, typical, centre, spread = naive_prior(rest)
                n, mean = len(own), np.mean(own)
                a = df / 2 + (n - 1) / 2
                b = df * typical / 2 + np.sum((np.array(own) - mean) ** 2) / 2
                k0 = b / a / spread if spread > 0 else 1e300
                kn = k0 + n
                location = (k0 * centre + n * mean) / kn
                if density == "student":
                    logs.append(stats.t(2 * a, location, np.sqrt(b * (kn + 1) / (a * kn))).logpdf(statistic[target, i]))
                else:
                    logs.append(stats.norm(location, np.sqrt(b / a)).logpdf(statistic[target, i]))
            scores[target, i] = logs[0] - logs[1]
    return scores


def mixed_statistic(models, patients, rng):
    """Patients on whom models agree and patients on whom they do not."""
    return 2 * rng.normal(size=patients) + rng.uniform(0.3, 2, size=patients) * rng.normal(size=(models, patients))


def moments_of(count, mean, squares):
    return Moments(count=np.array([count]), mean=np.array([mean]), squares=np.array([squares]))


@pytest.mark.parametrize(("attack", "density"), [(BAVARIA_T, "student"), (BAVARIA_N, "normal")], ids=["t", "n"])
@pytest.mark.parametrize("models", [6, 12])
def test_equals_a_naive_loop_over_targets_and_patients(attack, density, models, rng, make_design, make_signals):
    design = make_design(models, 14, rng)
    patients = np.concatenate([np.arange(14), [0, 0, 4]])
    logit = mixed_statistic(models, 17, rng)
    statistic = np.stack([logit[:, patients == i].mean(axis=1) for i in range(14)], axis=1)
    scores = attack.score(make_signals(logit), design, patients)
    expected = naive(statistic, design, density)
    np.testing.assert_allclose(scores[[0, -1]], expected[[0, -1]], rtol=1e-3, atol=1e-3)


def test_student_density_is_the_normal_density_averaged_over_the_unknown_mean_and_variance():
    df, mean, variance, n = 5.0, 1.3, 0.7, 4
    side = Posterior(*(np.array([[value]]) for value in (df, mean, variance, 1 / n)))

    def integrand(v, x):
        return stats.norm.pdf(x, mean, np.sqrt(v * (1 + 1 / n))) * stats.invgamma.pdf(
            v, df / 2, scale=df * variance / 2
        )

    for x in (-2.0, 1.3, 4.0):
        expected, _ = integrate.quad(integrand, 0, np.inf, args=(x,))
        assert log_student(np.array([[x]]), side)[0, 0] == pytest.approx(log(expected), rel=1e-6)


def test_posterior_of_a_case_done_by_hand():
    # References 1, 2, 3: mean 2, squares 2. Prior worth 2 degrees of freedom at variance 3, mean -1, spread 1.
    prior = Prior(*(np.array([[value]]) for value in (2.0, 3.0, -1.0, 1.0)))
    posterior = update(prior, moments_of([3], [2.0], [2.0]))
    assert posterior.df[0, 0] == 4
    assert posterior.variance[0, 0] == pytest.approx((2 * 3 + 2) / 4)
    # Precisions: the references' mean 3 / 2, the prior's 1.
    assert posterior.mean[0, 0] == pytest.approx((1.5 * 2 - 1 * 1) / 2.5)
    assert posterior.uncertainty[0, 0] == pytest.approx(1 / (2 + 3))


def test_without_a_prior_the_normal_variant_is_lira(rng, make_design, make_signals):
    design = make_design(10, 20, rng)
    statistic = mixed_statistic(10, 20, rng)
    nothing = Prior(*(np.full((10, 20), value) for value in (0.0, 0.0, 0.0, np.inf)))
    inside, outside = (
        log_normal(statistic, update(nothing, reference_moments(statistic, side, design.partner)))
        for side in (design.members, ~design.members)
    )
    expected = LIRA.score(make_signals(statistic), design, np.arange(20))
    np.testing.assert_allclose(inside - outside, expected, rtol=1e-9, atol=1e-9)


def test_a_patient_unlike_all_others_is_not_taken_for_one_on_whom_models_disagree():
    # Only the mean is drawn towards the others; what the references scatter by stays as it is.
    prior = Prior(*(np.full((1, 2), value) for value in (4.0, 1.0, 0.0, 2.0)))
    posterior = update(prior, moments_of([4, 4], [0.0, -50.0], [3.0, 3.0]))
    assert posterior.variance[0, 0] == posterior.variance[0, 1]


def test_prior_is_recovered_from_many_patients(rng):
    patients, n = 20_000, 4
    variance = 0.5 * 6 / rng.chisquare(6, size=patients)  # 6 degrees of freedom around 0.5
    values = 3 + 2 * rng.normal(size=patients) + np.sqrt(variance) * rng.normal(size=(n, patients))
    prior = fit_prior(moments_of(np.full(patients, n), values.mean(axis=0), n * values.var(axis=0)))
    assert np.median(prior.df) == pytest.approx(6, rel=0.1)
    assert np.median(prior.variance) == pytest.approx(0.5, rel=0.05)
    assert np.median(prior.mean) == pytest.approx(3, abs=0.06)
    assert np.median(prior.spread) == pytest.approx(4, rel=0.05)


def test_patients_who_do_not_differ_share_one_variance_and_one_mean(rng):
    # True variances and means are equal, so the sample variances differ less than, or about as much as, by chance.
    squares = np.linspace(3.0, 3.1, 50)
    prior = fit_prior(moments_of(np.full(50, 4), np.linspace(0.0, 0.01, 50), squares))
    np.testing.assert_allclose(prior.df, PRIOR_DF[-1])
    np.testing.assert_array_equal(prior.spread, 0.0)
    posterior = update(prior, moments_of(np.full(50, 4), np.linspace(0.0, 0.01, 50), squares))
    np.testing.assert_allclose(posterior.variance, np.broadcast_to(posterior.variance[:, :1], (1, 50)), rtol=2e-3)
    np.testing.assert_allclose(posterior.mean, prior.mean)
    np.testing.assert_array_equal(posterior.uncertainty, 0.0)


@pytest.mark.parametrize("degrees", [1, 2, 10, 510])
def test_the_more_unequal_the_patients_the_weaker_the_prior(degrees):
    found = []
    for width in (0.0, 0.5, 1.0, 3.0, 6.0):
        squares = degrees * np.exp(width * np.linspace(-1, 1, 41))
        found.append(np.median(fit_prior(moments_of(np.full(41, degrees + 1), np.zeros(41), squares)).df))
    assert found[0] == pytest.approx(PRIOR_DF[-1])
    assert np.all(np.diff(found) <= 0)
    assert found[-1] < 2


def test_a_patient_has_no_part_in_its_own_prior(rng):
    count, mean, squares = np.full(30, 5), rng.normal(size=30), rng.chisquare(4, size=30)
    before = fit_prior(moments_of(count, mean, squares))
    mean[7], squares[7] = 40.0, 300.0
    after = fit_prior(moments_of(count, mean, squares))
    for name in ("df", "variance", "mean", "spread"):
        np.testing.assert_allclose(getattr(after, name)[0, 7], getattr(before, name)[0, 7], rtol=1e-6)
        assert not np.isclose(getattr(after, name)[0, 8], getattr(before, name)[0, 8], rtol=1e-3)


def test_patients_without_any_variance_say_nothing_of_the_variances(rng):
    squares = rng.chisquare(4, size=30)
    without = fit_prior(moments_of(np.full(30, 5), np.zeros(30), squares))
    beside = fit_prior(moments_of(np.full(60, 5), np.zeros(60), np.concatenate([squares, np.zeros(30)])))
    np.testing.assert_allclose(beside.df[:, :30], without.df, rtol=1e-9)
    np.testing.assert_allclose(beside.variance[:, :30], without.variance, rtol=1e-9)
    assert (beside.variance[:, 30:] > 0).all()


def test_many_patients_on_whom_models_nearly_agree_do_not_loosen_the_prior(rng):
    squares = rng.chisquare(4, size=300)
    clean = fit_prior(moments_of(np.full(300, 5), np.zeros(300), squares))
    squares[:30] *= 1e-6
    beside = fit_prior(moments_of(np.full(300, 5), np.zeros(300), squares))
    assert np.median(clean.df) > 20
    assert np.median(beside.df) > 5
    np.testing.assert_allclose(beside.variance, clean.variance, rtol=0.25)


@pytest.mark.parametrize("patients", [1, 2, LEAST_PATIENTS])
def test_too_few_other_patients_make_no_prior(patients, rng, make_design, make_signals):
    design = make_design(8, LEAST_PATIENTS, rng)
    design = replace(design, members=design.members[:, :patients])
    statistic = rng.normal(size=(8, patients))
    prior = fit_prior(reference_moments(statistic, design.members, design.partner))
    np.testing.assert_array_equal(prior.df, 0.0)
    np.testing.assert_array_equal(prior.spread, np.inf)
    expected = LIRA.score(make_signals(statistic), design, np.arange(patients))
    scores = BAVARIA_N.score(make_signals(statistic), design, np.arange(patients))
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 1.0])
def test_quantile_of_others_is_numpys_without_the_patient(share, rng):
    values = rng.integers(0, 6, size=(4, 9)) + 0.5 * rng.integers(0, 2, size=(4, 9))
    usable = rng.random((4, 9)) < 0.8
    usable[3] = np.arange(9) < 1
    found = quantile_of_others(values, usable, share=share)
    for target in range(4):
        for i in range(9):
            rest = [values[target, j] for j in range(9) if usable[target, j] and j != i]
            assert found[target, i] == pytest.approx(np.quantile(rest, share) if rest else np.inf)


@pytest.mark.parametrize("attack", ONLINE, ids=lambda attack: attack.name)
def test_exchanging_in_and_out_negates_the_online_score(attack, rng, make_design, make_signals):
    design = make_design(8, 30, rng)
    signals = make_signals(mixed_statistic(8, 30, rng) + 3 * design.members * rng.random(30))
    swapped = replace(design, members=~design.members)
    np.testing.assert_array_equal(
        attack.score(signals, swapped, np.arange(30)), -attack.score(signals, design, np.arange(30))
    )


def test_variances_come_from_their_own_side(rng, make_design, make_signals):
    # IN models agree closely, OUT models do not: a value far from both must look like OUT.
    design = make_design(40, 50, rng)
    logit = np.where(design.members, 0.1, 3.0) * rng.normal(size=(40, 50))
    logit[0] = 4.0
    for attack in ONLINE:
        assert np.all(attack.score(make_signals(logit), design, np.arange(50))[0] < -10)


@pytest.mark.parametrize("attack", ONLINE, ids=lambda attack: attack.name)
def test_score_is_a_ratio_of_densities_not_of_tail_probabilities(attack, make_signals):
    # One patient, so no prior: IN is t or normal at 4, OUT at 0, with variance 2 and two references each. Far above
    # both a ratio of tail probabilities would go to 0 or to infinity; the densities say what they say.
    members = np.array([[1], [0], [1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2, 5, 4]), seed=0)
    for x in (2.5, 40.0):
        logit = np.array([[x], [77.0], [3.0], [-1.0], [5.0], [1.0]])
        score = attack.score(make_signals(logit), design, np.array([0]))[0, 0]
        # Student's t with one degree of freedom is the Cauchy distribution, here with scale sqrt(2 (1 + 1/2)).
        cauchy = log((1 + x**2 / 3) / (1 + (x - 4) ** 2 / 3))
        assert score == pytest.approx(cauchy if attack is BAVARIA_T else (x**2 - (x - 4) ** 2) / (2 * 2))


def test_offline_score_is_the_t_value_against_the_models_without_the_patient(make_signals):
    members = np.array([[1], [0], [1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2, 5, 4]), seed=0)
    logit = np.array([[6.0], [77.0], [3.0], [-1.0], [5.0], [1.0]])
    score = BAVARIA_OFFLINE.score(make_signals(logit), design, np.array([0]))[0, 0]
    assert score == pytest.approx(6 / np.sqrt(3))


@each_attack
def test_references_hold_neither_the_target_nor_its_partner(attack, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = mixed_statistic(8, 12, rng)
    before = attack.score(make_signals(logit), design, np.arange(12))
    changed = logit.copy()
    changed[5] += 50.0  # the partner of model 4
    after = attack.score(make_signals(changed), design, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-6, atol=1e-6)
    assert not np.allclose(after[2], before[2])


@each_attack
@pytest.mark.parametrize("level", [0.0, 0.1, -1e6 / 3])
@pytest.mark.parametrize("models", [6, 51])
def test_output_constant_over_models_gives_finite_exact_ties(attack, level, models, rng, make_design, make_signals):
    logit = np.tile(level + rng.normal(size=30), (models, 1))
    scores = attack.score(make_signals(logit), make_design(models, 15, rng), np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.zeros((models, 15)))


@each_attack
def test_patients_on_whom_all_or_all_but_one_model_agree_score_finitely(attack, rng, make_design, make_signals):
    logit = mixed_statistic(6, 20, rng)
    logit[:, :8] = np.arange(8)
    logit[4, 4:8] += 18.0
    scores = attack.score(make_signals(logit), make_design(6, 20, rng), np.arange(20))
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[:, :4], 0.0)


@each_attack
def test_order_of_patients_changes_no_score(attack, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = mixed_statistic(8, 12, rng)
    order = rng.permutation(12)
    mixed = replace(design, members=design.members[:, order])
    np.testing.assert_allclose(
        attack.score(make_signals(logit[:, order]), mixed, np.arange(12)),
        attack.score(make_signals(logit), design, np.arange(12))[:, order],
        rtol=1e-9,
        atol=1e-9,
    )


@each_attack
def test_units_of_the_statistic_change_no_score(attack, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = mixed_statistic(8, 12, rng)
    np.testing.assert_allclose(
        attack.score(make_signals(7 * logit + 3), design, np.arange(12)),
        attack.score(make_signals(logit), design, np.arange(12)),
        rtol=1e-6,
        atol=1e-6,
    )


@each_attack
def test_several_queries_are_fitted_apart_and_averaged(attack, rng, make_design, make_signals):
    design = make_design(8, 11, rng)
    each = [make_signals(scale * mixed_statistic(8, 11, rng)) for scale in (1.0, 3.0, 0.2)]
    signals = replace(each[0], logit=np.concatenate([one.logit for one in each], axis=1))
    expected = np.mean([attack.score(one, design, np.arange(11)) for one in each], axis=0)
    np.testing.assert_allclose(attack.score(signals, design, np.arange(11)), expected, rtol=1e-12)


def test_with_many_models_it_comes_to_the_same_as_lira(rng, make_design, make_signals):
    design = make_design(800, 20, rng)
    signals = make_signals(mixed_statistic(800, 20, rng) + design.members)
    expected = LIRA.score(signals, design, np.arange(20))
    for attack in ONLINE:
        scores = attack.score(signals, design, np.arange(20))
        assert np.corrcoef(scores.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_patient_without_enough_references_is_an_error_not_a_nan(rng, make_design, make_signals):
    design = make_design(8, 6, rng)
    members = design.members.copy()
    members[:, 3] = True
    broken = replace(design, members=members)
    with pytest.raises(ConfigError, match=r"1 of 6 patients.*patient number 3"):
        BAVARIA_T.score(make_signals(rng.normal(size=(8, 6))), broken, np.arange(6))
