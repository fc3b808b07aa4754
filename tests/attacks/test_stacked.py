from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.attacks.folds import model_folds, patient_folds
from genoaudit.attacks.stacked import normal_scores, stack
from genoaudit.errors import ConfigError


def auc(scores, members):
    ranks = stats.rankdata(scores, axis=1)
    inside = members.sum(axis=1)
    wins = (ranks * members).sum(axis=1) - inside * (inside + 1) / 2
    return (wins / (inside * (members.shape[1] - inside))).mean()


def test_normal_scores_equal_a_naive_ranking(rng):
    scores = rng.integers(6, size=(5, 17)).astype(float)
    expected = np.empty_like(scores)
    for t in range(5):
        for i in range(17):
            below = sum(scores[t, j] < scores[t, i] for j in range(17))
            equal = sum(scores[t, j] == scores[t, i] for j in range(17))
            expected[t, i] = stats.norm.ppf((below + (equal + 1) / 2) / 18)
    np.testing.assert_allclose(normal_scores(scores), expected, atol=1e-12)


def test_equals_a_naive_cross_fit_with_another_solver(rng, make_design):
    design = make_design(6, 15, rng)
    scores = {name: rng.normal(size=(6, 15)) + weight * design.members for name, weight in [("a", 1.0), ("b", 0.3)]}
    features = np.stack([normal_scores(values) for values in scores.values()], axis=-1)
    of_model, of_patient = model_folds(design.partner, seed=5), patient_folds(15, seed=5)
    expected = np.empty((6, 15))
    for m in range(6):
        for i in range(15):
            taught = np.ix_(of_model != of_model[m], of_patient != of_patient[i])
            X, t = features[taught].reshape(-1, 2), design.members[taught].ravel()

            def loss(w, X=X, t=t):
                return np.logaddexp(0, -(2.0 * t - 1) * (w[0] + X @ w[1:])).sum() + 0.5 * w[1:] @ w[1:]

            w = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-7}).x
            expected[m, i] = w[0] + features[m, i] @ w[1:]
    np.testing.assert_allclose(stack(scores, design, seed=5), expected, atol=1e-3)


def test_two_independent_attacks_add_up_as_in_the_closed_form():
    # Normal scores shifted by 0.8 and 0.6: the best combination is shifted by their root of squares, 1.
    rng = np.random.default_rng(3)
    members = np.empty((32, 400), dtype=bool)
    members[::2] = np.argsort(rng.random((16, 400)), axis=1) < 200
    members[1::2] = ~members[::2]
    design = _paired(members)
    scores = {name: rng.normal(size=(32, 400)) + shift * members for name, shift in [("a", 0.8), ("b", 0.6)]}
    assert auc(stack(scores, design, seed=0), members) == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.012)
    # An attack that points the wrong way is as good as its opposite; noise beside them costs next to nothing.
    scores["b"] = -scores["b"]
    scores |= {f"noise {k}": rng.normal(size=(32, 400)) for k in range(5)}
    assert auc(stack(scores, design, seed=0), members) == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.012)


def _paired(members):
    from genoaudit.contracts import Design

    models = np.arange(len(members))
    return Design(members=members, partner=models ^ 1, seed=0)


def test_only_the_order_of_an_attacks_scores_within_a_target_counts(rng, make_design):
    design = make_design(8, 30, rng)
    scores = {"a": rng.normal(size=(8, 30)) + design.members, "b": rng.normal(size=(8, 30))}
    bent = {"a": np.exp(scores["a"]) * rng.uniform(1, 9, size=(8, 1)), "b": scores["b"] ** 3 + np.arange(8)[:, None]}
    np.testing.assert_array_equal(stack(bent, design, seed=0), stack(scores, design, seed=0))


def test_a_constant_attack_changes_nothing_and_alone_ties_everybody(rng, make_design):
    design = make_design(8, 30, rng)
    scores = {"a": rng.normal(size=(8, 30)) + design.members}
    flat = {"flat": np.full((8, 30), 2.5)}
    np.testing.assert_allclose(stack(scores | flat, design, seed=0), stack(scores, design, seed=0), atol=1e-12)
    np.testing.assert_array_equal(stack(flat, design, seed=0), 0)


def test_neither_target_nor_partner_nor_patient_teach_their_own_score(rng, make_design):
    design = make_design(8, 20, rng)
    scores = {"a": rng.normal(size=(8, 20)) + design.members, "b": rng.normal(size=(8, 20))}
    combined = stack(scores, design, seed=0)
    members = design.members.copy()
    members[[2, 3]] = members[[3, 2]]
    exchanged = stack(scores, replace(design, members=members), seed=0)
    np.testing.assert_array_equal(exchanged[[2, 3]], combined[[2, 3]])
    assert not np.array_equal(exchanged, combined)
    members = design.members.copy()
    members[:, 7] = ~members[:, 7]
    np.testing.assert_array_equal(stack(scores, replace(design, members=members), seed=0)[:, 7], combined[:, 7])


def test_scores_that_do_not_fit_are_refused(rng, make_design):
    design = make_design(4, 6, rng)
    fine = rng.normal(size=(4, 6))
    with pytest.raises(ConfigError, match="no attacks to combine"):
        stack({}, design, seed=0)
    with pytest.raises(ConfigError, match=r"'b' have shape \(6, 4\)"):
        stack({"a": fine, "b": fine.T}, design, seed=0)
    broken = fine.copy()
    broken[1, 3] = np.nan
    with pytest.raises(ConfigError, match=r"1 scores of 'b' are not finite \(first: target 1, patient number 3\)"):
        stack({"a": fine, "b": broken}, design, seed=0)
    with pytest.raises(ConfigError, match="at least 2 complementary pairs"):
        stack({"a": fine[:2]}, make_design(2, 6, rng), seed=0)
