"""GA001: one profile must not stand for two patients.

A copy of a member among the non-members is recognised as a member, and the audit counts a false positive that is none;
a copy among the members hides that a patient was held out. Copies come from merged releases, from one specimen under
two names, and from resampling with replacement before the split.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from genoaudit.checks.alikeness import alike_pairs
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import IntArray
from genoaudit.data.backed import row_blocks
from genoaudit.data.cohort import Cohort
from genoaudit.phrases import count

NEAR_DUPLICATE = 0.4
"""Distance over the distance to the sixth neighbour, below which two samples count as one measured twice."""

_finding = partial(Finding, "GA001", "Duplicates and near-duplicates across patients")


def duplicates(evidence: Evidence) -> Finding:
    """Look for samples of different patients with equal or nearly equal expression."""
    if evidence.cohort is None or evidence.gram is None:
        return _finding("not_applicable", "No expression was given.")
    profile = _profiles(evidence.cohort)
    across, within = _equal_rows(profile, evidence.cohort.patients)
    pairs = alike_pairs(evidence.gram, evidence.cohort.patients)
    near = int(((pairs.ratio < NEAR_DUPLICATE) & (profile[pairs.first] != profile[pairs.second])).sum())
    advice = (
        "Keep one of them, or give both the same patient id. If the cohort was resampled with replacement, go back to "
        "the samples before it."
    )
    said = []
    if across:
        said.append(f"{count(across, 'sample')} with exactly the expression of another patient's sample")
    if near:
        said.append(f"{count(near, 'pair')} of patients with samples as alike as two measurements of one specimen")
    if said:
        return _finding("issue", f"{'; '.join(said)}.", advice)
    if within:
        return _finding("tip", f"{count(within, 'sample')} repeated exactly within a patient.", advice)
    return _finding("passed", f"No two patients share a profile among {count(evidence.cohort.n_samples, 'sample')}.")


def _profiles(cohort: Cohort) -> IntArray:
    """Return a code per sample, the same for samples with exactly the same values; [samples]."""
    # Adding zero makes -0.0 and 0.0 the same bytes.
    hashes = [hash((row + np.float32(0)).tobytes()) for _, rows in row_blocks(cohort.X) for row in rows]
    return np.unique(np.array(hashes), return_inverse=True)[1]


def _equal_rows(profile: IntArray, patients: IntArray) -> tuple[int, int]:
    """Count samples equal to one of another patient, and those equal only to one of their own patient."""
    copies = np.bincount(profile)[profile] > 1
    owners = np.unique(np.column_stack([profile, patients]), axis=0)[:, 0]
    shared = np.bincount(owners)[profile] > 1
    return int(shared.sum()), int((copies & ~shared).sum())
