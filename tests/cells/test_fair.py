"""Defences beside DP-SGD: matched by accuracy alone, judged on those who need protection most."""

import pytest
from sample_sweep import cell, private

from genoaudit.cells.fair import TOLERANCE, compare_fairly, next_to_try
from genoaudit.cells.plan import Cell
from genoaudit.models.recipes import build_recipe
from genoaudit.report.sweep_result import SweepCell


def defence(lost: float, kept_worst: float = 0.9) -> SweepCell:
    return cell("mlp", "l2", 0.01, "L2, 0.01", "training", lost, 0.8, kept_worst)


def dp(epsilon: float, lost: float, kept_worst: float = 0.2) -> SweepCell:
    like = private("mlp", epsilon)
    changed = cell("mlp", "dp", epsilon, "DP", "training", lost, 0.2, kept_worst)
    return changed.model_copy(update={"guarantee": like.guarantee})


def test_the_match_is_the_noisiest_dp_that_is_as_useful():
    cells = (defence(0.05), dp(8, 0.3), dp(32, 0.05 + TOLERANCE / 2), dp(1e3, 0.01), dp(1e6, 0.0))
    (found,) = compare_fairly(cells)
    assert found.dp == "mlp/dp=32/seed=0"
    assert found.accuracy_difference == pytest.approx(-TOLERANCE / 2)


def test_nothing_matches_a_defence_that_is_more_useful_than_every_dp():
    (found,) = compare_fairly((defence(0.0), dp(8, 0.3), dp(1e9, 0.1)))
    assert found.dp is None
    assert found.accuracy_difference is None
    assert found.worst_favours == found.canaries_favour == "neither"


@pytest.mark.parametrize(("left_by_defence", "left_by_dp", "favours"), [(0.9, 0.2, "dp"), (0.2, 0.9, "defence")])
def test_whom_the_most_exposed_favour_is_said_where_intervals_do_not_overlap(left_by_defence, left_by_dp, favours):
    (found,) = compare_fairly((defence(0.05, left_by_defence), dp(8, 0.05, left_by_dp)))
    assert found.worst_favours == found.canaries_favour == favours


def test_overlapping_intervals_favour_nobody():
    (found,) = compare_fairly((defence(0.05, 0.5), dp(8, 0.05, 0.48)))
    assert found.worst_favours == "neither"


def test_other_recipes_and_seeds_are_no_match():
    stranger = dp(8, 0.05).model_copy(update={"recipe": "softmax"})
    later = dp(8, 0.05).model_copy(update={"seed": 1})
    (found,) = compare_fairly((defence(0.05), stranger, later))
    assert found.dp is None


def trained(found: SweepCell) -> Cell:
    recipe = build_recipe("mlp", {"scaling": "sample", "dp": {"epsilon": 8.0}}, scale="log2")
    return Cell(found.name, found.title, "mlp", "dp", found.setting, 0, recipe)


def test_the_next_try_lies_between_the_match_and_the_next_noisier():
    weak, strong = dp(1e3, 0.01), dp(8, 0.3)
    tried = next_to_try((defence(0.05), weak, strong), {found.name: trained(found) for found in (weak, strong)})
    noise = tried.recipe.get_params()["classifier__dp"].noise_multiplier
    assert weak.guarantee.noise_multiplier < noise < strong.guarantee.noise_multiplier
    assert tried.tuned
    assert tried.name == f"mlp/dp=noise {noise:g}/seed=0"


@pytest.mark.parametrize(
    "cells",
    [
        (),
        (dp(8, 0.3), dp(1e3, 0.0)),  # no defence
        (defence(0.05), dp(8, 0.05)),  # matched, and nothing is noisier
        (defence(0.05), dp(8, 0.3), dp(1e3, 0.05)),  # matched closely
        (defence(0.0), dp(8, 0.3), dp(1e3, 0.2)),  # out of reach
    ],
)
def test_nothing_is_tried_where_it_could_not_bring_accuracy_closer(cells):
    assert next_to_try(cells, {found.name: trained(found) for found in cells if found.mitigation == "dp"}) is None
