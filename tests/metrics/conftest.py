"""Membership in complementary pairs, drawn without the package."""

import numpy as np
import pytest


def _half_split(targets: int, patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    members = np.empty((targets, patients), dtype=bool)
    partner = np.full(targets, -1)
    for first in range(0, targets, 2):
        members[first] = rng.permutation(patients) < patients // 2
        if first + 1 < targets:
            members[first + 1] = ~members[first]
            partner[first], partner[first + 1] = first + 1, first
    return members, partner


@pytest.fixture
def half_split():
    return _half_split


@pytest.fixture
def rng():
    return np.random.default_rng(20240608)
