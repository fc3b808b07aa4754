"""One small cohort, its design, and models that know its classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from genoaudit.checks.evidence import Evidence
from genoaudit.contracts import Signals
from genoaudit.data.design import make_design
from genoaudit.data.simulate import simulate_cohort

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def cohort():
    return simulate_cohort(patients=120, genes=800, classes=3, seed=7)


@pytest.fixture(scope="session")
def design(cohort):
    return make_design(cohort.y, cohort.patients, models=16, seed=7)


@pytest.fixture(scope="session")
def make_signals(cohort):
    """Models that recognise the classes by `skill`, and members by `leak` more."""

    def make(members, skill=2.0, leak=0.0, seed=0):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(len(members), cohort.n_samples, len(cohort.classes)))
        rows = np.arange(cohort.n_samples)
        z[:, rows, cohort.y] += skill + leak * members[:, cohort.patients]
        others = np.where(np.arange(z.shape[2]) == cohort.y[:, None], -np.inf, z)
        logit = z[:, rows, cohort.y] - logsumexp(others, axis=2)
        return Signals(logit=logit[:, None], proba=softmax(z, axis=2).astype(np.float32), y=cohort.y)

    return make


@pytest.fixture
def evidence(cohort, design, make_signals):
    """An audit with nothing wrong with it."""
    return Evidence(
        cohort=cohort, design=design, signals=make_signals(design.members), fprs=(0.2,), preprocessing_inside=True
    )


@pytest.fixture
def own_patients(cohort):
    """The cohort with every sample as its own patient."""
    samples = cohort.n_samples
    return replace(cohort, patients=np.arange(samples), patient_ids=tuple(f"S{i:04d}" for i in range(samples)))


@pytest.fixture(scope="session")
def twins():
    """150 patients, and four second samples that pass for patients of their own."""
    cohort = simulate_cohort(patients=150, genes=600, classes=3, within_patient=0.9, seed=2)
    second = np.flatnonzero(np.append(False, np.diff(cohort.patients) == 0))
    cohort = cohort.subset(np.setdiff1d(np.arange(cohort.n_samples), second[4:]))
    return replace(cohort, patients=np.arange(cohort.n_samples), patient_ids=cohort.sample_ids)


@pytest.fixture(scope="session")
def real_cohort():
    """Read one of the real cohorts, or skip with the reason."""
    from genoaudit.data.readers import read_cohort

    if not DATA.is_dir():
        pytest.skip("the real cohorts are not beside this checkout")

    def read(name, scale, patient="patient_id"):
        return read_cohort(
            DATA / f"{name}.h5ad", label="cancer_type", patient=patient, scale=scale, small_classes="merge"
        )

    return read
