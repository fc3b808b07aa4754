"""The gap attack: who is predicted correctly was probably trained on. Its advantage is the generalisation gap."""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError


def correct_labels(signals: Signals) -> BoolArray:
    """Say which predicted labels are the true class; [models, queries, samples].

    Raises
    ------
    ConfigError
        If the signals hold no labels.
    """
    if signals.label is None:
        raise ConfigError("the attack needs predicted labels, the signals hold none. Ask training for 'label'.")
    return np.asarray(signals.label == signals.y)


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    return patient_mean(correct_labels(signals)[:, 0, :].astype(np.float64), patients)


GAP = Attack(
    name="gap",
    title="Correctness (gap attack)",
    threat_model="Sees only the released model's predicted label for the patient's samples; trains nothing.",
    needs=("label",),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference="Yeom, Giacomelli, Fredrikson, Jha. Privacy risk in machine learning: analyzing the connection to "
    "overfitting. IEEE CSF 2018. doi:10.1109/CSF.2018.00027",
    caveat="A patient with one sample is right or wrong and no more, so almost everybody is tied: it can show no "
    "member at a low false-positive rate. It is the baseline that every other attack must beat.",
    score=_score,
)
