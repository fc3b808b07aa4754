"""GA009: every class needs members and non-members, and every patient models with and without."""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import BoolArray, IntArray
from genoaudit.data.cohort import Cohort
from genoaudit.phrases import count

FEWEST = 2
"""Patients of a class on each side of a model, and models of a patient on each side: one has no spread."""

_finding = partial(Finding, "GA009", "Classes or patients on one side only")


def both_sides(evidence: Evidence) -> Finding:
    """Count the patients of every class on each side of every model, and the models on each side of every patient."""
    cohort, design = evidence.cohort, evidence.fitting_design
    released = evidence.memberships if evidence.released is not None else None
    members = design.members if released is None and design is not None else released
    if cohort is None or members is None:
        return _finding("not_applicable", "No membership of this cohort was given.")
    if released is None and design is not None and design.kind == "coins":
        return _finding("not_applicable", "Coins leave the sizes of both sides to chance, as they must.")
    inside, outside = _patients_of_classes(cohort, members)
    fewest = np.minimum(inside, outside).min(axis=0)
    said = []
    if empty := int((fewest == 0).sum()):
        said.append(f"{count(empty, 'class', 'classes')} without a member or without a non-member in some model")
    if thin := int(((fewest > 0) & (fewest < FEWEST)).sum()):
        said.append(f"{count(thin, 'class', 'classes')} with a single patient on a side in some model")
    lonely = 0
    if released is None:
        lonely = _one_sided(members)
        if lonely:
            said.append(f"{count(lonely, 'patient')} in or out of fewer than {FEWEST} models")
    if not said:
        return _finding("passed", f"Each class has {fewest.min()} or more patients on both sides of every model.")
    return _finding(
        "issue" if empty or lonely else "tip",
        f"{'; '.join(said)}.",
        "Merge or drop small classes, and draw members within classes; a class without a control group has no numbers.",
    )


def _patients_of_classes(cohort: Cohort, members: BoolArray) -> tuple[IntArray, IntArray]:
    """Count members and non-members of every class; each [models, classes]."""
    carries = np.zeros((cohort.n_patients, len(cohort.classes)), dtype=np.intp)
    carries[cohort.patients, cohort.y] = 1
    inside = members.astype(np.intp) @ carries
    return inside, carries.sum(axis=0) - inside


def _one_sided(members: BoolArray) -> int:
    """Count patients with too few models on a side."""
    held = members.sum(axis=0)
    return int((np.minimum(held, len(members) - held) < FEWEST).sum())
