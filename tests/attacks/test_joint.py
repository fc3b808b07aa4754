import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.bavaria import BAVARIA_N, fit_prior, update
from genoaudit.attacks.joint import CLOSEST, joint_ratio
from genoaudit.attacks.references import reference_moments
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def planted(design, rng, *, leaks, correlation):
    """Statistics of several releases whose noise moves together, shifted by `leaks` for members."""
    size = len(leaks)
    covariance = np.full((size, size), correlation) + (1 - correlation) * np.eye(size)
    noise = rng.multivariate_normal(np.zeros(size), covariance, size=design.members.shape)
    level = 3 * rng.normal(size=(design.patients, 1))
    return [level.T[0] + noise[..., k] + leak * design.members for k, leak in enumerate(leaks)]


def mean_auc(scores, members):
    n_in, n_out = members.sum(axis=1), (~members).sum(axis=1)
    ranks = stats.rankdata(scores, axis=1)
    return np.mean(((ranks * members).sum(axis=1) - n_in * (n_in + 1) / 2) / (n_in * n_out))


def slow_ratio(statistics, design):
    """One target and one patient at a time."""
    models, patients = design.members.shape
    releases = range(len(statistics))
    score = np.empty((models, patients))
    for target in range(models):
        kept = [m for m in range(models) if m not in (target, design.partner[target])]
        sides = [[[m for m in kept if design.members[m, i] == held] for i in range(patients)] for held in (True, False)]
        rows = [[[s[models, i] for i, models in enumerate(side)] for s in statistics] for side in sides]
        mean = [[np.array([values.mean() for values in rows[side][r]]) for r in releases] for side in (0, 1)]
        sd = [
            [np.sqrt(shrunken_variance(statistics[r], held, design)[target]) for r in releases]
            for held in (design.members, ~design.members)
        ]
        for patient in range(patients):
            others = np.arange(patients) != patient
            means = np.array([both_means(mean, sd, sides, r, patient) for r in releases])
            density = []
            for side in (0, 1):
                scaled = [
                    np.stack([(rows[side][r][i] - mean[side][r][i]) / sd[side][r][i] for r in releases], axis=-1)
                    for i in np.flatnonzero(others)
                ]
                products = np.concatenate(scaled).T @ np.concatenate(scaled)
                size = np.sqrt(np.diag(products))
                correlation = CLOSEST * products / np.outer(size, size)
                np.fill_diagonal(correlation, 1.0)
                own = np.array([sd[side][r][patient] for r in releases])
                value = [statistic[target, patient] for statistic in statistics]
                covariance = correlation * np.outer(own, own)
                density.append(stats.multivariate_normal.logpdf(value, means[:, side], covariance))
            score[target, patient] = density[0] - density[1]
    return score


def shrunken_variance(statistic, side, design):
    moments = reference_moments(statistic, side, design.partner)
    return update(fit_prior(moments), moments).variance


def both_means(mean, sd, sides, release, patient):
    """IN and OUT mean of a patient with a normal prior of their distance, by the equations of the posterior mode."""
    count = [np.array([len(models) for models in side]) for side in sides]
    errors = [sd[side][release] ** 2 / count[side] for side in (0, 1)]
    found, others = mean[0][release] - mean[1][release], np.arange(len(sides[0])) != patient
    usual = found[others].mean()
    true = max(found[others].var(ddof=1) - (errors[0] + errors[1])[others].mean(), 1e-9)  # zero would be singular
    inside, outside = (1 / errors[side][patient] for side in (0, 1))
    equations = np.array([[inside + 1 / true, -1 / true], [-1 / true, outside + 1 / true]])
    right = [inside * mean[0][release][patient] + usual / true, outside * mean[1][release][patient] - usual / true]
    return np.linalg.solve(equations, right)


@pytest.mark.parametrize("releases", [1, 2, 3])
def test_equals_fitting_every_target_and_patient_by_itself(releases, rng, make_design):
    design = make_design(11, 14, rng)
    statistics = planted(design, rng, leaks=[0.5, 1.0, 0.0][:releases], correlation=0.4)
    np.testing.assert_allclose(joint_ratio(statistics, design), slow_ratio(statistics, design), rtol=1e-6, atol=1e-6)


def test_one_release_does_no_worse_than_bavaria(rng, make_design, make_signals):
    design = make_design(12, 400, rng)
    (statistic,) = planted(design, rng, leaks=[0.7], correlation=0.0)
    alone = BAVARIA_N.score(make_signals(statistic), design, np.arange(400))
    assert mean_auc(joint_ratio([statistic], design), design.members) > mean_auc(alone, design.members)


def test_with_many_models_it_comes_to_the_ratio_of_the_true_densities(rng, make_design):
    design = make_design(800, 40, rng)
    leaks, correlation = np.array([0.6, 0.9]), 0.5
    statistics = planted(design, rng, leaks=leaks, correlation=correlation)
    # Of normals with a common covariance the log ratio is linear, and its AUC is that of the Mahalanobis distance.
    covariance = np.array([[1, correlation], [correlation, 1]])
    distance = float(np.sqrt(leaks @ np.linalg.solve(covariance, leaks)))
    scores = joint_ratio(statistics, design)
    assert mean_auc(scores, design.members) == pytest.approx(stats.norm.cdf(distance / np.sqrt(2)), abs=0.01)
    level = [s - leak * design.members for s, leak in zip(statistics, leaks, strict=True)]
    centre = [noise.mean(axis=0) for noise in level]
    away = np.stack([s - c for s, c in zip(statistics, centre, strict=True)], axis=-1)
    linear = away @ np.linalg.solve(covariance, leaks) - distance**2 / 2
    assert np.corrcoef(scores.ravel(), linear.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("leaks", "correlation"), [((0.8, 0.8), 0.0), ((0.8, 0.6), 0.3), ((0.9, 0.1), 0.7)])
def test_together_they_tell_more_than_the_better_one_alone(leaks, correlation, rng, make_design):
    design = make_design(32, 1500, rng)
    statistics = planted(design, rng, leaks=leaks, correlation=correlation)
    together = mean_auc(joint_ratio(statistics, design), design.members)
    alone = [mean_auc(joint_ratio([statistic], design), design.members) for statistic in statistics]
    assert together > max(alone) + 0.005


def test_a_release_that_tells_nothing_costs_next_to_nothing(rng, make_design):
    design = make_design(32, 1500, rng)
    statistics = planted(design, rng, leaks=(0.8, 0.0), correlation=0.0)
    alone = mean_auc(joint_ratio(statistics[:1], design), design.members)
    assert mean_auc(joint_ratio(statistics, design), design.members) > alone - 0.003


def test_the_same_release_twice_is_one_release(rng, make_design):
    design = make_design(16, 200, rng)
    (statistic,) = planted(design, rng, leaks=[0.8], correlation=0.0)
    once, twice = joint_ratio([statistic], design), joint_ratio([statistic, statistic], design)
    assert np.corrcoef(once.ravel(), twice.ravel())[0, 1] > 0.998
    assert mean_auc(twice, design.members) == pytest.approx(mean_auc(once, design.members), abs=0.002)


def test_the_order_of_the_releases_does_not_matter_and_sides_exchanged_negate(rng, make_design):
    design = make_design(10, 20, rng)
    old, new = planted(design, rng, leaks=(0.5, 0.7), correlation=0.3)
    score = joint_ratio([old, new], design)
    np.testing.assert_allclose(joint_ratio([new, old], design), score, rtol=1e-9, atol=1e-9)
    exchanged = Design(~design.members, design.partner, seed=0)
    np.testing.assert_allclose(joint_ratio([old, new], exchanged), -score, rtol=1e-9, atol=1e-9)


def test_constant_outputs_are_exact_ties(rng, make_design):
    design = make_design(8, 12, rng)
    old, new = (np.full(design.members.shape, value) for value in (0.1, 18.4))
    assert (joint_ratio([old, new], design) == 0).all()
    new[:, 3] = rng.normal(size=8)
    score = joint_ratio([old, new], design)
    assert np.isfinite(score).all()
    assert (score[:, np.arange(12) != 3] == 0).all()


def test_shapes_that_disagree_are_refused(rng, make_design):
    design = make_design(8, 12, rng)
    with pytest.raises(ConfigError, match=r"\(8, 11\) and members \(8, 12\)"):
        joint_ratio([np.zeros((8, 11))], design)
    with pytest.raises(ConfigError, match="must all be"):
        joint_ratio([], design)
