"""A small recipe of every kind that can be stored, and what it takes to fit and to write it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from genoaudit.artefacts.model_folder import Training
from genoaudit.data.gene_lists import ListedGenes
from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.spectra import FunctionalSpectra
from genoaudit.models.deepcc import DeepCCClassifier
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.distillation import DistilledClassifier
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.outputs import DefendedOutputs
from genoaudit.models.recipes import build_recipe, set_random_state

COHORT = simulate_cohort(patients=48, genes=26, classes=3, seed=2)
COUNTS = simulate_cohort(patients=48, genes=26, classes=3, seed=2, scale="counts")
DP = {"noise_multiplier": 1.0, "steps": 4, "patients": 40, "hyperparameters": "public"}

_SETS = np.array([(0, 0), (0, 3), (1, 5), (1, 2), (2, 20)])
_SOFTPROB = {"objective": "multi:softprob"}  # XGBoost writes it into the recipe when it is fitted
_SMALL_DEEPTYPE = {"hidden": [6, 4], "supervised_steps": 3, "joint_steps": 4}
_BUILT: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("mlp", {"hidden": [8], "epochs": 2}),
    "mlp, two layers normed": ("mlp", {"hidden": [8, 5], "layer_norm": True, "epochs": 2}),
    "mlp, weighted": ("mlp", {"hidden": [4], "class_weights": {0: 2.0, 2: 0.5}, "early_stopping": 0.2}),
    "mlp, variable genes": ("mlp", {"genes": 7, "hidden": [4], "epochs": 2}),
    "mlp, samples scaled": ("mlp", {"scaling": "sample", "gain": False, "hidden": [4], "epochs": 2}),
    "mlp, nothing scaled": ("mlp", {"scaling": "none", "hidden": [4], "epochs": 2, "optimizer": "adam"}),
    "mlp, private": ("mlp", {"scaling": "sample", "hidden": [4], "dp": DP}),
    "mlp, all private": ("mlp", {"scaling": "private", "moments_noise": 2.0, "genes": 9, "hidden": [4], "dp": DP}),
    "softmax": ("softmax", {"epochs": 2}),
    "cnn": ("cnn", {"kernels": [2, 3], "width": 4, "stride": 2, "epochs": 2}),
    "cnn, private": ("cnn", {"kernels": [2], "width": 4, "norm": "none", "scaling": "sample", "dp": DP}),
    "deeptype": ("deeptype", _SMALL_DEEPTYPE),
    "deeptype, private": ("deeptype", {"hidden": [4], "group_lasso": 0.0, "kmeans": 0.0, "dp": DP}),
    "deepcc": ("deepcc", {"hidden": [6, 4], "adam_epochs": 2, "sgd_epochs": 1}),
    "deepcc, private": ("deepcc", {"hidden": [6], "norm": "layer", "dp": DP}),
    "logistic": ("logistic", {}),
    "xgboost": ("xgboost", {"n_estimators": 3, **_SOFTPROB}),
    "xgboost, pruned": ("xgboost", {"n_estimators": 3, "tree_method": "exact", "gamma": 0.5, **_SOFTPROB}),
}


def _spectra(centring: str) -> Pipeline:
    network = DeepCCClassifier((4,), adam_epochs=2, sgd_epochs=0)
    steps = [("log", LogTransform()), ("spectra", FunctionalSpectra(_SETS, centring=centring)), ("classifier", network)]
    return Pipeline(steps)


def _network(**parameters: Any) -> Pipeline:
    return make_pipeline(LogTransform(), ExpressionScaler(), MLPClassifier((4,), epochs=2, **parameters))


def _logistic() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


def _trees() -> XGBClassifier:
    return XGBClassifier(n_estimators=2, **_SOFTPROB)


_MADE = {
    "deepcc, spectra": lambda: _spectra("members"),
    "deepcc, spectra not centred": lambda: _spectra("none"),
    "listed genes": lambda: make_pipeline(LogTransform(), ListedGenes((3, 1, 8)), MLPClassifier((4,), epochs=2)),
    "rounding": lambda: DefendedOutputs(_network(), release="rounding", setting=2),
    "top_k": lambda: DefendedOutputs(_network(), release="top_k", setting=1),
    "temperature": lambda: DefendedOutputs(_trees(), release="temperature", setting=2.5),
    "label_only": lambda: DefendedOutputs(_logistic(), release="label_only", setting="on"),
    "output_noise": lambda: DefendedOutputs(_network(), release="output_noise", setting=4.0),
    "output_noise, none": lambda: DefendedOutputs(_network(), release="output_noise", setting=float("inf")),
    "distilled": lambda: DistilledClassifier(_network(), models=2),
    "distilled, trees": lambda: DistilledClassifier(_trees(), models=2),
    "a classifier alone": lambda: LogisticRegression(max_iter=2000),
    "theirs": lambda: make_pipeline(StandardScaler(), PCA(4), LogisticRegression()),
    "a forest": lambda: RandomForestClassifier(4),
    "theirs before ours": lambda: make_pipeline(StandardScaler(), "passthrough", MLPClassifier((4,), epochs=2)),
    "theirs between ours": lambda: make_pipeline(LogTransform(), StandardScaler(), PCA(4), _trees()),
    "nested": lambda: make_pipeline(LogTransform(), make_pipeline(ExpressionScaler(), LogisticRegression())),
    "counts": lambda: make_pipeline(LogTransform("counts"), ExpressionScaler(), MLPClassifier((4,), epochs=2)),
}

NAMES = (*_BUILT, *_MADE)
KINDS = {kind for kind, _ in _BUILT.values()}


def unfitted(name: str) -> Any:
    """Return the recipe of this name."""
    if name in _MADE:
        return _MADE[name]()
    kind, parameters = _BUILT[name]
    return build_recipe(kind, parameters, scale="log2")


def cohort_for(name: str) -> Any:
    return COUNTS if name == "counts" else COHORT


def fitted(name: str, *, seed: int | None = 0) -> Any:
    """Fit the recipe of this name on all samples; on fresh random numbers without a seed."""
    recipe = unfitted(name) if seed is None else set_random_state(unfitted(name), seed)
    cohort = cohort_for(name)
    return fit_recipe(recipe, cohort.X, cohort.y, patients=cohort.patients)


def training(cohort: Any = COHORT, **facts: Any) -> Training:
    """Say what is written beside a recipe that was fitted on all samples."""
    given = {
        "members": np.ones(cohort.n_patients, dtype=np.bool_),
        "members_by": "all patients of the cohort",
        "described": describe_recipe(LogisticRegression()),
        "steps": ("LogisticRegression",),
    }
    return Training(cohort, **{**given, **facts})
