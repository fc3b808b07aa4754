"""Membership in complementary pairs, drawn without the package."""

import half_splits
import numpy as np
import pytest


@pytest.fixture
def half_split():
    return half_splits.half_split


@pytest.fixture
def rng():
    return np.random.default_rng(20240608)
