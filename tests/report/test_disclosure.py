"""What may be shown of patients' counts, against attackers who solve for the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from genoaudit.report.disclosure import (
    MINIMUM,
    PROTECTION,
    large_enough,
    record_keys,
    rounded_count,
    values_to_show,
)


def alternating(patients):
    """One model with every second patient as a member."""
    return np.arange(patients)[None, :] % 2 == 0


def of_sizes(**sizes):
    return np.repeat(list(sizes), list(sizes.values()))


def limits(groups, shown, members, cell, *, whole_numbers=False):
    """The least and the most that a count can be: an attacker's programme, written out over single combinations.

    Known are the combinations that occur, exact counts of all that is shown, of everybody and of one model's members.
    """
    table = list(zip(*groups.values(), members[0] if len(members) == 1 else [None] * len(cell), strict=True))
    combinations = sorted(set(table), key=str)
    wanted = [
        float(any(row == combination and own for row, own in zip(table, cell, strict=True)))
        for combination in combinations
    ]
    equal, least = [([1.0] * len(combinations), float(len(table)))], []
    if len(members) == 1:
        equal.append(([float(row[-1]) for row in combinations], float(members.sum())))
    for column, (variable, values) in enumerate(groups.items()):
        for value in set(values.tolist()):
            row = [float(combination[column] == value) for combination in combinations]
            if value in shown[variable]:
                equal.append((row, float((values == value).sum())))
            else:
                least.append(row)
    ends = []
    for sign in (1, -1):
        objective = sign * np.array(wanted)
        matrix, counts = np.array([row for row, _ in equal]), np.array([count for _, count in equal])
        if whole_numbers:
            constraints = [LinearConstraint(matrix, counts, counts)]
            constraints += [LinearConstraint(np.array(least), 1, np.inf)] if least else []
            found = milp(objective, constraints=constraints, integrality=np.ones(len(wanted)), bounds=Bounds(0, np.inf))
        else:
            found = linprog(
                objective,
                A_eq=matrix,
                b_eq=counts,
                A_ub=-np.array(least) if least else None,
                b_ub=-np.ones(len(least)) if least else None,
            )
        ends.append(sign * found.fun)
    return tuple(ends)


def small_cells(groups, shown, members):
    """Values that are not shown, and combinations of two values that are too small to be."""
    masks = {}
    for variable, values in groups.items():
        for value in set(values.tolist()):
            masks[variable, value] = values == value
    for name, mask in masks.items():
        if name[1] not in shown[name[0]] and not large_enough(mask, members):
            yield mask
    for first, own in masks.items():
        for second, other in masks.items():
            if first[0] < second[0] and (own & other).any() and not large_enough(own & other, members):
                yield own & other


def is_protected(groups, shown, members, cell, **how):
    low, high = limits(groups, shown, members, cell, **how)
    nothing = dict.fromkeys(groups, ())
    least, most = limits(groups, nothing, members, cell, **how)
    return high - low >= min(PROTECTION, most - least) - 1e-6


def test_a_value_needs_ten_members_and_ten_non_members_of_every_model():
    own = np.arange(30) < 20
    assert large_enough(own, alternating(30))
    assert not large_enough(own, np.vstack([alternating(30), np.arange(30)[None, :] < 11]))
    assert not large_enough(own & (np.arange(30) > 0), alternating(30))
    assert MINIMUM == 10


def test_where_all_are_large_enough_all_are_shown():
    site = of_sizes(north=40, south=60)
    assert values_to_show({"site": site}, alternating(100)) == {"site": ("north", "south")}
    assert values_to_show({}, alternating(100)) == {}


def test_a_hidden_value_takes_the_smallest_other_along_so_that_the_total_does_not_give_it_away():
    site = of_sizes(large=100, middle=60, small=30, rare=6)
    members = alternating(196)
    shown = values_to_show({"site": site}, members)
    assert shown == {"site": ("large", "middle")}
    low, high = limits({"site": site}, shown, members, site == "rare")
    assert (low, high) == (1, 35)
    alone = {"site": ("large", "middle", "small")}
    assert limits({"site": site}, alone, members, site == "rare") == (6, 6)


def test_what_is_hidden_is_together_as_large_as_what_may_be_shown():
    site = of_sizes(large=100, small=24, a=5, b=5, c=5)
    members = alternating(139)
    assert values_to_show({"site": site}, members)["site"] == ("large",)


def test_of_two_values_none_or_both_are_shown():
    assert values_to_show({"sex": of_sizes(f=95, m=5)}, alternating(100)) == {"sex": ()}


def test_the_region_does_not_give_away_its_smallest_hospital():
    """East is 62, hospital one of it 57: two hides beside three, until the region is shown."""
    hospital = of_sizes(one=57, two=5, three=40, four=80)
    members = alternating(182)
    alone = values_to_show({"hospital": hospital}, members)
    assert alone == {"hospital": ("four", "one")}
    groups = {"hospital": hospital, "region": np.where(np.isin(hospital, ["one", "two"]), "east", "west")}
    naive = {"hospital": ("four", "one"), "region": ("east", "west")}
    assert limits(groups, naive, members, hospital == "two") == (5, 5)
    shown = values_to_show(groups, members)
    low, high = limits(groups, shown, members, hospital == "two")
    assert high - low >= PROTECTION
    assert any(shown.values())


def test_two_large_values_that_nearly_coincide_are_not_both_shown():
    """All of a class but five are of one sex: 105 - 100 would say how many women have another class."""
    groups = {
        "class": of_sizes(ovary=100, other=200),
        "sex": of_sizes(f=105, m=195),
    }
    members = alternating(300)
    five = (groups["sex"] == "f") & (groups["class"] == "other")
    everything = {"class": ("other", "ovary"), "sex": ("f", "m")}
    assert limits(groups, everything, members, five) == (5, 5)
    low, high = limits(groups, values_to_show(groups, members), members, five)
    assert high - low >= PROTECTION


def random_patients(seed, patients, levels):
    rng = np.random.default_rng(seed)
    groups = {}
    for number, count in enumerate(levels):
        values = rng.choice(count, p=rng.dirichlet(np.full(count, 0.7)), size=patients)
        groups[f"v{number}"] = np.array([f"{number}-{value}" for value in values])
    if rng.random() < 0.5:  # a variable that nests in the first
        finer = rng.random(patients) < rng.random()
        groups["nested"] = np.char.add(groups["v0"], np.where(finer, "a", "b"))
    models = int(rng.choice([1, 6]))
    return groups, rng.random((models, patients)) < rng.uniform(0.3, 0.7)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    patients=st.integers(25, 130),
    levels=st.lists(st.integers(2, 5), min_size=1, max_size=2),
)
def test_no_attacker_narrows_a_hidden_count_of_any_table(seed, patients, levels):
    groups, members = random_patients(seed, patients, levels)
    shown = values_to_show(groups, members)
    for variable, values in shown.items():
        assert all(large_enough(groups[variable] == value, members) for value in values)
        rest = ~np.isin(groups[variable], values)
        assert not values or not rest.any() or large_enough(rest, members)
    assert all(is_protected(groups, shown, members, cell) for cell in small_cells(groups, shown, members))


@pytest.mark.parametrize("seed", range(6))
def test_knowing_that_counts_are_whole_numbers_does_not_help(seed):
    groups, members = random_patients(seed, 90, (4, 3, 2))
    shown = values_to_show(groups, members)
    cells = list(small_cells(groups, shown, members))
    assert all(is_protected(groups, shown, members, cell, whole_numbers=True) for cell in cells)


def test_more_protection_shows_less():
    hospital = of_sizes(one=57, two=5, three=40, four=80)
    groups = {"hospital": hospital, "region": np.where(np.isin(hospital, ["one", "two"]), "east", "west")}
    shown = [values_to_show(groups, alternating(182), protection=wanted) for wanted in (0, 10, 100)]
    counts = [sum(map(len, found.values())) for found in shown]
    assert counts[0] > counts[1] >= counts[2]


def test_counts_are_rounded_at_random_to_a_neighbouring_multiple_and_on_average_to_themselves():
    patients = 60
    for count in (20, 21, 23, 24, 25):
        own = np.arange(patients) < count
        drawn = [
            rounded_count(own, record_keys(f"{number} {draw}" for number in range(patients))) for draw in range(3000)
        ]
        below = 5 * (count // 5)
        assert set(drawn) == ({count} if count % 5 == 0 else {below, below + 5})
        assert abs(np.mean(drawn) - count) < 4 * 2.5 / np.sqrt(3000)


def test_the_same_patients_are_rounded_the_same_way_and_others_independently():
    keys = record_keys(f"patient {number}" for number in range(400))
    own = np.arange(400) < 123
    assert rounded_count(own, keys) == rounded_count(own.copy(), keys)
    without = []
    for left_out in range(123):
        fewer = own.copy()
        fewer[left_out] = False
        without.append(rounded_count(fewer, keys))
    assert set(without) == {120, 125}
    assert 0.15 < np.mean(np.array(without) == 125) < 0.65  # 122 rounds up in two of five draws
