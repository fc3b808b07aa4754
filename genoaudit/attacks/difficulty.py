"""Difficulty calibration: a loss counts against what models that never saw the patient lose on the same patient.

Watson, Guo, Cormode, Sablayrolles. On the importance of difficulty calibration in membership inference attacks. ICLR
2022.
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
    outside = reference_moments(statistic, ~design.members, design.partner, least=1).mean
    return np.asarray(statistic - outside)


DIFFICULTY = Attack(
    name="difficulty",
    title="Difficulty-calibrated loss",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models on data like the members' before it ever meets the patient.",
    needs=("logit",),
    min_models=4,
    cost="half of the reference models of the design (those without the patient); scoring is negligible",
    reference="Watson, Guo, Cormode, Sablayrolles. On the importance of difficulty calibration in membership inference "
    "attacks. ICLR 2022. doi:10.48550/arXiv.2111.08440",
    caveat="Corrects for how hard a patient is, not for how much the models disagree on the patient: it is weaker than "
    "the likelihood-ratio attacks at low false-positive rates.",
    score=_score,
)
