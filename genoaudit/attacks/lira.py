"""The likelihood-ratio attack (LiRA): compare a patient's score with what other models say of the same patient.

For every patient, models that held the patient (IN) and models that did not (OUT) give two normal distributions of the
patient's mean logit. The online attack asks which of the two explains the target model better; the offline attack asks
how far the target lies above OUT. With several queries per sample each query is fitted by itself and the scores are
averaged.

Carlini, Chien, Nasr, Song, Terzis, Tramer. Membership inference attacks from first principles. IEEE S&P 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.references import reference_moments
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals

VARIANCE_FLOOR = 1e-12
"""Smallest variance of a fitted normal, in squared logits: keeps the scores of a constant output finite and equal."""


def _fit(statistic: FloatArray, side: BoolArray, partner: IntArray, *, pooled: bool) -> tuple[FloatArray, FloatArray]:
    """Fit one side's normal for every target: mean [targets, patients] and variance (pooled: [targets, 1])."""
    moments = reference_moments(statistic, side, partner)
    variance = moments.variance
    if pooled:
        variance = moments.squares.sum(axis=1, keepdims=True) / (moments.count - 1).sum(axis=1, keepdims=True)
    return moments.mean, np.maximum(variance, VARIANCE_FLOOR)


def _log_density(statistic: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Log density of a normal, less its constant."""
    return -0.5 * (np.log(variance) + (statistic - mean) ** 2 / variance)


def _from_own_level(statistic: FloatArray) -> FloatArray:
    # Measured from a value of the patient's own: a constant output becomes exactly zero and all its scores exact ties.
    return np.asarray(statistic - statistic[0])


def _ratio(statistic: FloatArray, design: Design, *, pooled: bool) -> FloatArray:
    statistic = _from_own_level(statistic)
    inside = _log_density(statistic, *_fit(statistic, design.members, design.partner, pooled=pooled))
    outside = _log_density(statistic, *_fit(statistic, ~design.members, design.partner, pooled=pooled))
    return inside - outside


def _z_value(statistic: FloatArray, design: Design, *, pooled: bool) -> FloatArray:
    statistic = _from_own_level(statistic)
    mean, variance = _fit(statistic, ~design.members, design.partner, pooled=pooled)
    return np.asarray((statistic - mean) / np.sqrt(variance))


def mean_over_queries(
    signals: Signals, design: Design, patients: IntArray, *, score_query: Callable[[FloatArray, Design], FloatArray]
) -> FloatArray:
    """Score the patients' mean logit in every query by itself and average.

    For a ratio of densities this is the paper's spherical normal with the log densities averaged, not added up: the
    queries of one sample agree too much to count as separate evidence. z values are averaged for the same reason.

    Parameters
    ----------
    signals, design, patients
        As for every attack.
    score_query
        Takes the patients' mean logit in one query [models, patients] and the design; returns [targets, patients].
    """
    queries = signals.logit.shape[1]
    total = np.zeros(design.members.shape)
    for query in range(queries):  # one by one: many queries of many models need not fit into memory at once
        total += score_query(patient_mean(signals.logit[:, query, :], patients), design)
    return np.asarray(total / queries)


_REFERENCE = (
    "Carlini, Chien, Nasr, Song, Terzis, Tramer. Membership inference attacks from first principles. "
    "IEEE Symposium on Security and Privacy 2022. doi:10.1109/SP46214.2022.9833649"
)
_ONLINE_THREAT = (
    "Sees the released model's probability of the true class for the patient's samples, knows the recipe, and trains "
    "reference models with and without the patient on data like the members'."
)
_OFFLINE_THREAT = (
    "Sees the released model's probability of the true class for the patient's samples, knows the recipe, and trains "
    "reference models on data like the members' before it ever meets the patient."
)
_ONE_VARIANCE = "One variance for all patients: less exact per patient, but steadier with fewer than about 64 models."
_OWN_VARIANCE = "A variance per patient is noisy with fewer than about 64 models; read the fixed variant beside it."

LIRA = Attack(
    name="lira",
    title="LiRA, online",
    threat_model=_ONLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="the reference models of the design; scoring is negligible",
    reference=_REFERENCE,
    caveat=_OWN_VARIANCE,
    score=partial(mean_over_queries, score_query=partial(_ratio, pooled=False)),
)

LIRA_FIXED = Attack(
    name="lira_fixed",
    title="LiRA, online, fixed variance",
    threat_model=_ONLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="the reference models of the design; scoring is negligible",
    reference=_REFERENCE,
    caveat=_ONE_VARIANCE,
    score=partial(mean_over_queries, score_query=partial(_ratio, pooled=True)),
)

LIRA_OFFLINE = Attack(
    name="lira_offline",
    title="LiRA, offline",
    threat_model=_OFFLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="half of the reference models of the design (those without the patient); scoring is negligible",
    reference=_REFERENCE,
    caveat="Never sees how a member is treated, so it is weaker than the online attack. The score is the z value "
    "against the models without the patient; the paper's one-sided probability ranks patients the same way. "
    + _OWN_VARIANCE,
    score=partial(mean_over_queries, score_query=partial(_z_value, pooled=False)),
)

LIRA_OFFLINE_FIXED = Attack(
    name="lira_offline_fixed",
    title="LiRA, offline, fixed variance",
    threat_model=_OFFLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="half of the reference models of the design (those without the patient); scoring is negligible",
    reference=_REFERENCE,
    caveat="Never sees how a member is treated, so it is weaker than the online attack. " + _ONE_VARIANCE,
    score=partial(mean_over_queries, score_query=partial(_z_value, pooled=True)),
)
