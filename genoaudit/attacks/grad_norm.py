"""The gradient-norm attack: a model at rest on a patient was probably trained on it."""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError

_SMALLEST = np.finfo(np.float64).tiny


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    if signals.grad_norm is None:
        raise ConfigError("the attack needs gradient norms, the signals hold none. Ask training for 'grad_norm'.")
    # The logarithm keeps one sample far off from drowning the patient's others; a norm of 0 stays finite.
    return -patient_mean(np.log(np.maximum(signals.grad_norm, _SMALLEST)), patients)


GRAD_NORM = Attack(
    name="grad_norm",
    title="Gradient norm",
    threat_model="White-box: holds the released model's parameters and differentiates its loss at the patient's "
    "samples, whose true class it knows; trains nothing.",
    needs=("grad_norm",),
    min_models=1,
    cost="one gradient per sample",
    reference="Nasr, Shokri, Houmansadr. Comprehensive privacy analysis of deep learning: passive and active white-box "
    "inference attacks against centralized and federated learning. IEEE Symposium on Security and Privacy 2019. "
    "doi:10.1109/SP.2019.00065",
    caveat="One number of the many that the paper's attack learns from. The norm follows the loss closely, so it "
    "confuses easy patients with members just as the loss does.",
    score=_score,
)
