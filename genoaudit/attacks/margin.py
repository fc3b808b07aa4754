"""The margin attack: how far the true class is ahead of its strongest rival.

The margin is taken between logits, log p_y - max_{j != y} log p_j, which equals the difference of the model's raw
outputs. The difference of probabilities, p_y - max p_j, rounds to 1 for every confident prediction.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    samples = np.arange(signals.y.size)
    rivals = signals.proba.shape[2] - 1
    margin = np.empty(signals.logit[:, 0, :].shape)
    for row, proba, logit in zip(margin, signals.proba, signals.logit[:, 0, :], strict=True):
        others = proba.astype(np.float64)
        others[samples, signals.y] = 0.0
        # The strongest of the rivals holds between 1 / rivals and all of 1 - p_y, which the logit gives exactly where
        # a probability in single precision is rounded to 0; with two classes the margin is the logit itself.
        all_rivals = -np.logaddexp(0.0, logit)
        with np.errstate(divide="ignore"):
            strongest = np.clip(np.log(others.max(axis=-1)), all_rivals - np.log(rivals), all_rivals)
        row[:] = -np.logaddexp(0.0, -logit) - strongest
    return patient_mean(margin, patients)


MARGIN = Attack(
    name="margin",
    title="Margin threshold",
    threat_model="Sees all class probabilities of the released model for the patient's samples, knows the true class, "
    "and trains nothing.",
    needs=("logit", "proba"),
    min_models=1,
    cost="none beyond one prediction per sample",
    reference="Carlini, Chien, Nasr, Song, Terzis, Tramer. Membership inference attacks from first principles "
    "(there as the hinge score). IEEE Symposium on Security and Privacy 2022. doi:10.1109/SP46214.2022.9833649",
    caveat="Confuses patients who are easy to classify with members, as the loss does. With two classes it is the "
    "logit, and ranks single samples as the loss does.",
    score=_score,
)
