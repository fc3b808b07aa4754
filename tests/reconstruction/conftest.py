"""Profiles of patients, and the real cohort where it is there."""

from pathlib import Path

import numpy as np
import pytest

from genoaudit.reconstruction.network import Network

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def profiles(rng):
    """Standardised profiles of 24 patients in 3 classes, 150 genes, with correlated genes."""
    y = np.arange(24) % 3
    shared = rng.normal(size=(24, 4)) @ rng.normal(size=(4, 150))
    return 0.5 * rng.normal(size=(3, 150))[y] + 0.4 * shared + rng.normal(size=(24, 150)), y


@pytest.fixture
def network(rng):
    return Network.fresh((150, 32, 16, 3), rng)


@pytest.fixture(scope="session")
def paired_cohort():
    path = DATA / "tcga_paired11.h5ad"
    if not path.exists():
        pytest.skip(f"the real cohort {path.name} is not there")
    from genoaudit.data.readers import read_cohort

    return read_cohort(path, label="cancer_type", patient="patient_id", scale="log2")
