from fractions import Fraction
from math import comb, exp, log

import numpy as np
import pytest
from scipy.stats import norm

from genoaudit.errors import ConfigError
from genoaudit.privacy.gdp import mu_from_epsilon
from genoaudit.privacy.one_run import (
    epsilon_one_run,
    epsilon_one_run_fdp,
    one_run_bound,
    one_run_p_value,
    refutes_gdp,
)

DELTA = 1e-5
TABLE = [  # canaries, guesses, correct, Steinke, f-DP with a Gaussian hypothesis
    (1000, 100, 100, 3.465, 5.549),
    (1000, 100, 95, 2.165, 3.323),
    (1000, 200, 180, 1.796, 2.901),
    (1000, 1000, 600, 0.297, 0.584),
    (5000, 500, 480, 2.783, 4.063),
    (200, 50, 50, 2.779, 5.121),
    (200, 200, 130, 0.366, 0.794),
]


def bound(scores, included, **keywords):
    given = {"delta": DELTA, "guesses": 50, "generator": np.random.default_rng(0)}
    return one_run_bound(np.asarray(scores, dtype=float), np.asarray(included), **(given | keywords))


def coins(canaries, seed=0):
    return np.random.default_rng(seed).random(canaries) < 0.5


@pytest.mark.parametrize(("canaries", "guesses", "correct", "any_mechanism", "gaussian"), TABLE)
def test_reference_table(canaries, guesses, correct, any_mechanism, gaussian):
    assert epsilon_one_run(correct, guesses, canaries, delta=DELTA) == pytest.approx(any_mechanism, abs=1e-3)
    assert epsilon_one_run_fdp(correct, guesses, canaries, delta=DELTA) == pytest.approx(gaussian, abs=1e-3)


def exact_p_value(correct, guesses, canaries, weight, delta):
    """The definition in rational arithmetic, from the masses just below the count."""
    mass = [comb(guesses, k) * weight**k * (1 - weight) ** (guesses - k) for k in range(guesses + 1)]
    p, below, moved = sum(mass[correct:]), Fraction(0), Fraction(0)
    for i in range(1, correct + 1):
        below += mass[correct - i]
        moved = max(moved, below / i)
    return p + 2 * canaries * delta * moved


@pytest.mark.parametrize("odds", [1, 3, 20])
@pytest.mark.parametrize(
    ("correct", "guesses", "canaries"), [(0, 5, 5), (1, 1, 9), (8, 10, 30), (10, 10, 10), (17, 30, 60)]
)
@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1, 10**5), Fraction(1, 200)])
def test_p_value_equals_exact_fractions(odds, correct, guesses, canaries, delta):
    found = one_run_p_value(correct, guesses, canaries, epsilon=log(odds), delta=float(delta))
    expected = exact_p_value(correct, guesses, canaries, Fraction(odds, odds + 1), delta)
    assert found == pytest.approx(min(float(expected), 1.0), rel=1e-10)


def test_a_large_delta_keeps_the_p_value_valid_and_increasing():
    # 2 canaries delta = 4: uncut, the formula passes 1 and falls again, and bisecting it would not be safe.
    grid = np.linspace(0, 10, 200)
    found = [one_run_p_value(30, 40, 200, epsilon=e, delta=0.01) for e in grid]
    assert np.all(np.diff(found) >= -1e-12)
    for epsilon, p in zip(grid[::20], found[::20], strict=True):
        weight = Fraction(exp(epsilon) / (1 + exp(epsilon)))
        assert p == pytest.approx(min(float(exact_p_value(30, 40, 200, weight, Fraction(1, 100))), 1), abs=1e-9)


def test_without_delta_perfect_guesses_have_a_closed_form():
    # q^r = 0.05 with q = 1 / (1 + exp(-epsilon))
    q = 0.05 ** (1 / 60)
    assert epsilon_one_run(60, 60, 100, delta=0.0) == pytest.approx(log(q / (1 - q)), abs=1e-7)


def slow_refutes(correct, guesses, canaries, mu, level):
    """The recursion as a table over the number of right guesses, filled from the top without an early end."""
    right, wrong = np.zeros(correct + 1), np.zeros(correct + 1)
    right[correct], wrong[correct] = level * correct / canaries, level * (guesses - correct) / canaries
    for i in reversed(range(correct)):
        blown = norm.cdf(norm.ppf(min(right[i + 1], 1)) - mu)
        wrong[i] = max(wrong[i + 1], blown)
        right[i] = right[i + 1] + i * (wrong[i] - wrong[i + 1]) / (guesses - i)
    return right[0] + wrong[0] > guesses / canaries


@pytest.mark.parametrize(("correct", "guesses", "canaries"), [(20, 20, 50), (35, 50, 50), (60, 100, 300)])
def test_recursion_equals_a_full_table(correct, guesses, canaries):
    grid = np.linspace(0, 4, 41)
    found = [refutes_gdp(correct, guesses, canaries, mu=mu) for mu in grid]
    assert found == [slow_refutes(correct, guesses, canaries, mu, 0.05) for mu in grid]
    assert found == sorted(found, reverse=True)  # what is refuted at mu is refuted below
    assert found[0]


@pytest.mark.parametrize("epsilon", [epsilon_one_run, epsilon_one_run_fdp])
def test_bounds_grow_with_right_guesses_and_never_fall_below_zero(epsilon):
    found = [epsilon(v, 40, 100, delta=DELTA) for v in range(41)]
    assert found == sorted(found)
    assert found[0] == found[20] == 0
    assert found[-1] > 2


@pytest.mark.parametrize("epsilon", [epsilon_one_run, epsilon_one_run_fdp])
@pytest.mark.parametrize("counts", [(0, 0, 10), (5, 4, 10), (5, 20, 10), (-1, 5, 10)])
def test_impossible_counts_are_refused(epsilon, counts):
    with pytest.raises(ConfigError, match="at least one guess"):
        epsilon(*counts, delta=DELTA)


def test_the_gaussian_bound_converts_the_largest_refuted_mu():
    mu = mu_from_epsilon(epsilon_one_run_fdp(95, 100, 1000, delta=DELTA), DELTA)
    assert slow_refutes(95, 100, 1000, mu - 1e-5, 0.05)
    assert not slow_refutes(95, 100, 1000, mu + 1e-5, 0.05)


@pytest.mark.parametrize("method", ["one_run", "one_run_fdp"])
def test_perfect_scores_reach_the_table(method):
    included = coins(200)
    found = bound(included + 0.0, included, method=method)
    assert found.epsilon == pytest.approx(2.779 if method == "one_run" else 5.121, abs=1e-3)
    assert (found.kind, found.neighbouring, found.trials) == (method, "add/remove", 200)
    assert found.threshold == "50 guesses, fixed beforehand"
    assert ("if the mechanism is GDP" in found.note) == (method == "one_run_fdp")


def test_guesses_are_the_two_ends_of_the_ranking():
    included = np.tile([True, False], 20)
    scores = np.where(included, 1.0, -1.0) * np.arange(1, 41)
    wrong_in_the_middle = scores * np.where(np.abs(scores) <= 10, -1, 1)
    expected = epsilon_one_run(21, 21, 40, delta=DELTA)
    assert bound(wrong_in_the_middle, included, guesses=21).epsilon == pytest.approx(expected)
    assert bound(-scores, included, guesses=21).epsilon == 0


def test_a_declared_grid_pays_for_its_size():
    included = coins(200)
    found = bound(included + 0.0, included, guesses=(10, 50, 100, 150))
    assert found.epsilon == pytest.approx(epsilon_one_run(150, 150, 200, delta=DELTA, significance=0.0125))
    assert found.threshold == "best of 4 declared guess counts, Bonferroni"
    assert found.significance == 0.05
    looked = bound(included + 0.0, included, guesses=150, looked_at=4)
    assert looked.epsilon == pytest.approx(found.epsilon)


def test_constant_scores_are_ties_and_not_the_order_of_the_rows():
    # Members first: guessing by row would be right every time.
    included = np.sort(coins(400))[::-1]
    assert bound(np.zeros(400), included, guesses=200).epsilon == 0
    assert bound(np.zeros(400), included, guesses=200, method="one_run_fdp").epsilon == 0


def test_counts_that_fair_coins_never_give_are_refused():
    with pytest.raises(ConfigError, match="180 of 200 canaries are members"):
        bound(np.zeros(200), np.arange(200) < 180)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [({"guesses": 0}, "between 1 and the 200"), ({"guesses": 201}, "between 1 and the 200"), ({"guesses": ()}, "empty"),
     ({"method": "best"}, "method"), ({"delta": 1.0}, "delta"), ({"looked_at": 0}, "looked_at")],
)  # fmt: skip
def test_impossible_arguments_are_refused(keywords, message):
    with pytest.raises(ConfigError, match=message):
        bound(np.zeros(200), coins(200), **keywords)


def test_unusable_scores_are_refused():
    with pytest.raises(ConfigError, match="canary number 3"):
        bound(np.where(np.arange(200) == 3, np.nan, 0.0), coins(200))
    with pytest.raises(ConfigError, match="one score and one coin"):
        bound(np.zeros(199), coins(200))
