"""Small cohorts in which protections can be seen at work."""

import numpy as np
import pytest

from genoaudit.models.recipes import build_recipe

GENES = tuple(f"gene{number}" for number in range(60))


@pytest.fixture
def genes():
    return GENES


@pytest.fixture
def clouds():
    """Two draws of 60 patients in 3 overlapping classes, told apart by the first 6 of 60 genes; the rest are noise."""
    rng, y = np.random.default_rng(0), np.arange(60) % 3
    centres = np.where(np.arange(60) < 6, rng.normal(scale=1.2, size=(3, 60)), 0)
    inside, outside = ((rng.normal(size=(60, 60)) + centres[y]).astype(np.float32) for _ in range(2))
    return (inside, y), (outside, y)


@pytest.fixture
def recipes():
    """One recipe of each of the classical kinds, small."""
    return {
        "mlp": build_recipe("mlp", {"hidden": [16], "epochs": 40}, scale="zscore"),
        "softmax": build_recipe("mlp", {"hidden": [], "epochs": 20}, scale="zscore"),
        "logistic": build_recipe("logistic", {}, scale="zscore"),
        "xgboost": build_recipe("xgboost", {"n_estimators": 5}, scale="zscore"),
    }


@pytest.fixture
def loss_gap():
    """How much larger the mean loss of non-members is than that of members."""

    def gap(model, inside, outside):
        losses = [-np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean() for X, y in (inside, outside)]
        return losses[1] - losses[0]

    return gap
