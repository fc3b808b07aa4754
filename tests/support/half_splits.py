"""Half splits for tests, drawn without the package: complementary pairs of models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def half_split(models: int, patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Membership [models, patients] and partner [models]; the last of an odd number of models has none."""
    return _pairs(models, patients, lambda: rng.permutation(patients) < patients // 2)


def stratified_half_split(models: int, strata: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same with half of every stratum in every model; strata [patients]."""

    def draw() -> np.ndarray:
        members = np.zeros(strata.size, dtype=bool)
        for stratum in np.unique(strata):
            own = rng.permutation(np.flatnonzero(strata == stratum))
            members[own[: own.size // 2]] = True
        return members

    return _pairs(models, strata.size, draw)


def _pairs(models: int, patients: int, draw: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    members = np.empty((models, patients), dtype=bool)
    partner = np.full(models, -1)
    for first in range(0, models, 2):
        members[first] = draw()
        if first + 1 < models:
            members[first + 1] = ~members[first]
            partner[first], partner[first + 1] = first + 1, first
    return members, partner
