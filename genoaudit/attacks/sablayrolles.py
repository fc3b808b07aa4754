"""A threshold per patient: halfway between the loss of models with the patient and of models without.

The score is how far the loss lies below that threshold, so that "member if the score is positive" is the paper's
decision. The scaling of the paper's posterior is left out: it is the same for all patients and ranks nothing anew.

Sablayrolles, Douze, Schmid, Ollivier, Jegou. White-box vs black-box: Bayes optimal strategies for membership inference.
ICML 2019.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.loss import LOSS
from genoaudit.attacks.references import reference_moments
from genoaudit.contracts import Attack, Design, FloatArray, IntArray, Signals


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    statistic = LOSS.score(signals, design, patients)
    # Measured from a value of the patient's own, so that constant outputs give exact ties.
    statistic = statistic - statistic[0]
    inside = reference_moments(statistic, design.members, design.partner, least=1).mean
    outside = reference_moments(statistic, ~design.members, design.partner, least=1).mean
    return np.asarray(statistic - (inside + outside) / 2)


SABLAYROLLES = Attack(
    name="sablayrolles",
    title="Loss threshold per patient",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models with and without the patient on data like the members'.",
    needs=("logit",),
    min_models=4,
    cost="the reference models of the design; scoring is negligible",
    reference="Sablayrolles, Douze, Schmid, Ollivier, Jegou. White-box vs black-box: Bayes optimal strategies for "
    "membership inference. ICML 2019. doi:10.48550/arXiv.1908.11229",
    caveat="Knows where a patient's two groups of models meet but not how far apart they are or how much they scatter: "
    "it is weaker than the likelihood-ratio attacks at low false-positive rates.",
    score=_score,
)
