"""A cohort on disk, and what strangers have made of half of it."""

import numpy as np
import pandas as pd
import pytest

from genoaudit.config import parse_config, read_config
from genoaudit.data.simulate import simulate_cohort


@pytest.fixture(scope="session")
def cohort():
    return simulate_cohort(patients=40, genes=15, classes=2, seed=6)


@pytest.fixture(scope="session")
def held(cohort):
    """Members: as many of each class as not."""
    return np.arange(cohort.n_patients) % 2 == 0


@pytest.fixture(scope="session")
def frame(cohort):
    return pd.DataFrame(cohort.X, columns=list(cohort.genes))


@pytest.fixture(scope="session")
def names(cohort):
    return np.array(cohort.classes)[cohort.y]


@pytest.fixture(scope="session")
def file_of_cohort(cohort, held, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "cohort.h5ad"
    adata = cohort.to_anndata()
    adata.obs["trained"] = held[cohort.patients]
    adata.write_h5ad(path)
    return path


@pytest.fixture
def config(file_of_cohort):
    """A configuration with a given model."""

    def make(target, **sections):
        cohort = {"path": str(file_of_cohort), "label": "cancer_type", "patient": "patient_id", "scale": "log2"}
        return parse_config({"cohort": cohort, "target": target, **sections})

    return make


@pytest.fixture
def located(tmp_path):
    """A configuration read from a file, whose paths are relative to it."""

    def make(text):
        (tmp_path / "audit.toml").write_text(text)
        return read_config(tmp_path / "audit.toml")

    return make
