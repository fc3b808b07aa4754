"""Label-only attacks: a model that keeps its answer when the sample is disturbed was probably trained on it.

Both ask for the predicted label of the sample (query 0) and of disturbed copies (queries 1, 2, ...), and need at least
`MIN_QUERIES` copies: without any they would be the gap attack under another name.

Choquette-Choo, Tramer, Carlini, Papernot. Label-only membership inference attacks. ICML 2021.
Li, Zhang. Membership leakage in label-only exposures. ACM CCS 2021.
"""

from __future__ import annotations

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.folds import model_folds
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


def _log_ratio(counts: IntArray) -> FloatArray:
    """Log of how much more often a level is met among members than among non-members; [levels].

    Each side is shrunk, by the weight of one sample, towards the two sides together, so that a level that tells
    nothing is worth exactly 0 and a level met on one side only stays finite.
    """
    both = counts.sum(axis=0)
    prior = both / both.sum()
    seen = both > 0
    ratio = np.zeros(both.shape)
    for sign, side in ((-1, counts[0]), (1, counts[1])):
        ratio[seen] += sign * np.log(((side + prior) / (side.sum() + 1))[seen])
    return ratio


def _augmentation(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    """Score every level by a table of the other fold of models, the same for all patients: equal answers stay equal.

    Where nothing leaks, a table of all models but the target and its partner would tell of every target the opposite of
    what the others tell: most of the time by a little, and now and then by a lot. A patient's own answers to the other
    fold stay in the table. Leaving them out would give every patient a table of his own, in which those whom models
    remember find membership less telling than the others do.
    """
    levels = _correct(signals).sum(axis=1)
    size = int(levels.max()) + 1
    members = design.members[:, patients]
    counts = np.stack(  # [models, side (out, in), levels]
        [
            [np.bincount(own[held == side], minlength=size) for side in (False, True)]
            for own, held in zip(levels, members, strict=True)
        ]
    )
    fold_of = model_folds(design.partner, seed=design.seed)
    scores = np.empty(levels.shape)
    for fold in range(int(fold_of.max()) + 1):
        own = fold_of == fold
        scores[own] = _log_ratio(counts[~own].sum(axis=0))[levels[own]]
    return patient_mean(scores, patients)


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
