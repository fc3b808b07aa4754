"""The confidence attack: the probability of the true class itself."""

from __future__ import annotations

from scipy import special

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    return patient_mean(special.expit(signals.logit[:, 0, :]), patients)


CONFIDENCE = Attack(
    name="confidence",
    title="Confidence threshold",
    threat_model="Sees the released model's probability of the true class for the patient's samples; trains nothing.",
    needs=("logit",),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference="Salem, Zhang, Humbert, Berrang, Fritz, Backes. ML-Leaks: model and data independent membership "
    "inference attacks and defenses on machine learning models. NDSS 2019. doi:10.14722/ndss.2019.23119",
    caveat="For a patient with one sample it ranks as the loss does, except that probabilities closer to 1 than 1e-16 "
    "are equal; with several samples it differs, because it averages probabilities and not their logarithms: one "
    "hopeless sample weighs less. Confuses easy patients with members.",
    score=_score,
)
