"""The loss attack: who is predicted confidently was probably trained on."""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    # -log p_y = log(1 + exp(-logit)): exact where p_y itself would round to 1.
    return patient_mean(-np.logaddexp(0.0, -signals.logit[:, 0, :]), patients)


LOSS = Attack(
    name="loss",
    title="Loss threshold",
    threat_model="Sees the released model's probability of the true class for the patient's samples; trains nothing.",
    needs=("logit",),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference="Yeom, Giacomelli, Fredrikson, Jha. Privacy risk in machine learning: analyzing the connection to "
    "overfitting. IEEE CSF 2018. doi:10.1109/CSF.2018.00027",
    caveat="Confuses patients who are easy to classify with members: it hardly ever finds members at a low "
    "false-positive rate, so a low value here is no sign of safety.",
    score=_score,
)
