"""A small cohort, and models that strangers fitted on half of it."""

import numpy as np
import pandas as pd
import pytest

from genoaudit.data.simulate import simulate_cohort


@pytest.fixture(scope="session")
def cohort():
    return simulate_cohort(patients=40, genes=12, classes=3, seed=4)


@pytest.fixture(scope="session")
def frame(cohort):
    return pd.DataFrame(cohort.X, columns=list(cohort.genes))


@pytest.fixture(scope="session")
def names(cohort):
    """The class of every sample, by name."""
    return np.array(cohort.classes)[cohort.y]
