"""GA010: an attack on a model that has learnt nothing says nothing about one that has."""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.metrics.utility import utility

LEAST_GAIN = 1.2
"""Balanced accuracy on unseen patients over that of a guess, below which a model hardly predicts."""

_MODELS = 32  # models of one recipe are alike; more would only take time

_finding = partial(Finding, "GA010", "Attack on an untrained model")


def untrained(evidence: Evidence) -> Finding:
    """Compare balanced accuracy on non-members with chance."""
    cohort, design, signals = evidence.cohort, evidence.fitting_design, evidence.signals
    if cohort is None or design is None or signals is None:
        return _finding("not_applicable", "No models of this cohort were given.")
    expected = (design.models, cohort.n_samples, len(cohort.classes))
    if signals.proba.shape != expected or not np.isfinite(signals.proba).all():
        return _finding("not_applicable", "The models' probabilities are not usable; see GA012.")
    first = slice(_MODELS)
    quality = utility(signals.proba[first], signals.y, design.members[first][:, cohort.patients])
    inside, outside = (quality[side]["balanced_accuracy"].value for side in ("members", "non_members"))
    if inside is None or outside is None:
        return _finding("not_applicable", "No class has patients on both sides.")
    chance = 1 / len(cohort.classes)
    summary = f"Balanced accuracy is {outside:.2f} on patients the models have not seen, chance is {chance:.2f}."
    if outside >= LEAST_GAIN * chance:
        return _finding("passed", summary)
    if inside >= LEAST_GAIN * chance:
        summary += f" On their members it is {inside:.2f}: the models memorise and do not generalise."
    if evidence.released is None:
        advice = "Mend the recipe (learning rate, epochs, labels) before reading what the attacks found."
    else:
        advice = (
            "Check that the given model gets its genes in its own order (target.genes; weights alone take the cohort's "
            "order), its classes in theirs, and values on its scale, before reading what the attacks found."
        )
    return _finding("issue", summary, advice)
