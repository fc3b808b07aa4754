import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics.frontier import pareto


def _oracle(utility, leakage):
    """Walk the cells by falling utility; a cell stays if it leaks less than every cell of more utility."""
    kept = [False] * len(utility)
    known = [i for i in range(len(utility)) if utility[i] == utility[i] and leakage[i] == leakage[i]]
    least = float("inf")
    for level in sorted({utility[i] for i in known}, reverse=True):
        cells = [i for i in known if utility[i] == level]
        best = min(leakage[i] for i in cells)
        if best < least:
            for i in cells:
                kept[i] = leakage[i] == best
            least = best
    return kept


def test_the_frontier_equals_a_walk_along_falling_utility(rng):
    for cells in (0, 1, 2, 5, 40):
        for _ in range(50):
            utility, leakage = rng.integers(0, 6, size=(2, cells)) / 5
            leakage[rng.random(cells) < 0.1] = np.nan
            utility[rng.random(cells) < 0.1] = np.nan
            assert pareto(utility, leakage).tolist() == _oracle(utility, leakage)


def test_a_trade_off_is_all_frontier_and_a_pure_gain_is_one_cell():
    rising = np.linspace(0.5, 0.9, 7)
    assert pareto(rising, rising).all()
    assert pareto(rising, -rising).tolist() == [False] * 6 + [True]


def test_equal_cells_stand_or_fall_together():
    assert pareto(np.array([0.8, 0.8, 0.7]), np.array([0.6, 0.6, 0.6])).tolist() == [True, True, False]
    assert pareto(np.array([0.8, 0.8, 0.9]), np.array([0.6, 0.6, 0.6])).tolist() == [False, False, True]


def test_an_unknown_number_is_never_on_the_frontier_and_keeps_nobody_from_it():
    utility, leakage = np.array([np.nan, 0.5, 0.9, 0.4]), np.array([0.5, 0.6, np.nan, 0.6])
    assert pareto(utility, leakage).tolist() == [False, True, False, False]


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ConfigError, match=r"utility \(3,\) and leakage \(2,\) must both be \[cells\]"):
        pareto(np.zeros(3), np.zeros(2))
