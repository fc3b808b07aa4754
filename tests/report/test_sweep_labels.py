from itertools import combinations

import numpy as np
import pytest

from genoaudit.report.sweep_labels import placed_labels

BOUNDS = (0.0, 0.0, 600.0, 300.0)


def overlap(place, size, other, its_size):
    """Whether two boxes overlap, from the distances of their centres."""
    return bool((np.abs(place - other) < (size + its_size) / 2 - 1e-9).all())


@pytest.mark.parametrize("seed", range(5))
def test_of_a_crowd_no_label_covers_another_and_none_leaves_the_panel(seed):
    rng = np.random.default_rng(seed)
    anchors = rng.normal((420, 200), (60, 25), (18, 2))
    sizes = np.column_stack([rng.uniform(30, 110, 18), np.full(18, 11.0)])
    places = placed_labels(anchors, sizes, bounds=BOUNDS, blocked=np.hstack([anchors - 5, anchors + 5]))
    assert not [(a, b) for a, b in combinations(range(18), 2) if overlap(places[a], sizes[a], places[b], sizes[b])]
    assert (places - sizes / 2 >= 0).all()
    assert (places + sizes / 2 <= BOUNDS[2:]).all()


def test_a_lonely_label_stands_close_to_its_point_and_not_on_it():
    size = np.array([[40.0, 10.0]])
    (place,) = placed_labels(np.array([[300.0, 150.0]]), size, bounds=BOUNDS, blocked=np.array([[295, 145, 305, 155]]))
    gap = np.clip(np.abs(place - (300, 150)) - size[0] / 2, 0, None)
    assert 0 < np.hypot(*gap) < 15
    assert not overlap(place, size[0], np.array([300, 150]), np.array([10, 10]))


def test_a_blocked_place_is_left_free():
    size, anchor = np.array([[40.0, 10.0]]), np.array([[300.0, 150.0]])
    first = placed_labels(anchor, size, bounds=BOUNDS)[0]
    wall = np.array([[*(first - 20), *(first + 20)]])
    assert not overlap(placed_labels(anchor, size, bounds=BOUNDS, blocked=wall)[0], size[0], first, np.full(2, 40.0))


def test_no_labels_have_no_places():
    assert placed_labels(np.empty((0, 2)), np.empty((0, 2)), bounds=BOUNDS).shape == (0, 2)
