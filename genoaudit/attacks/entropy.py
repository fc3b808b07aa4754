"""Entropy attacks: who is predicted without doubt was probably trained on.

Entropy looks at the probabilities alone and calls a confident mistake certain; the modified entropy also uses the true
class, -(1 - p_y) log p_y - sum_{j != y} p_j log(1 - p_j), which is 0 for a confident hit and large for a confident
miss.

Song, Mittal. Systematic evaluation of privacy risks of machine learning models. USENIX Security 2021.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals


def _entropy(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    # Model by model: in double precision all probabilities at once would take several times their own memory.
    values = np.stack([special.entr(proba.astype(np.float64)).sum(axis=-1) for proba in signals.proba])
    return -patient_mean(values, patients)


def _modified_entropy(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    samples = np.arange(signals.y.size)
    values = np.empty(signals.logit[:, 0, :].shape)
    for row, proba, logit in zip(values, signals.proba, signals.logit[:, 0, :], strict=True):
        log_p = -np.logaddexp(0.0, -logit)
        others = proba.astype(np.float64)
        others[samples, signals.y] = 0.0
        # 1 - p_j is at least p_y. That bound is exact where p_j was rounded to 1, and with two classes always.
        with np.errstate(divide="ignore"):
            log_rest = np.maximum(np.log1p(-np.minimum(others, 1.0)), log_p[:, None])
        row[:] = -special.expit(-logit) * log_p - (others * log_rest).sum(axis=-1)
    return -patient_mean(values, patients)


_REFERENCE = (
    "Song, Mittal. Systematic evaluation of privacy risks of machine learning models. USENIX Security 2021. "
    "doi:10.48550/arXiv.2003.10595"
)

ENTROPY = Attack(
    name="entropy",
    title="Entropy threshold",
    threat_model="Sees all class probabilities of the released model for the patient's samples, need not know the true "
    "class, and trains nothing.",
    needs=("proba",),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference=_REFERENCE,
    caveat="Takes a confident mistake for a member, and easy patients too. Probabilities are stored in single "
    "precision: entropies below about 1e-6 are coarse.",
    score=_entropy,
)

MODIFIED_ENTROPY = Attack(
    name="modified_entropy",
    title="Modified entropy threshold",
    threat_model="Sees all class probabilities of the released model for the patient's samples, knows the true class, "
    "and trains nothing.",
    needs=("logit", "proba"),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference=_REFERENCE,
    caveat="Confuses easy patients with members, as the loss does; with two classes it ranks single samples as the "
    "loss does. One threshold for all classes here, where the paper fits one per class.",
    score=_modified_entropy,
)
