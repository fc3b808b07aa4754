"""GA007: a false-positive rate needs enough non-members to be seen."""

from __future__ import annotations

from functools import partial

from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.metrics.roc import RESOLVABLE_COUNT, is_resolvable

_finding = partial(Finding, "GA007", "False-positive rates below resolution")


def resolution(evidence: Evidence) -> Finding:
    """Compare the false-positive budgets with the number of non-members of a model."""
    memberships = evidence.memberships
    if memberships is None or not evidence.fprs:
        return _finding("not_applicable", "No membership or no false-positive rate was given.")
    n_out = int((~memberships).sum(axis=1).min())
    coarse = [f"{100 * fpr:g} %" for fpr in sorted(evidence.fprs) if not is_resolvable(fpr, n_out)]
    if not coarse:
        return _finding("passed", f"{n_out:,} non-members resolve every false-positive rate shown.")
    finest = RESOLVABLE_COUNT / max(n_out, 1)
    return _finding(
        "issue" if len(coarse) == len(evidence.fprs) else "tip",
        f"With {n_out:,} non-members, fewer than {RESOLVABLE_COUNT} false positives stand behind a rate at "
        f"{', '.join(coarse)}.",
        (f"Read rates from {100 * finest:.2g} % up" if finest < 1 else "Read the AUC only")
        + "; more models do not help, more patients do.",
    )
