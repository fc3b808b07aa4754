"""GA004: membership must not follow site, batch or any other covariate.

Members from one hospital and non-members from another are told apart by the hospital, whatever the model remembers.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import stats

from genoaudit.checks.chance import ALPHA, permutations
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.checks.metadata import patient_levels
from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.phrases import count

_MOST_TARGETS = 32
_finding = partial(Finding, "GA004", "Batch, site or another covariate associated with membership")


def batch(evidence: Evidence) -> Finding:
    """Test every covariate for association with membership, by permutation, over all models at once."""
    memberships, audited, strata = evidence.memberships, evidence.audited, evidence.strata
    if evidence.cohort is None or memberships is None or audited is None or strata is None:
        return _finding("not_applicable", "No membership of this cohort was given.")
    levels = {name: codes[audited] for name, codes in patient_levels(evidence.cohort).items()}
    if not levels:
        return _finding("not_applicable", "The cohort has no covariate with two levels of five patients.")
    members = memberships[:_MOST_TARGETS, audited]
    orders = permutations(strata[audited], evidence.seed, "batch")
    tail = {name: _tail(codes, members, orders) for name, codes in levels.items()}
    found = [name for name in sorted(tail, key=tail.__getitem__) if tail[name] * len(levels) < ALPHA]
    if found:
        share = np.sort(_member_shares(levels[found[0]], members))
        return _finding(
            "issue",
            f"Membership is associated with {', '.join(map(repr, found[:5]))}"
            + (f" and {count(len(found) - 5, 'more covariate')}" if len(found) > 5 else "")
            + f": between the levels of {found[0]!r} the share of members runs from {share[0]:.0%} to {share[-1]:.0%}.",
            "Compare members with non-members of the same levels, or draw the control group from the same sites.",
        )
    return _finding("passed", f"None of {count(len(levels), 'covariate')} is associated with membership.")


def chi_square(codes: IntArray, members: BoolArray) -> FloatArray:
    """Return Pearson's statistic of levels against membership, added up over targets.

    Parameters
    ----------
    codes
        Level of every patient, in one or many orders; [orders, patients].
    members
        Membership; [targets, patients].
    """
    share = members.mean(axis=1)
    total = np.zeros(len(codes))
    for level in range(int(codes.max()) + 1):
        own = (codes == level).astype(np.float64)
        size = own.sum(axis=1, keepdims=True)
        excess = own @ members.T - size * share
        total += (excess**2 / np.maximum(size * share * (1 - share), 1e-300)).sum(axis=1)
    return total


def _tail(codes: IntArray, members: BoolArray, orders: IntArray) -> float:
    """Probability of as strong an association by chance: a gamma distribution with the moments of permutations."""
    chance = chi_square(codes[orders], members)
    scale = max(float(chance.var() / chance.mean()), 1e-12) if chance.mean() > 0 else 1.0
    observed = float(chi_square(codes[np.newaxis], members)[0])
    return float(stats.gamma.sf(observed, float(chance.mean()) / scale, scale=scale)) if chance.mean() > 0 else 1.0


def _member_shares(codes: IntArray, members: BoolArray) -> FloatArray:
    return np.array([members[:, codes == level].mean() for level in np.unique(codes)])
