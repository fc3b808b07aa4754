"""BASE: how far the target's loss lies below the free energy of the reference models.

The score is log p(patient | target) - log mean_i p(patient | reference i): the Bayes-optimal membership rule when
parameters are sampled by their likelihood, with the reference models in place of the posterior. Online the mean runs
over all references, offline over those without the patient, and its logarithm is scaled down because the models that
held the patient are missing from it.

Lassila, Oestman, Ngo, Graell i Amat. Practical Bayes-optimal membership inference attacks. NeurIPS 2025.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.reference_means import log_confidence, log_reference_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals

OFFLINE_SCALE = 0.33
"""Weight of the offline threshold: the default of the implementation in LeakPro; 0 would be the loss attack."""


def _online(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    log_p = log_confidence(signals, patients)
    return log_p - log_reference_mean(log_p, np.ones_like(design.members), design.partner)


def _offline(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    log_p = log_confidence(signals, patients)
    return log_p - OFFLINE_SCALE * log_reference_mean(log_p, ~design.members, design.partner)


_REFERENCE = (
    "Lassila, Oestman, Ngo, Graell i Amat. Practical Bayes-optimal membership inference attacks. NeurIPS 2025. "
    "doi:10.48550/arXiv.2505.24089"
)

BASE = Attack(
    name="base",
    title="BASE, online",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models with and without the patient on data like the members'.",
    needs=("logit",),
    min_models=4,
    cost="the reference models of the design; scoring is negligible",
    reference=_REFERENCE,
    caveat="Works on probabilities, so models that are all sure of a patient look alike to it. Where every patient is "
    "in half of the references it orders the patients of one model exactly as online RMIA does. Probabilities are used "
    "as released; the paper softens them with temperature 2.",
    score=_online,
)

BASE_OFFLINE = Attack(
    name="base_offline",
    title="BASE, offline",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models on data like the members' before it ever meets the patient.",
    needs=("logit",),
    min_models=4,
    cost="half of the reference models of the design (those without the patient); scoring is negligible",
    reference=_REFERENCE,
    caveat="Never sees how a member is treated; a fixed scale of 0.33, not fitted to the cohort, stands in for that, "
    "which leaves it closer to the loss attack than the online variant is.",
    score=_offline,
)
