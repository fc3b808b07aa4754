"""A cohort on disk, and what strangers have made of half of it; and a pool of patients for models of our recipes."""

import numpy as np
import pandas as pd
import pytest

from genoaudit.config import RunOptions, parse_config, read_config
from genoaudit.contracts import FLOOR
from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.target import Target
from genoaudit.models.recipes import build_recipe, set_random_state


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


@pytest.fixture(scope="session")
def pool():
    return simulate_cohort(patients=80, genes=150, classes=2, seed=2)


@pytest.fixture(scope="session")
def half(pool):
    return np.random.default_rng(0).permutation(pool.n_patients) < pool.n_patients // 2


@pytest.fixture(scope="session")
def options(tmp_path_factory):
    """One cache for all: models that several tests train alike are trained once."""
    return RunOptions(threads=1, cache=tmp_path_factory.mktemp("cache"), replay=True)


@pytest.fixture(scope="session")
def recipe():
    return build_recipe("mlp", {"hidden": [16], "epochs": 10}, scale="log2")


@pytest.fixture(scope="session")
def release(pool):
    """Train a model to be released, and keep what it says."""

    def train(recipe, members, seed=99, source="model"):
        rows = members[pool.patients]
        fitted = set_random_state(recipe, seed, "released").fit(pool.X[rows], pool.y[rows])
        return Target(members, np.log(np.maximum(fitted.predict_proba(pool.X), FLOOR)), source)

    return train
