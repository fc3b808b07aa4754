"""Label-only attacks: a model that keeps its answer when the sample is disturbed was probably trained on it.

Both ask for the predicted label of the sample (query 0) and of disturbed copies (queries 1, 2, ...), and need at least
`MIN_QUERIES` copies: without any they would be the gap attack under another name.

Choquette-Choo, Tramer, Carlini, Papernot. Label-only membership inference attacks. ICML 2021.
Li, Zhang. Membership leakage in label-only exposures. ACM CCS 2021.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.gap import correct_labels
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError

MIN_QUERIES = 1
"""Fewest disturbed copies of a sample, besides the sample itself."""


def _correct(signals: Signals) -> BoolArray:
    correct = correct_labels(signals)
    if correct.shape[1] - 1 < MIN_QUERIES:
        raise ConfigError(
            f"a label-only attack needs at least {MIN_QUERIES} disturbed copy of every sample, the signals hold "
            f"{correct.shape[1] - 1}. Ask for queries, or take the gap attack."
        )
    return correct


def _robustness(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    correct = _correct(signals)
    return patient_mean(correct[:, 0] + correct[:, 1:].mean(axis=1), patients)


def _histogram(levels: IntArray, patients: IntArray, members: BoolArray, *, size: int) -> IntArray:
    """Count the samples of every patient at every level under one model: [side (out, in), patients, levels]."""
    cells = np.bincount(patients * size + levels, minlength=members.size * size).reshape(members.size, size)
    return np.stack([cells * ~members[:, None], cells * members[:, None]])


def _log_ratio(counts: IntArray) -> FloatArray:
    """Log of how much more often a level is met among members than among non-members; [patients, levels].

    Each side is shrunk, by the weight of one sample, towards the two sides together, so that a level that tells
    nothing is worth exactly 0 and a level met on one side only stays finite.
    """
    out, inside = counts
    both = out + inside
    prior = both / both.sum(axis=1, keepdims=True)
    seen = both > 0
    ratio = np.zeros(both.shape)
    for sign, side in ((1, inside), (-1, out)):
        share = (side + prior) / (side.sum(axis=1, keepdims=True) + 1)
        ratio[seen] += sign * np.log(share[seen])
    return ratio


def _augmentation(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    levels = _correct(signals).sum(axis=1)
    size = int(levels.max()) + 1

    def of_model(model: int) -> IntArray:
        return _histogram(levels[model], patients, design.members[model], size=size)

    total = of_model(0)
    for model in range(1, design.models):
        total = total + of_model(model)
    sample_scores = np.empty(levels.shape)
    for target in range(design.models):
        references = total - of_model(target)
        if design.partner[target] >= 0:
            references = references - of_model(design.partner[target])
        others = references.sum(axis=1, keepdims=True) - references
        sample_scores[target] = _log_ratio(others)[patients, levels[target]]
    return patient_mean(sample_scores, patients)


LABEL_NOISE = Attack(
    name="label_noise",
    title="Label-only, robustness to noise",
    threat_model="Sees only predicted labels: of the patient's samples and of copies disturbed within technical noise; "
    "trains nothing.",
    needs=("label",),
    min_queries=MIN_QUERIES,
    min_models=1,
    cost="one prediction per disturbed copy",
    reference="Choquette-Choo, Tramer, Carlini, Papernot. Label-only membership inference attacks. ICML 2021. "
    "doi:10.48550/arXiv.2007.14321. Li, Zhang. Membership leakage in label-only exposures. ACM CCS 2021. "
    "doi:10.1145/3460120.3484575",
    caveat="With Q copies a sample has few possible scores and many patients are tied; more and stronger noise "
    "resolves them. Confuses patients far from any decision boundary with members.",
    score=_robustness,
)

LABEL_AUGMENTATION = Attack(
    name="label_augmentation",
    title="Label-only, augmentation",
    threat_model="Sees only predicted labels: of the patient's samples and of copies disturbed within technical noise; "
    "knows the recipe and trains reference models on data like the members' to learn what the labels tell.",
    needs=("label",),
    min_queries=MIN_QUERIES,
    min_models=4,
    cost="one prediction per disturbed copy, and the reference models of the design",
    reference="Choquette-Choo, Tramer, Carlini, Papernot. Label-only membership inference attacks. ICML 2021. "
    "doi:10.48550/arXiv.2007.14321",
    caveat="Learns one likelihood ratio for the number of correct answers, the same for all patients, where the "
    "paper trains a classifier on the single answers; it cannot tell easy patients from members.",
    score=_augmentation,
)
