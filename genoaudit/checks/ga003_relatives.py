"""GA003: relatives, and other patients more alike than class and batch explain.

A relative among the members makes a non-member look like one. Expression shows kinship faintly: in simulated cohorts
some pairs are found that share four fifths of the variation within their class, and none that share half. What is found
may also be a shared cell line, reagent or infection, so this is a tip and no issue.
"""

from __future__ import annotations

from functools import partial

from genoaudit.checks.alikeness import OUTLYING, alike_pairs, without
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.checks.ga002_one_side import SAME_PERSON
from genoaudit.checks.metadata import CLASS, SAMPLES, patient_levels
from genoaudit.contracts import IntArray
from genoaudit.data.cohort import Cohort
from genoaudit.phrases import count

_finding = partial(Finding, "GA003", "Patients more alike than class and batch explain")


def relatives(evidence: Evidence) -> Finding:
    """Look for pairs of patients who stand out by likeness once class and covariates are fitted."""
    cohort = evidence.cohort
    if cohort is None or evidence.gram is None:
        return _finding("not_applicable", "No expression was given.")
    explained = _explained(cohort)
    pairs = alike_pairs(without(evidence.gram, [cohort.y, *explained]), cohort.patients)
    found = pairs.count(least=SAME_PERSON, outlying=OUTLYING)
    if found:
        return _finding(
            "tip",
            f"{count(found, 'pair')} of patients more alike than their class and {count(len(explained), 'covariate')} "
            "explain.",
            "Ask the source for relatives, shared specimens or a missing batch variable, and keep them on one side.",
        )
    return _finding("passed", "No pair of patients stands out once class and covariates are accounted for.")


def _explained(cohort: Cohort) -> list[IntArray]:
    """Return the covariates whose levels together are few against the patients: more would explain the pairs away."""
    room = cohort.n_patients // 5
    chosen = []
    for name, codes in patient_levels(cohort).items():
        if name not in (CLASS, SAMPLES) and codes.max() < room:
            room -= int(codes.max())
            chosen.append(codes[cohort.patients])
    return chosen
