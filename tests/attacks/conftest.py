"""Small designs and signals, drawn without the package."""

import numpy as np
import pytest

from genoaudit.contracts import Design, Signals


def _design(models: int, patients: int, rng: np.random.Generator) -> Design:
    members = np.empty((models, patients), dtype=bool)
    partner = np.full(models, -1)
    for first in range(0, models, 2):
        members[first] = rng.permutation(patients) < patients // 2
        if first + 1 < models:
            members[first + 1] = ~members[first]
            partner[first], partner[first + 1] = first + 1, first
    return Design(members=members, partner=partner, seed=0)


def _signals(logit: np.ndarray) -> Signals:
    models, samples = logit.shape
    return Signals(
        logit=logit[:, None, :],
        proba=np.full((models, samples, 2), 0.5, dtype=np.float32),
        y=np.zeros(samples, dtype=np.intp),
    )


@pytest.fixture
def make_design():
    return _design


@pytest.fixture
def make_signals():
    return _signals


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)
