"""All checks, in the order in which they are shown."""

from __future__ import annotations

from genoaudit.checks.evidence import Check, Evidence, Finding
from genoaudit.checks.ga001_duplicates import duplicates
from genoaudit.checks.ga002_one_side import one_side
from genoaudit.checks.ga003_relatives import relatives
from genoaudit.checks.ga004_batch import batch
from genoaudit.checks.ga005_model_blind import model_blind
from genoaudit.checks.ga006_preprocessing import preprocessing
from genoaudit.checks.ga007_resolution import resolution
from genoaudit.checks.ga008_models import models
from genoaudit.checks.ga009_both_sides import both_sides
from genoaudit.checks.ga010_untrained import untrained
from genoaudit.checks.ga011_permuted import permuted
from genoaudit.checks.ga012_outputs import outputs
from genoaudit.checks.ga013_references import references

CATALOGUE: tuple[Check, ...] = (
    duplicates,
    one_side,
    relatives,
    batch,
    model_blind,
    preprocessing,
    resolution,
    models,
    both_sides,
    untrained,
    permuted,
    outputs,
    references,
)
"""A check's code, GA001 and so on, is its place here; codes are never reused."""


def run_checks(evidence: Evidence) -> tuple[Finding, ...]:
    """Return what every check says, in the order of the codes.

    Examples
    --------
    >>> [finding.status for finding in run_checks(Evidence())] == ["not_applicable"] * len(CATALOGUE)
    True
    """
    return tuple(check(evidence) for check in CATALOGUE)
