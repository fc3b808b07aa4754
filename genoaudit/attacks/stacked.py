"""The meta-attack: one logistic regression over the scores of all attacks.

Scores are first made comparable: each target's scores of an attack become normal scores (ranks mapped to normal
quantiles; van der Waerden), which no outlier can dominate and which need no knowledge of the members. The regression
is fitted on other models and other patients than it scores.

Stacking: Wolpert. Stacked generalization. Neural Networks 5, 1992.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special, stats

from genoaudit.attacks.folds import cells, matched_rows
from genoaudit.contracts import Combination, Design, FloatArray
from genoaudit.errors import ConfigError
from genoaudit.randomness import generator

MOST_ROWS = 50_000
"""Rows the regression is trained on: one coefficient per attack needs no more."""


def check_attack_scores(scores: Mapping[str, FloatArray], design: Design) -> None:
    """Refuse scores that do not fit the design.

    Raises
    ------
    ConfigError
        If there is no attack, an array is not [targets, patients], or a score is not finite.
    """
    if not scores:
        raise ConfigError("there are no attacks to combine: the scores are empty. Give at least one attack's scores.")
    for name, values in scores.items():
        if values.shape != design.members.shape:
            raise ConfigError(
                f"scores of '{name}' have shape {values.shape}; the design has {design.members.shape} models and "
                "patients. Score every model of the design as the target once."
            )
        bad = np.argwhere(~np.isfinite(values))
        if bad.size:
            raise ConfigError(
                f"{len(bad)} scores of '{name}' are not finite (first: target {bad[0][0]}, patient number "
                f"{bad[0][1]}). Leave this attack out."
            )


def normal_scores(scores: FloatArray) -> FloatArray:
    """Map each target's scores to normal quantiles of their ranks; equal scores stay equal; [targets, patients].

    Examples
    --------
    >>> normal_scores(np.array([[5.0, 7.0, 900.0], [1.0, 1.0, 1.0]])).round(2)
    array([[-0.67,  0.  ,  0.67],
           [ 0.  ,  0.  ,  0.  ]])
    """
    ranks = stats.rankdata(scores, axis=1)
    return np.asarray(special.ndtri(ranks / (scores.shape[1] + 1)))


def stack(scores: Mapping[str, FloatArray], design: Design, *, seed: int) -> FloatArray:
    """Combine the scores of several attacks into one.

    Parameters
    ----------
    scores
        Scores of each attack, higher = member, finite; each [targets, patients]. The models must not refer to models
        of another fold of `folds.model_folds` with this seed: where attacks use references across folds, what chance
        gives an attack on one fold it gives on the other too, and the combination rises above 0.5 although nothing
        leaks.
    design
        Members and partners.
    seed
        Seed of the folds and of the training rows.

    Returns
    -------
    Log-odds of membership at even prior odds, higher = member; [targets, patients]. Fitted without the target, its
    partner and the patient. Zero for everybody where no attack tells any two patients apart.

    Raises
    ------
    ConfigError
        If the scores do not fit the design, or there are too few pairs of models or patients to cross-fit.
    """
    from sklearn.linear_model import LogisticRegression

    check_attack_scores(scores, design)
    features = np.stack([normal_scores(values) for values in scores.values()], axis=-1)
    combined = np.zeros(design.members.shape)
    for cell in cells(design, seed=seed):
        taught = np.ix_(cell.taught_by_models, cell.taught_by_patients)
        rows = matched_rows(design.members[taught], most=MOST_ROWS, rng=generator(seed, "stack", cell.number))
        known = features[cell.taught_by_models[rows.model], cell.taught_by_patients[rows.unit]]
        if not np.ptp(known, axis=0).any():
            continue
        model = LogisticRegression(solver="newton-cholesky").fit(known, rows.member)
        block = np.ix_(cell.models, cell.patients)
        asked = features[block].reshape(-1, features.shape[-1])
        combined[block] = model.decision_function(asked).reshape(cell.models.size, cell.patients.size)
    return combined


def _combine(scores: Mapping[str, FloatArray], design: Design) -> FloatArray:
    return stack(scores, design, seed=design.seed)


STACKED = Combination(
    name="stacked",
    title="All attacks stacked",
    threat_model="Runs every other attack of this audit, and knows of other models and other patients which were "
    "members, to learn how much to trust each.",
    min_models=16,
    cost="all other attacks, and a few small regressions",
    reference="Wolpert. Stacked generalization. Neural Networks 5:241-259, 1992. doi:10.1016/S0893-6080(05)80023-1",
    caveat="One weighting for all patients. Its scores use those of the other attacks, so it is no independent "
    "evidence beside them.",
    combine=_combine,
)
