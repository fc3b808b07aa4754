"""The influence attack: what the other members leave over may point at the patient.

The signal is computed in training, where the parameters are (`genoaudit.training.white_box`). Here the samples of a
patient are averaged, nothing else.
"""

from __future__ import annotations

from genoaudit.attacks.combine import patient_mean
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    if signals.influence is None:
        raise ConfigError("the attack needs influences, the signals hold none. Ask training for 'influence'.")
    return patient_mean(signals.influence, patients)


INFLUENCE = Attack(
    name="influence",
    title="Leave-one-patient-out influence",
    threat_model="White-box: holds the released model's parameters, knows the recipe exactly, and holds the data of "
    "every other member; trains nothing.",
    needs=("influence",),
    min_models=1,
    cost="the gradients of all samples by the parameters of each model; no reference models",
    reference="Suri, Zhang, Evans. Do parameters reveal more than loss for membership inference? Transactions on "
    "Machine Learning Research 2024. doi:10.48550/arXiv.2406.11544",
    caveat="Only for linear and softmax models, and to first order, without the inverse Hessian. The adversary knows "
    "far more than any outsider would: read it as a worst case. A model trained to its optimum, such as logistic "
    "regression, hides nobody from it; one that stopped early may. Where nothing leaks its AUC is off 0.5 by about "
    "0.4 / patients.",
    score=_score,
)
