from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.attacks import shokri
from genoaudit.attacks.folds import model_folds, patient_folds
from genoaudit.attacks.shokri import SHOKRI_FOREST, SHOKRI_LOGISTIC, SHOKRI_LOGISTIC_PER_CLASS, SHOKRI_XGBOOST
from genoaudit.contracts import Design, Signals
from genoaudit.errors import ConfigError

ATTACKS = [SHOKRI_LOGISTIC, SHOKRI_LOGISTIC_PER_CLASS, SHOKRI_FOREST, SHOKRI_XGBOOST]
LOGISTIC = [SHOKRI_LOGISTIC, SHOKRI_LOGISTIC_PER_CLASS]
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def outputs(scores, y):
    """Softmax outputs of raw scores [models, samples, classes], with the logit of the true class."""
    log_p = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    true = np.arange(y.size), y
    others = np.log1p(-np.exp(log_p[:, *true]))
    return Signals(
        logit=(log_p[:, *true] - others)[:, None, :], proba=np.exp(log_p).astype(np.float32), y=y.astype(np.intp)
    )


def leaky(design, patients, rng, *, leak, classes=3):
    y = rng.integers(classes, size=patients.size)
    scores = rng.normal(size=(design.models, patients.size, classes))
    scores[:, np.arange(patients.size), y] += 1 + leak * design.members[:, patients]
    return outputs(scores, y)


def auc(scores, members):
    ranks = stats.rankdata(scores, axis=1)
    inside = members.sum(axis=1)
    wins = (ranks * members).sum(axis=1) - inside * (inside + 1) / 2
    return (wins / (inside * (members.shape[1] - inside))).mean()


def describe(signals, m, s):
    p = signals.proba[m, s]
    logs = [np.log(max(float(v), 2.0**-23)) for v in sorted(p, reverse=True)]
    return [*logs, signals.logit[m, 0, s], float(np.argmax(p) == signals.y[s])]


def ridge_logistic(X, t):
    """Minimise half the squared norm of the slopes plus the log loss, on standardised features."""
    centre, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale < 1e-12] = 1
    Z = (X - centre) / scale

    def loss(w):
        return np.logaddexp(0, -(2 * t - 1) * (w[0] + Z @ w[1:])).sum() + 0.5 * w[1:] @ w[1:]

    w = optimize.minimize(loss, np.zeros(X.shape[1] + 1), method="BFGS", options={"gtol": 1e-6}).x
    return lambda rows: w[0] + ((rows - centre) / scale) @ w[1:]


@pytest.mark.parametrize("attack", LOGISTIC, ids=lambda attack: attack.name)
def test_equals_a_naive_cross_fit_with_another_solver(attack, rng, make_design):
    # Few enough rows that the draw takes all of them: in complementary pairs every cell is then a training row.
    design = make_design(6, 12, rng)
    patients = np.concatenate([np.arange(12), [0, 5, 5]])
    signals = leaky(design, patients, rng, leak=1.5, classes=2)
    of_model, of_patient = model_folds(design.partner, seed=0), patient_folds(12, seed=0)
    groups = signals.y if attack is SHOKRI_LOGISTIC_PER_CLASS else np.zeros(15)
    sample_scores = np.empty((6, 15))
    for m in range(6):
        for s in range(15):
            taught = [
                (a, b)
                for a in range(6)
                for b in range(15)
                if of_model[a] != of_model[m] and of_patient[patients[b]] != of_patient[patients[s]]
                if groups[b] == groups[s]
            ]
            X = np.array([describe(signals, a, b) for a, b in taught])
            t = np.array([design.members[a, patients[b]] for a, b in taught], dtype=float)
            sample_scores[m, s] = ridge_logistic(X, t)(np.array(describe(signals, m, s)))
    expected = np.stack([sample_scores[:, patients == i].mean(axis=1) for i in range(12)], axis=1)
    np.testing.assert_allclose(attack.score(signals, design, patients), expected, atol=2e-3)


@every_attack
def test_reaches_the_best_possible_auc_when_members_are_shifted(attack, rng, make_design):
    # Two classes, logit N(2, 1) for non-members and N(3, 1) for members: no test beats AUC = Phi(1 / sqrt 2).
    design = make_design(40, 200, rng)
    logit = 2 + rng.normal(size=(40, 200)) + design.members
    signals = outputs(np.stack([logit, np.zeros_like(logit)], axis=-1), np.zeros(200, dtype=int))
    best = stats.norm.cdf(np.sqrt(0.5))
    reached = auc(attack.score(signals, design, np.arange(200)), design.members)
    assert best - 0.02 < reached < best + 0.012  # standard error 0.006


def test_log_odds_approach_the_closed_form(rng, make_design):
    # The same normals: the log-likelihood ratio is logit - 2.5 exactly, which the features contain.
    design = make_design(40, 500, rng)
    logit = 2 + rng.normal(size=(40, 500)) + design.members
    signals = outputs(np.stack([logit, np.zeros_like(logit)], axis=-1), np.zeros(500, dtype=int))
    scores = SHOKRI_LOGISTIC.score(signals, design, np.arange(500))
    usual = np.abs(logit - 2.5) < 1.5
    assert np.abs(scores - (logit - 2.5))[usual].max() < 0.4


def test_one_classifier_per_class_wins_when_classes_leak_in_opposite_directions(rng, make_design):
    design = make_design(20, 200, rng)
    y = rng.integers(2, size=200)
    logit = 3 + rng.normal(size=(20, 200)) + np.where(y == 0, 1.5, -1.5) * design.members
    scores = np.stack([np.where(y == 0, logit, 0), np.where(y == 0, 0, logit)], axis=-1)
    signals = outputs(scores, y)
    pooled = auc(SHOKRI_LOGISTIC.score(signals, design, np.arange(200)), design.members)
    own = auc(SHOKRI_LOGISTIC_PER_CLASS.score(signals, design, np.arange(200)), design.members)
    assert own > pooled + 0.05
    assert own == pytest.approx(stats.norm.cdf(1.5 / np.sqrt(2)), abs=0.02)


@every_attack
def test_neither_target_nor_partner_nor_patient_teach_their_own_score(attack, rng, make_design):
    design = make_design(8, 20, rng)
    patients = np.arange(20)
    signals = leaky(design, patients, rng, leak=1)
    scores = attack.score(signals, design, patients)
    members = design.members.copy()
    members[[2, 3]] = members[[3, 2]]
    exchanged = attack.score(signals, replace(design, members=members), patients)
    np.testing.assert_array_equal(exchanged[[2, 3]], scores[[2, 3]])
    assert not np.array_equal(exchanged, scores)
    members = design.members.copy()
    members[:, 7] = ~members[:, 7]
    np.testing.assert_array_equal(attack.score(signals, replace(design, members=members), patients)[:, 7], scores[:, 7])


@every_attack
def test_constant_outputs_tie_exactly(attack, rng, make_design, make_signals):
    design = make_design(6, 10, rng)
    scores = attack.score(make_signals(np.full((6, 14), 0.3)), design, np.arange(14) % 10)
    np.testing.assert_array_equal(scores, 0)


@every_attack
def test_certain_outputs_give_finite_scores(attack, rng, make_design):
    design = make_design(6, 30, rng)
    signals = leaky(design, np.arange(30), rng, leak=1)
    proba = np.zeros_like(signals.proba)
    proba[..., 0] = 1
    certain = replace(signals, proba=proba, logit=np.where(signals.y == 0, 700.0, -700.0) + signals.logit)
    assert np.isfinite(attack.score(certain, design, np.arange(30))).all()


def test_a_class_without_anybody_to_learn_from_gets_even_odds(rng, make_design):
    design = make_design(6, 20, rng)
    signals = leaky(design, np.arange(20), rng, leak=2, classes=2)
    y = signals.y.copy()
    y[:] = 0
    y[11] = 1
    scores = SHOKRI_LOGISTIC_PER_CLASS.score(replace(signals, y=y), design, np.arange(20))
    np.testing.assert_array_equal(scores[:, 11], 0)
    assert np.all(scores[:, :11] != 0)


def test_training_rows_are_capped(rng, make_design, monkeypatch):
    seen = []

    def fit(features, member, seed):
        seen.append((len(features), member.mean()))
        return lambda rows: rows[:, -2]

    monkeypatch.setattr(shokri, "MOST_ROWS", 300)
    design = make_design(40, 50, rng)
    signals = leaky(design, np.arange(50), rng, leak=1)
    scores = shokri._score(signals, design, np.arange(50), name="probe", fit=fit, per_class=False)
    assert seen == [(240, 0.5)] * 10  # 40 patients a cell, three rows a side each
    np.testing.assert_array_equal(scores, signals.logit[:, 0])


def test_designs_without_pairs_and_too_few_models(rng, make_design):
    members = rng.random((9, 20)) < 0.5
    coins = Design(members=members, partner=np.full(9, -1), seed=0, kind="coins")
    signals = leaky(coins, np.arange(20), rng, leak=2)
    assert auc(SHOKRI_LOGISTIC.score(signals, coins, np.arange(20)), members) > 0.7
    pair = make_design(2, 20, rng)
    assert SHOKRI_LOGISTIC.why_not(pair) == "needs at least 4 models, has 2"
    with pytest.raises(ConfigError, match="complementary pairs"):
        SHOKRI_LOGISTIC.score(leaky(pair, np.arange(20), rng, leak=1), pair, np.arange(20))
