"""The loss attack with a threshold for every class: some cancers are harder than others for every model.

The score is log p_y - tau_y. The threshold of a class lies midway between the mean log confidence of the class's
samples under reference models that held them and under those that did not, taken over all other patients: neither the
target, nor a model drawn with it, nor the patient scored helps to fit it.

Song, Mittal. Systematic evaluation of privacy risks of machine learning models. USENIX Security 2021; the midpoint is
that of Sablayrolles, Douze, Schmid, Ollivier, Jegou. White-box vs black-box: Bayes optimal strategies for membership
inference. ICML 2019, there for every sample.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.references import sum_of_draw
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError


def _over_references(values: FloatArray, partner: IntArray) -> FloatArray:
    """Sum over all models but each target and its draw; [models, ...] -> [targets, ...]."""
    return np.asarray(values.sum(axis=0) - sum_of_draw(values, partner))


def _others_mean(
    confidence: FloatArray, side: BoolArray, partner: IntArray, patients: IntArray, y: IntArray
) -> FloatArray:
    """Mean over one side's references of the other patients' samples of the same class; [targets, samples]."""
    classes = int(y.max()) + 1
    # One group per patient and class: what is taken out of the class's sum when that patient is scored.
    codes, group = np.unique(patients * classes + y, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(group))[:-1]))
    class_of_group = codes % classes

    def of_others(values: FloatArray) -> FloatArray:
        own = _over_references(np.add.reduceat(values[:, order], starts, axis=1), partner)
        of_class = np.stack([own[:, class_of_group == c].sum(axis=1) for c in range(classes)], axis=1)
        return np.asarray(of_class[:, class_of_group] - own)

    held = side[:, patients]
    count = of_others(held.astype(np.float64))
    if count.min() < 1:
        short = np.unique(class_of_group[(count < 1).any(axis=0)])
        raise ConfigError(
            "a threshold per class needs, in every class, another patient who is a member of some reference model and "
            f"one who is not; {short.size} of {classes} classes lack one (first: class number {short[0]}). Merge rare "
            "classes or train more models."
        )
    return np.asarray((of_others(np.where(held, confidence, 0.0)) / count)[:, group])


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    confidence = -np.logaddexp(0.0, -signals.logit[:, 0, :])
    # Measured from one common value, so that constant outputs add up to exactly zero and tie.
    relative = confidence - confidence[0, 0]
    inside = _others_mean(relative, design.members, design.partner, patients, signals.y)
    outside = _others_mean(relative, ~design.members, design.partner, patients, signals.y)
    return patient_mean(relative - (inside + outside) / 2, patients)


PER_CLASS = Attack(
    name="per_class",
    title="Loss threshold per class",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models on data like the members' to learn how confident models are of each class.",
    needs=("logit",),
    min_models=4,
    cost="the reference models of the design, of which a few would do; scoring is negligible",
    reference="Song, Mittal. Systematic evaluation of privacy risks of machine learning models. USENIX Security 2021. "
    "doi:10.48550/arXiv.2003.10595",
    caveat="Corrects for hard classes, not for hard patients: within a class it ranks as the loss does. The threshold "
    "is the midpoint of two means, where the paper takes the one of highest accuracy on the reference models.",
    score=_score,
)
