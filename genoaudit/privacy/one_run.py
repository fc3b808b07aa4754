"""Epsilon from one run: many canary patients, each a member of the one model by its own fair coin.

The auditor guesses the coins of the canaries with the highest and the lowest scores. DP limits how many guesses can be
right, because the coins are independent; nothing is asked of the scores.

Steinke, Nasr, Jagielski. Privacy auditing with one (1) training run. NeurIPS 2023.
Mahloujifar, Melis, Chaudhuri. Auditing f-differential privacy in one run. ICML 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from genoaudit.contracts import BoolArray, FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.gdp import GDP_WORDING, epsilon_from_mu
from genoaudit.privacy.lower_bounds import LowerBound, check_delta, per_look

_LARGEST = 50.0  # of epsilon and of mu: exp(-50) is nothing beside any number of canaries
_PRECISION = 1e-9
_IMPLAUSIBLE = 1e-9

_NOTES = {
    "one_run": "For any mechanism; each canary was a member by its own fair coin. Few canaries can only show a small "
    "epsilon, so a small number means not refuted, not private.",
    "one_run_fdp": f"A {GDP_WORDING}, which no audit can confirm; each canary was a member by its own fair coin. A "
    "small number means not refuted, not private.",
}


def _check_counts(correct: int, guesses: int, canaries: int) -> None:
    if not (0 <= correct <= guesses <= canaries and guesses >= 1):
        raise ConfigError(
            "a one-run bound needs 0 <= correct <= guesses <= canaries and at least one guess, found "
            f"{correct} correct of {guesses} guesses on {canaries} canaries."
        )


def one_run_p_value(correct: int, guesses: int, canaries: int, *, epsilon: float, delta: float) -> float:
    """Chance of at least so many correct guesses against an (epsilon, delta)-DP mechanism, at most.

    The guesses of an (epsilon, 0)-DP mechanism are right no oftener than independent coins of weight
    ``1 / (1 + exp(-epsilon))``; a positive delta moves the count by i with a chance of at most
    ``2 canaries delta / i`` (Steinke et al. 2023).

    Parameters
    ----------
    correct, guesses, canaries
        Right guesses, guesses made, and canaries with a coin, whether guessed or not.
    epsilon, delta
        The hypothesis; `epsilon` at least 0, `delta` in [0, 1).

    Raises
    ------
    ConfigError
        If the counts or delta are impossible.

    Examples
    --------
    >>> round(one_run_p_value(5, 5, 5, epsilon=0.0, delta=0.0), 5)
    0.03125
    """
    _check_counts(correct, guesses, canaries)
    check_delta(delta)
    at_least = stats.binom.sf(np.arange(correct, -1, -1) - 1, guesses, special.expit(epsilon))
    if correct == 0 or delta == 0:
        return float(at_least[0])
    weight = 2 * canaries * delta / np.arange(1, correct + 1)
    moved = at_least[0] + weight * (at_least[1:] - at_least[0])
    # Each of these rises with epsilon, passes 1 if its weight does, and falls back to 1: cut at 1 they only rise.
    return float(min(moved.max(), 1.0))


def epsilon_one_run(correct: int, guesses: int, canaries: int, *, delta: float, significance: float = 0.05) -> float:
    """Largest epsilon that the count of correct guesses refutes, for any mechanism (Steinke et al. 2023).

    Parameters
    ----------
    correct, guesses, canaries
        Right guesses, guesses made (a number fixed beforehand), and canaries with a coin, whether guessed or not.
    delta
        Delta of the guarantee; in [0, 1).
    significance
        Chance that the bound is too high.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(epsilon_one_run(100, 100, 1000, delta=1e-5), 3)
    3.465
    """
    level = per_look(significance, 1)

    def excess(epsilon: float) -> float:
        return one_run_p_value(correct, guesses, canaries, epsilon=epsilon, delta=delta) - level

    if excess(0.0) > 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, _LARGEST, xtol=_PRECISION))


def refutes_gdp(correct: int, guesses: int, canaries: int, *, mu: float, significance: float = 0.05) -> bool:
    """Say whether the count of correct guesses is too high for a mu-GDP mechanism.

    The recursion of Mahloujifar et al. (2025) for guesses of one coin: it builds the smallest masses of
    right and wrong guesses that go with a chance of `significance` to do so well, and refutes the mechanism when they
    are more than the guesses there are.

    Parameters
    ----------
    correct, guesses, canaries
        As in `epsilon_one_run`.
    mu
        The hypothesis, at least 0.
    significance
        Chance that a mu-GDP mechanism is refuted.

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> refutes_gdp(100, 100, 1000, mu=0.5), refutes_gdp(100, 100, 1000, mu=3.0)
    (True, False)
    """
    _check_counts(correct, guesses, canaries)
    level = per_look(significance, 1)
    right, wrong, most = level * correct / canaries, level * (guesses - correct) / canaries, guesses / canaries
    for i in range(correct - 1, -1, -1):
        grown = max(wrong, float(special.ndtr(special.ndtri(right) - mu)))
        right += i / (guesses - i) * (grown - wrong)
        wrong = grown
        if right + wrong > most:  # both only grow
            return True
    return False


def epsilon_one_run_fdp(
    correct: int, guesses: int, canaries: int, *, delta: float, significance: float = 0.05
) -> float:
    """Epsilon of the largest mu that the count of correct guesses refutes: a lower bound if the mechanism is GDP.

    Higher than `epsilon_one_run`, at the price of an assumption: for a mechanism that is not GDP the number can be too
    high far oftener than `significance` says. Randomised response at epsilon 4 gives more than 4 in 73 % of audits with
    1,000 canaries and 100 guesses.

    Parameters
    ----------
    correct, guesses, canaries, delta, significance
        As in `epsilon_one_run`, `delta` in (0, 1).

    Raises
    ------
    ConfigError
        If an argument is impossible.

    Examples
    --------
    >>> round(epsilon_one_run_fdp(100, 100, 1000, delta=1e-5), 3)
    5.549
    """
    check_delta(delta, positive=True)

    def refuted(mu: float) -> bool:
        return refutes_gdp(correct, guesses, canaries, mu=mu, significance=significance)

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, _LARGEST
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return epsilon_from_mu(low, delta)


def one_run_bound(
    scores: FloatArray,
    included: BoolArray,
    *,
    delta: float,
    guesses: int | Sequence[int],
    method: Literal["one_run", "one_run_fdp"] = "one_run",
    significance: float = 0.05,
    looked_at: int = 1,
    generator: np.random.Generator,
) -> LowerBound:
    """Lower bound of epsilon from the scores of all canaries in one model; it tests the add/remove relation.

    Only for designs of kind ``"coins"``: each canary was put in by its own fair coin, independent of everything else.
    In a half split or any design with a fixed number of members the coins depend on each other, and the number would
    not be a bound. Booleans cannot show how they were drawn; only a count that fair coins never give is refused. Pass
    every canary that had a coin, also those with uninteresting scores. Scores may use the model and other models, but
    nothing that knows the coins.

    The guesses are half "member" for the highest scores (the larger half of an odd number) and half "non-member" for
    the lowest.

    Parameters
    ----------
    scores
        Attack scores in the one model, higher = member; [canaries], finite.
    included
        The coins; [canaries].
    delta
        Delta of the guarantee; in [0, 1), for ``"one_run_fdp"`` in (0, 1).
    guesses
        How many coins are guessed, fixed before looking; or a declared grid of such numbers, of which the best is taken
        (Bonferroni).
    method
        ``"one_run"``: for any mechanism (Steinke et al.). ``"one_run_fdp"``: if the mechanism is GDP (Mahloujifar et
        al.).
    significance
        Chance that the bound is too high.
    looked_at
        How many attacks or models the one shown was chosen from (Bonferroni).
    generator
        Breaks ties between equal scores, which the order of the rows must not do.

    Raises
    ------
    ConfigError
        If the canaries cannot have had fair coins, a score is not finite, or an argument is impossible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> coins = rng.random(1000) < 0.5
    >>> bound = one_run_bound(coins + 0.1 * rng.normal(size=1000), coins, delta=1e-5, guesses=100, generator=rng)
    >>> round(bound.epsilon, 3), bound.neighbouring
    (3.465, 'add/remove')
    """
    if method not in _NOTES:
        raise ConfigError(f"a one-run method is 'one_run' or 'one_run_fdp', found {method!r}.")
    _check_canaries(scores, included)
    grid = tuple(int(number) for number in np.ravel(guesses))
    if not grid:
        raise ConfigError("the grid of guess counts is empty; declare at least one.")
    level = per_look(per_look(significance, looked_at), len(grid))
    count = epsilon_one_run if method == "one_run" else epsilon_one_run_fdp
    shuffled = generator.permutation(scores.size)
    coins = included[shuffled[np.argsort(-scores[shuffled], kind="stable")]]
    epsilon = max(
        count(_correct(coins, number), number, coins.size, delta=delta, significance=level) for number in grid
    )
    return LowerBound(
        epsilon=epsilon,
        delta=delta,
        significance=significance,
        kind=method,
        neighbouring="add/remove",
        trials=coins.size,
        threshold=(
            f"{grid[0]} guesses, fixed beforehand"
            if len(grid) == 1
            else f"best of {len(grid)} declared guess counts, Bonferroni"
        ),
        note=_NOTES[method],
    )


def _check_canaries(scores: FloatArray, included: BoolArray) -> None:
    if scores.ndim != 1 or scores.shape != included.shape or scores.size == 0:
        raise ConfigError(
            f"one score and one coin per canary, at least one canary: found scores {scores.shape} and coins "
            f"{included.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise ConfigError(f"{bad.size} of {scores.size} scores are not finite (first: canary number {bad[0]}).")
    inside = int(included.sum())
    if stats.binomtest(inside, included.size).pvalue < _IMPLAUSIBLE:
        raise ConfigError(
            f"{inside} of {included.size} canaries are members, which fair coins never give. A one-run bound needs a "
            "design of kind 'coins'."
        )


def _correct(coins: BoolArray, guesses: int) -> int:
    """Count right guesses on coins in descending order of score."""
    if not 1 <= guesses <= coins.size:
        raise ConfigError(f"a number of guesses lies between 1 and the {coins.size} canaries, found {guesses}.")
    as_members = (guesses + 1) // 2
    return int(coins[:as_members].sum() + (~coins[coins.size - (guesses - as_members) :]).sum())
