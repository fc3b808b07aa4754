"""Attack classifiers (Shokri et al.): learn from shadow models what an output on a member looks like.

A classifier is trained on outputs of models whose members are known and told to tell members from non-members. It sees
the output alone, never who the patient is, so it learns what all patients have in common.

Shokri, Stronati, Song, Shmatikov. Membership inference attacks against machine learning models. IEEE S&P 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.folds import cells, matched_rows
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.randomness import generator, random_state

MOST_ROWS = 20_000
"""Rows an attack classifier is trained on; more do not change a handful of coefficients or shallow trees."""

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Probabilities below the resolution of float32 near 1 count as this: their logarithm is rounding noise."""

LARGEST_LOG_ODDS = 10.0
"""Where a forest's leaves agree wholly, the log-odds would be infinite."""

LogOdds = Callable[[FloatArray], FloatArray]
Fit = Callable[[FloatArray, BoolArray, int], LogOdds]
"""Features [rows, features], membership [rows] and a seed give a function from features to log-odds [rows]."""


def _fit_logistic(features: FloatArray, member: BoolArray, seed: int) -> LogOdds:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky", random_state=seed))
    decide: LogOdds = model.fit(features, member).decision_function
    return decide


def _fit_forest(features: FloatArray, member: BoolArray, seed: int) -> LogOdds:
    from scipy.special import logit
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=50, max_depth=8, min_samples_leaf=20, random_state=seed, n_jobs=1)
    model.fit(features, member)

    def log_odds(rows: FloatArray) -> FloatArray:
        odds = logit(model.predict_proba(rows)[:, 1])
        return np.asarray(np.clip(odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))

    return log_odds


def _fit_xgboost(features: FloatArray, member: BoolArray, seed: int) -> LogOdds:
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=50, max_depth=3, learning_rate=0.1, subsample=0.8, tree_method="hist", random_state=seed, n_jobs=1
    )
    model.fit(features, member)
    return lambda rows: np.asarray(model.predict(rows, output_margin=True), dtype=np.float64)


def _features(signals: Signals, model: IntArray, sample: IntArray) -> FloatArray:
    """Describe outputs: log-probabilities in descending order, scaled logit, correctness; [rows, classes + 2].

    `model` and `sample` are index arrays that broadcast together; the rows are in C order.
    """
    proba = signals.proba[model, sample]
    correct = proba.argmax(axis=-1) == signals.y[sample]
    ordered = -np.sort(-proba, axis=-1)
    logarithms = np.log(np.maximum(ordered, SMALLEST_PROBABILITY), dtype=np.float64)
    logit = signals.logit[model, 0, sample]
    features = np.concatenate([logarithms, logit[..., None], correct[..., None]], axis=-1)
    return np.asarray(features.reshape(-1, features.shape[-1]))


def _knows_nothing(rows: FloatArray) -> FloatArray:
    return np.zeros(len(rows))


def _learn(fit: Fit, features: FloatArray, member: BoolArray, seed: int) -> LogOdds:
    # Without rows, or without a feature that varies, the balanced prior is all there is to know: even odds for all.
    if features.size == 0 or not np.ptp(features, axis=0).any():
        return _knows_nothing
    return fit(features, member, seed)


def _score(signals: Signals, design: Design, patients: IntArray, *, name: str, fit: Fit, per_class: bool) -> FloatArray:
    group = signals.y if per_class else np.zeros_like(signals.y)
    log_odds = np.zeros((design.models, patients.size))
    for cell in cells(design, seed=design.seed):
        taught = np.flatnonzero(np.isin(patients, cell.taught_by_patients))
        rows = matched_rows(
            design.members[np.ix_(cell.taught_by_models, patients[taught])],
            most=MOST_ROWS,
            rng=generator(design.seed, "attack", name, cell.number),
        )
        sample = taught[rows.unit]
        features = _features(signals, cell.taught_by_models[rows.model], sample)
        scored = np.flatnonzero(np.isin(patients, cell.patients))
        for code in np.unique(group[scored]):
            chosen = group[sample] == code
            seed = random_state(design.seed, "attack", name, cell.number, int(code))
            classifier = _learn(fit, features[chosen], rows.member[chosen], seed)
            asked = scored[group[scored] == code]
            block = np.ix_(cell.models, asked)
            log_odds[block] = classifier(_features(signals, *block)).reshape(cell.models.size, asked.size)
    return patient_mean(log_odds, patients)


def _attack(name: str, title: str, *, fit: Fit, per_class: bool, seconds: str, caveat: str) -> Attack:
    return Attack(
        name=name,
        title=title,
        threat_model="Sees all probabilities the released model gives for the patient's samples, knows the recipe, and "
        "trains shadow models on data like the members'; does not need the patient in any of them.",
        needs=("logit", "proba"),
        min_models=4,
        cost=f"the models of the design as shadow models; {seconds} to fit and score 1,024 models on 2,000 samples",
        reference="Shokri, Stronati, Song, Shmatikov. Membership inference attacks against machine learning models. "
        "IEEE Symposium on Security and Privacy 2017. doi:10.1109/SP.2017.41",
        caveat=caveat,
        score=partial(_score, name=name, fit=fit, per_class=per_class),
    )


_ONE_RULE = (
    "One rule for all patients: it asks whether an output looks like a member's, not whether it is high for this "
    "patient, so it finds few members at a low false-positive rate."
)

SHOKRI_LOGISTIC = _attack(
    "shokri_logistic",
    "Attack classifier, logistic",
    fit=_fit_logistic,
    per_class=False,
    seconds="1 to 3 seconds",
    caveat=_ONE_RULE + " Linear in the sorted log-probabilities.",
)

SHOKRI_LOGISTIC_PER_CLASS = _attack(
    "shokri_logistic_per_class",
    "Attack classifier, logistic, one per class",
    fit=_fit_logistic,
    per_class=True,
    seconds="1 to 3 seconds",
    caveat=_ONE_RULE + " One rule per class, as in the paper; a rare class has few patients to learn it from.",
)

SHOKRI_FOREST = _attack(
    "shokri_forest",
    "Attack classifier, random forest",
    fit=_fit_forest,
    per_class=False,
    seconds="15 to 35 seconds",
    caveat=_ONE_RULE + " Scores come in steps, so many patients may tie.",
)

SHOKRI_XGBOOST = _attack(
    "shokri_xgboost",
    "Attack classifier, XGBoost",
    fit=_fit_xgboost,
    per_class=False,
    seconds="2 to 6 seconds",
    caveat=_ONE_RULE + " Scores come in steps, so many patients may tie.",
)
