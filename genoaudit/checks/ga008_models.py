"""GA008: each patient's own numbers rest on the models with and without the patient."""

from __future__ import annotations

from functools import partial

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.phrases import count

FEWEST = 16
"""Below it a patient's references are fewer than eight a side."""

ENOUGH = 64
"""Below it a variance per patient is too noisy (Carlini et al., IEEE S&P 2022)."""

_finding = partial(Finding, "GA008", "Too few models")


def models(evidence: Evidence) -> Finding:
    """Count the models of the design."""
    if evidence.design is None:
        return _finding("not_applicable", "No design was given.")
    number = evidence.design.models
    if number >= ENOUGH:
        return _finding("passed", f"{count(number, 'model')}: about {number // 2} with and without each patient.")
    return _finding(
        "issue" if number < FEWEST else "tip",
        f"Only {count(number, 'model')}: a patient's own numbers rest on about {number // 2} that held the patient and "
        "as many that did not.",
        f"Ask for {ENOUGH} or more; finished models are kept. Until then read averages, not patients.",
    )
