"""GA012: outputs that no number should be computed from: foreign models, collapsed models, misaligned classes."""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import BoolArray, Signals
from genoaudit.phrases import count

_ROUNDING = 1e-2  # probabilities rounded to two decimals may miss one by this much
_CLEAR = 0.01  # logits are compared with probabilities this far from 0, 1 and 0.5
_HARD_SHARE = 0.999

_finding = partial(Finding, "GA012", "Outputs of the models")


def outputs(evidence: Evidence) -> Finding:
    """Look for outputs that are missing, constant, repeated, no probabilities, or of other classes."""
    signals = evidence.signals
    if signals is None:
        return _finding("not_applicable", "No outputs were given.")
    advice = "Look at how the outputs were made: order of samples and classes, diverged training, a model given twice."
    problem = _misshapen(signals, evidence) or _not_finite(signals)
    if problem:
        return _finding("issue", problem, advice)
    said = [
        text
        for text in (_no_probabilities(signals), _misaligned(signals), _unseen(signals), _constant(signals))
        if text
    ]
    if said:
        return _finding("issue", " ".join(said), advice)
    hard = float(((signals.proba == 0) | (signals.proba == 1)).mean())
    if hard > _HARD_SHARE:
        return _finding(
            "tip",
            f"{hard:.1%} of the probabilities are exactly 0 or 1: only predicted labels can be attacked.",
            "Give probabilities as the model computes them if its users will see them.",
        )
    return _finding(
        "passed", f"Outputs of {count(len(signals.proba), 'model')} are finite, varied and of the cohort's classes."
    )


def _misshapen(signals: Signals, evidence: Evidence) -> str | None:
    cohort, design = evidence.cohort, evidence.design
    models, samples, classes = signals.proba.shape
    if signals.logit.shape[::2] != (models, samples) or signals.y.shape != (samples,):
        return (
            f"Logits {signals.logit.shape} and probabilities {signals.proba.shape} are of different models or samples."
        )
    for noun, given, expected in (
        ("models", models, None if design is None else design.models),
        ("samples", samples, None if cohort is None else cohort.n_samples),
        ("classes", classes, None if cohort is None else len(cohort.classes)),
    ):
        if expected is not None and given != expected:
            return f"Outputs of {given:,} {noun} were given, {expected:,} are expected."
    return None


def _not_finite(signals: Signals) -> str | None:
    for noun, values in (("logits", signals.logit), ("probabilities", signals.proba)):
        bad = ~np.isfinite(values)
        if bad.any():
            models = np.flatnonzero(bad.any(axis=(1, 2)))
            return (
                f"{int(bad.sum()):,} of {bad.size:,} {noun} are not finite, in {count(len(models), 'model')} (first: "
                f"model {models[0]})."
            )
    return None


def _no_probabilities(signals: Signals) -> str | None:
    wrong = (signals.proba < 0).any(axis=2) | (
        np.abs(signals.proba.sum(axis=2) - 1) > _ROUNDING * signals.proba.shape[2]
    )
    return (
        f"{int(wrong.sum()):,} of {wrong.size:,} outputs are no probabilities that add up to one."
        if wrong.any()
        else None
    )


def _misaligned(signals: Signals) -> str | None:
    """Compare each logit with the probability of the true class: they agree unless classes or samples were mixed up."""
    own = np.take_along_axis(signals.proba, signals.y[np.newaxis, :, np.newaxis], axis=2)[..., 0].astype(np.float64)
    clear = np.minimum(np.abs(own - 0.5), np.minimum(own, 1 - own)) > _CLEAR
    wrong = clear & ((own > 0.5) != (signals.logit[:, 0] > 0))
    if not wrong.any():
        return None
    return (
        f"{int(wrong.sum()):,} logits contradict the probability of the true class: classes or samples are misaligned."
    )


def _unseen(signals: Signals) -> str | None:
    absent: BoolArray = (signals.proba == 0).all(axis=1)
    if not absent.any():
        return None
    models, classes = int(absent.any(axis=1).sum()), int(absent.any(axis=0).sum())
    return (
        f"Probability 0 of a class for every sample, as if trained without the class, in {count(models, 'model')} "
        f"({count(classes, 'class', 'classes')})."
    )


def _constant(signals: Signals) -> str | None:
    constant = int((np.ptp(signals.proba, axis=1) == 0).all(axis=1).sum())
    if constant:
        return f"The same probabilities for every sample, in {count(constant, 'model')}."
    repeated = len(signals.proba) - len({model.tobytes() for model in signals.logit})
    return f"Exactly the outputs of another model, in {count(repeated, 'model')}." if repeated else None
