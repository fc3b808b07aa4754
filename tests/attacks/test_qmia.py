from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.attacks.folds import patient_folds
from genoaudit.attacks.loss import LOSS
from genoaudit.attacks.qmia import QMIA, fit_normal_regression
from genoaudit.contracts import Design, Signals
from genoaudit.errors import ConfigError


def with_ones(columns):
    return np.concatenate([np.ones((len(columns), 1)), columns], axis=1)


def auc(scores, members):
    ranks = stats.rankdata(scores, axis=1)
    inside = members.sum(axis=1)
    wins = (ranks * members).sum(axis=1) - inside * (inside + 1) / 2
    return (wins / (inside * (members.shape[1] - inside))).mean()


def best_normal(values, covariates, penalty):
    """Minimise the penalised normal loss of one target with a general optimiser."""
    size = covariates.shape[1]

    def loss(w):
        log_variance = covariates @ w[size:]
        squares = (values - covariates @ w[:size]) ** 2 * np.exp(-log_variance)
        return 0.5 * np.sum(log_variance + squares) + 0.5 * penalty @ (w[:size] ** 2 + w[size:] ** 2)

    w = optimize.minimize(loss, np.zeros(2 * size), method="BFGS", options={"gtol": 1e-7, "maxiter": 2000}).x
    return w[:size], w[size:]


def test_fit_equals_a_general_optimiser_target_by_target(rng):
    covariates = with_ones(rng.normal(size=(80, 3)))
    values = covariates @ [1, 2, 0, -1] + rng.normal(size=(4, 80)) * np.exp(0.4 * covariates[:, 1])
    known = rng.random((4, 80)) < 0.6
    penalty = np.array([0.0, 3.0, 3.0, 3.0])
    fit = fit_normal_regression(values, covariates, known, penalty=penalty)
    for target in range(4):
        mean, log_variance = best_normal(values[target, known[target]], covariates[known[target]], penalty)
        np.testing.assert_allclose(fit.mean[target], mean, atol=1e-3)
        np.testing.assert_allclose(fit.log_variance[target], log_variance, atol=1e-3)


def test_fit_survives_outliers_and_few_samples(rng):
    covariates = with_ones(rng.normal(size=(12, 9)))
    values = rng.standard_t(1.5, size=(200, 12)) * 10
    known = rng.random((200, 12)) < 0.5
    known[:, :2] = True
    penalty = np.array([0.0, *[9.0] * 9])
    fit = fit_normal_regression(values, covariates, known, penalty=penalty)
    assert np.isfinite(fit.mean).all()
    assert np.isfinite(fit.log_variance).all()


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_quantiles_agree_with_pinball_regression_where_both_are_right(level):
    # One binary covariate: the quantiles are linear in it and the log-variance is too, so both fits are consistent.
    from sklearn.linear_model import QuantileRegressor

    rng = np.random.default_rng(4)
    x = np.repeat([[0.0], [1.0]], 150, axis=0)
    values = 2 * x[:, 0] + np.exp(0.5 * x[:, 0]) * rng.normal(size=(40, 300))
    fit = fit_normal_regression(values, with_ones(x), np.ones((40, 300), dtype=bool), penalty=np.zeros(2))
    ends = with_ones(np.array([[0.0], [1.0]])).T
    quantile = fit.mean @ ends + stats.norm.ppf(level) * np.exp(0.5 * fit.log_variance @ ends)
    pinball = QuantileRegressor(quantile=level, alpha=0, solver="highs")
    lines = np.array([pinball.fit(x, row).predict([[0.0], [1.0]]) for row in values])
    truth = np.array([0, 2]) + np.exp([0, 0.5]) * stats.norm.ppf(level)
    for difference in (quantile - truth, quantile - lines):
        error = difference.std(axis=0, ddof=1) / np.sqrt(40)
        # In finite samples both are biased, by less than a twentieth of a standard deviation.
        assert np.all(np.abs(difference.mean(axis=0)) < 3 * error + 0.05 * np.exp([0, 0.5]))
    # What is gained by one normal for all quantiles: 3.8 times less variance at 0.99 (1.6 times in the middle).
    ratio = np.mean((lines - truth) ** 2) / np.mean((quantile - truth) ** 2)
    assert ratio > (2 if level == 0.99 else 1)


def test_score_equals_a_naive_cross_fit(rng, make_design, make_signals):
    design = make_design(4, 30, rng)
    patients = np.concatenate([np.arange(30), [3, 3, 17]])
    features = rng.normal(size=(33, 2)) * [1, 50] + [0, 300]
    y = rng.integers(2, size=33)
    logit = 5 + features[:, 0] + y + rng.normal(size=(4, 33))
    signals = replace(make_signals(logit), features=features, y=y)
    fold = patient_folds(30, seed=0)
    columns = np.column_stack([features, y == 0, y == 1])
    covariates = with_ones((columns - columns.mean(axis=0)) / columns.std(axis=0))
    penalty = np.array([0.0, 4, 4, 4, 4])
    expected = np.empty((4, 33))
    for m in range(4):
        for number in range(5):
            known = [b for b in range(33) if not design.members[m, patients[b]] and fold[patients[b]] != number]
            centre, unit = logit[m, known].mean(), logit[m, known].std()
            mean, log_variance = best_normal((logit[m, known] - centre) / unit, covariates[known], penalty)
            for s in np.flatnonzero(fold[patients] == number):
                z = (logit[m, s] - centre) / unit - covariates[s] @ mean
                expected[m, s] = z / np.exp(0.5 * covariates[s] @ log_variance)
    expected = np.stack([expected[:, patients == i].mean(axis=1) for i in range(30)], axis=1)
    np.testing.assert_allclose(QMIA.score(signals, design, patients), expected, atol=2e-3)


def test_knowing_the_patients_difficulty_nearly_reaches_the_closed_form(rng, make_design, make_signals):
    # Unit noise and a shift of 1 for members: AUC = Phi(1 / sqrt 2) for whoever knows the difficulty exactly.
    design = make_design(16, 600, rng)
    features = rng.normal(size=(600, 8))
    logit = 4 * features[:, 0] + rng.normal(size=(16, 600)) + design.members
    signals = replace(make_signals(logit), features=features)
    best = stats.norm.cdf(np.sqrt(0.5))
    reached = auc(QMIA.score(signals, design, np.arange(600)), design.members)
    assert best - 0.02 < reached < best + 0.02  # standard error 0.005
    assert auc(LOSS.score(signals, design, np.arange(600)), design.members) < 0.6


def test_one_score_serves_every_quantile(rng, make_design, make_signals):
    # Non-members exceed the predicted (1 - a)-quantile with probability a, easy and hard ones alike.
    design = make_design(20, 1000, rng)
    features = rng.normal(size=(1000, 2))
    logit = features[:, 0] + np.exp(0.5 * features[:, 1]) * rng.normal(size=(20, 1000))
    signals = replace(make_signals(logit), features=features)
    scores = QMIA.score(signals, design, np.arange(1000))
    for half in (features[:, 1] < 0, features[:, 1] > 0):
        outside = scores[:, half][~design.members[:, half]]
        for a in (0.5, 0.1, 0.01):
            error = np.sqrt(a * (1 - a) / outside.size)
            assert np.mean(outside > stats.norm.isf(a)) == pytest.approx(a, abs=4 * error + 0.003)


def test_learns_from_known_non_members_alone_and_never_from_the_patient(rng, make_design, make_signals):
    design = make_design(4, 40, rng)
    logit = rng.normal(size=(4, 40))
    signals = replace(make_signals(logit), features=rng.normal(size=(40, 3)))
    scores = QMIA.score(signals, design, np.arange(40))
    members = design.members.copy()
    members[:, 7] = ~members[:, 7]
    np.testing.assert_array_equal(
        QMIA.score(signals, replace(design, members=members), np.arange(40))[:, 7], scores[:, 7]
    )
    louder = np.where(design.members, 5 * logit, logit)
    louder[:, 0] = logit[:, 0]
    changed = QMIA.score(replace(signals, logit=louder[:, None, :]), design, np.arange(40))
    np.testing.assert_array_equal(changed[~design.members], scores[~design.members])


def test_targets_do_not_see_each_other(rng, make_design, make_signals):
    design = make_design(6, 40, rng)
    signals = replace(make_signals(rng.normal(size=(6, 40))), features=rng.normal(size=(40, 3)))
    together = QMIA.score(signals, design, np.arange(40))
    for m in range(6):
        alone = Design(members=design.members[[m]], partner=np.array([-1]), seed=0)
        score = QMIA.score(replace(signals, logit=signals.logit[[m]]), alone, np.arange(40))
        np.testing.assert_allclose(score[0], together[m], atol=1e-3)


def test_constant_outputs_and_features_tie_exactly(rng, make_design, make_signals):
    design = make_design(4, 20, rng)
    patients = np.arange(30) % 20
    constant = replace(make_signals(np.full((4, 30), 0.3)), features=rng.normal(size=(30, 3)))
    np.testing.assert_array_equal(QMIA.score(constant, design, patients), 0)
    logit = rng.normal(size=(4, 30))
    blind = replace(make_signals(logit), features=np.ones((30, 3)))
    assert np.isfinite(QMIA.score(blind, design, patients)).all()


def test_missing_features_and_missing_non_members_are_errors(rng, make_design, make_signals):
    design = make_design(4, 20, rng)
    signals = make_signals(rng.normal(size=(4, 20)))
    with pytest.raises(ConfigError, match="signals have no features"):
        QMIA.score(signals, design, np.arange(20))
    everybody = design.members.copy()
    everybody[2] = True
    with pytest.raises(ConfigError, match=r"1 of 4 models have fewer \(first: model number 2, with 0\)"):
        QMIA.score(
            replace(signals, features=rng.normal(size=(20, 2))), replace(design, members=everybody), np.arange(20)
        )


def test_few_non_members_who_can_be_fitted_exactly_give_finite_scores(make_design):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        design, y = make_design(6, 20, rng), np.arange(20) % 3
        signals = Signals(
            logit=(rng.normal(size=(6, 20)) * np.exp(2 * rng.normal(size=20)))[:, None],
            proba=np.full((6, 20, 3), 1 / 3, dtype=np.float32),
            y=y,
            features=rng.normal(size=(20, 6)),
        )
        assert np.isfinite(QMIA.score(signals, design, np.arange(20))).all()
