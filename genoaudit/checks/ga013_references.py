"""GA013: reference models must be like the given model, or what sets it apart from them says nothing of its members."""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import BoolArray, FloatArray

FAR = 5.0
"""Standard deviations between models of one recipe that chance hardly reaches."""

FEWEST = 8
"""Below so many references their spread is not known."""

_finding = partial(Finding, "GA013", "Reference models unlike the given one")
_SIDES = ("non-members", "members")


def references(evidence: Evidence) -> Finding:
    """Compare how sure the given model is of the true classes with how sure the reference models are."""
    cohort, said, held = evidence.cohort, evidence.signals, evidence.released
    others, design = evidence.references, evidence.reference_design
    if cohort is None or said is None or held is None or others is None or design is None:
        return _finding("not_applicable", "There is no given model with reference models beside it.")
    if design.models < FEWEST:
        return _finding("not_applicable", f"Fewer than {FEWEST} reference models.")
    own = _sureness(said.logit, held[np.newaxis])[0]
    theirs = _sureness(others.logit, np.asarray(design.members[:, cohort.patients]))
    mean, spread = theirs.mean(axis=0), theirs.std(axis=0, ddof=1)
    distance = np.abs(own - mean) / np.maximum(spread, np.finfo(np.float32).eps)
    side = int(distance.argmax())
    summary = (
        f"The mean log odds of the true class are {own[side]:.2f} for the {_SIDES[side]} of the given model, and "
        f"{mean[side]:.2f} with a standard deviation of {spread[side]:.2f} for those of the reference models."
    )
    if distance[side] <= FAR:
        return _finding("passed", summary)
    return _finding(
        "issue",
        f"{summary} They were not trained alike, so attacks that compare them say little of this model's members.",
        "Name the recipe that the model was trained by, preprocessing and hyper-parameters included.",
    )


def _sureness(logit: FloatArray, held: BoolArray) -> FloatArray:
    """Return the mean logit over non-members and over members; [models, 2]."""
    values = logit[:, 0]
    return np.stack([values.mean(axis=1, where=~held), values.mean(axis=1, where=held)], axis=1)
