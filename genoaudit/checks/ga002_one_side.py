"""GA002: a patient is on one side of a model, with all samples.

A patient with one sample among the members and another among the non-members is a false positive waiting to be counted.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from genoaudit.checks.alikeness import OUTLYING, alike_pairs
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.checks.ga001_duplicates import NEAR_DUPLICATE
from genoaudit.data.cohort import Cohort
from genoaudit.phrases import count

SAME_PERSON = 0.6
"""Distance over the distance to the sixth neighbour, below which two samples may be of one person."""

_PATIENT_COLUMN = re.compile(r"patient|donor|subject|participant|submitter|^case(_?id)?$", re.IGNORECASE)
_TCGA_PARTICIPANT = re.compile(r"TCGA-\w{2}-\w{4}(?=[-.]|$)")

_finding = partial(Finding, "GA002", "One patient on both sides of a model")


def one_side(evidence: Evidence) -> Finding:
    """Check that members are chosen by patient, and that nothing hints at a person behind two patients."""
    cohort = evidence.cohort
    if cohort is None or evidence.gram is None:
        return _finding("not_applicable", "No cohort was given.")
    problem = _split_by_sample(evidence, cohort) or _undeclared(cohort)
    if problem:
        return _finding("issue", problem, "Declare the patient column, and choose members by patient.")
    alike = alike_pairs(evidence.gram, cohort.patients).count(
        least=NEAR_DUPLICATE, below=SAME_PERSON, outlying=OUTLYING
    )
    if alike:
        return _finding(
            "tip",
            f"{count(alike, 'pair')} of patients whose samples are so alike that one person may be behind them.",
            "Look at the ids of the samples in the source: repeated biopsies and derived cell lines belong to one "
            "patient.",
        )
    return _finding("passed", f"All samples of each of {count(cohort.n_patients, 'patient')} are on one side.")


def _split_by_sample(evidence: Evidence, cohort: Cohort) -> str | None:
    if evidence.design is not None and evidence.fitting_design is None:
        return (
            f"The design is about {count(evidence.design.patients, 'patient')}, the cohort has {cohort.n_patients:,}"
            + (": members seem to be chosen by sample." if evidence.design.patients == cohort.n_samples else ".")
        )
    if evidence.released is None:
        return None
    if evidence.released.size != cohort.n_samples:
        return f"Membership of {evidence.released.size:,} samples was given, the cohort has {cohort.n_samples:,}."
    inside = np.bincount(cohort.patients, weights=evidence.released)
    both = int(((inside > 0) & (inside < np.bincount(cohort.patients))).sum())
    return f"{count(both, 'patient')} with samples among the members and among the non-members." if both else None


def _undeclared(cohort: Cohort) -> str | None:
    """Say where a cohort whose every sample is its own patient names fewer people."""
    if cohort.n_patients < cohort.n_samples:
        return None
    named = {str(name): cohort.obs[name] for name in cohort.obs.columns if _PATIENT_COLUMN.search(str(name))}
    for name, column in named.items():
        if cohort.n_samples // 4 < column.nunique() < column.notna().sum():
            return (
                f"Every sample counts as its own patient, but column {name!r} names {column.nunique():,} patients for "
                f"{cohort.n_samples:,} samples."
            )
    found = [match[0] for text in cohort.sample_ids if (match := _TCGA_PARTICIPANT.match(text))]
    repeated = len(found) - len(set(found))
    if repeated:
        return f"Every sample counts as its own patient, but {repeated:,} TCGA barcodes name a participant once more."
    return None
