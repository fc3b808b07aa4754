"""The likelihood-ratio attack (LiRA): compare a patient's score with what other models say of the same patient.

For every patient, models that held the patient (IN) and models that did not (OUT) give two normal distributions of the
patient's mean logit. The online attack asks which of the two explains the target model better; the offline attack asks
how far the target lies above OUT.

Carlini, Chien, Nasr, Song, Terzis, Tramer. Membership inference attacks from first principles. IEEE S&P 2022.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError

VARIANCE_FLOOR = 1e-12
"""Smallest variance of a fitted normal, in squared logits: keeps the scores of a constant output finite and equal."""

MIN_REFERENCES = 2
"""A variance needs two values."""


def _fit(statistic: FloatArray, side: BoolArray, partner: IntArray, *, pooled: bool) -> tuple[FloatArray, FloatArray]:
    """Fit one side's normal for every target, without the target and without its complementary partner.

    Parameters
    ----------
    statistic
        Patients' mean logit; [models, patients].
    side
        The models that belong to the side (IN or OUT) of each patient; [models, patients].
    partner
        Complementary model of each model, -1 if none; [models].
    pooled
        One variance for all patients of a target instead of one per patient.

    Returns
    -------
    Mean [targets, patients] and variance (n - 1 in the denominator), [targets, patients] or, pooled, [targets, 1].
    """
    count = side.sum(axis=0)
    mean = np.where(side, statistic, 0.0).sum(axis=0) / np.maximum(count, 1)
    # Deviations from the side's own mean sum to zero, so the moments without one or two models follow from what those
    # models contribute, without subtracting large sums from each other.
    deviation = np.where(side, statistic - mean, 0.0)
    has_partner = (partner >= 0)[:, None]
    partner_deviation = np.where(has_partner, deviation[partner], 0.0)
    left = count - side - (side[partner] & has_partner)
    if left.min() < MIN_REFERENCES:
        short = np.flatnonzero((left < MIN_REFERENCES).any(axis=0))
        raise ConfigError(
            f"LiRA needs {MIN_REFERENCES} reference models that held a patient and {MIN_REFERENCES} that did not, "
            f"besides the target and its partner; {short.size} of {side.shape[1]} patients have fewer (first: patient "
            f"number {short[0]}). Train more models in complementary pairs."
        )
    removed = deviation + partner_deviation
    squares = (deviation**2).sum(axis=0) - deviation**2 - partner_deviation**2 - removed**2 / left
    if pooled:
        variance = squares.sum(axis=1, keepdims=True) / (left - 1).sum(axis=1, keepdims=True)
    else:
        variance = squares / (left - 1)
    return mean - removed / left, np.maximum(variance, VARIANCE_FLOOR)


def _statistic(signals: Signals, patients: IntArray) -> FloatArray:
    statistic = patient_mean(signals.logit[:, 0, :], patients)
    # Measured from a value of the patient's own: a constant output becomes exactly zero and all its scores exact ties.
    return np.asarray(statistic - statistic[0])


def _log_density(statistic: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Log density of a normal, less its constant."""
    return -0.5 * (np.log(variance) + (statistic - mean) ** 2 / variance)


def _online(signals: Signals, design: Design, patients: IntArray, *, pooled: bool) -> FloatArray:
    statistic = _statistic(signals, patients)
    inside = _log_density(statistic, *_fit(statistic, design.members, design.partner, pooled=pooled))
    outside = _log_density(statistic, *_fit(statistic, ~design.members, design.partner, pooled=pooled))
    return inside - outside


def _offline(signals: Signals, design: Design, patients: IntArray, *, pooled: bool) -> FloatArray:
    statistic = _statistic(signals, patients)
    mean, variance = _fit(statistic, ~design.members, design.partner, pooled=pooled)
    return (statistic - mean) / np.sqrt(variance)


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
    score=partial(_online, pooled=False),
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
    score=partial(_online, pooled=True),
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
    score=partial(_offline, pooled=False),
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
    score=partial(_offline, pooled=True),
)
