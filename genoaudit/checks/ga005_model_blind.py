"""GA005: nobody may tell members from non-members without looking at the model.

A classifier that never sees the model is asked who is a member, from expression alone and from covariates alone. What
it knows, every attack could know: then the success of an attack measures how the groups were chosen, not what leaks.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import stats

from genoaudit.checks.alikeness import without
from genoaudit.checks.chance import ALPHA, permutations
from genoaudit.checks.evidence import Evidence, Finding, Measured
from genoaudit.checks.metadata import CLASS, indicators, patient_levels
from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.data.cohort import Cohort
from genoaudit.phrases import count
from genoaudit.randomness import generator

_FOLDS = 5
_MOST_TARGETS = 4
_MOST_PATIENTS = 1500
_finding = partial(Finding, "GA005", "Model-blind baseline")


def model_blind(evidence: Evidence) -> Finding:
    """Ask classifiers of expression alone and of covariates alone who is a member, cross-validated by patient."""
    cohort, memberships, audited, strata = evidence.cohort, evidence.memberships, evidence.audited, evidence.strata
    if cohort is None or evidence.gram is None or memberships is None or audited is None or strata is None:
        return _finding("not_applicable", "No membership of this cohort was given.")
    inside = memberships[:, audited].sum(axis=1)
    if min(inside.min(), audited.sum() - inside.max()) < 2 * _FOLDS:
        return _finding("not_applicable", f"Fewer than {2 * _FOLDS} members or non-members to learn from.")
    chosen = generator(evidence.seed, "check", "blind").permutation(np.flatnonzero(audited))[:_MOST_PATIENTS]
    members = memberships[:_MOST_TARGETS, chosen]
    kernels = _kernels(cohort, evidence.gram, classes=evidence.released is not None)
    orders = permutations(strata[chosen], evidence.seed, "blind")
    distance = float(stats.norm.isf(ALPHA / len(kernels)))
    found = []
    for name, kernel in kernels.items():
        auc = blind_auc(kernel[np.ix_(chosen, chosen)], members, orders)
        found.append(Measured(name, float(auc[0]), float(auc[1:].mean() + distance * auc[1:].std())))
    said = " and ".join(f"{one.value:.2f} from {one.what} (chance reaches {one.chance:.2f})" for one in found)
    summary = f"AUC of classifiers that never saw the model: {said}, {count(len(members), 'target')}."
    if not any(one.value > one.chance for one in found):
        return _finding("passed", summary, measured=tuple(found))
    return _finding(
        "issue",
        summary + " The control group is biased: an attack can succeed without anything leaking.",
        "Choose the non-members from the same source as the members, at random within class and site.",
        measured=tuple(found),
    )


def _kernels(cohort: Cohort, gram: FloatArray, *, classes: bool) -> dict[str, FloatArray]:
    """Return inner products of what is known of patients, less their class unless `classes`.

    A design drawn within classes gives each class to both sides in equal parts. A classifier that knows the class then
    learns from an excess of members in four folds that the fifth has too few, and comes out far below 0.5. What is left
    of this (some hundredths, on either side) is in the permutations too, which keep the classes.
    """
    levels = patient_levels(cohort)
    if not classes:
        gram = without(gram, [cohort.y])
        levels.pop(CLASS, None)
    kernels = {"expression": patient_kernel(gram, cohort.patients)}
    if levels:
        known = indicators(levels)
        known -= known.mean(axis=0)
        kernels["covariates"] = known @ known.T
    return kernels


def patient_kernel(gram: FloatArray, patients: IntArray) -> FloatArray:
    """Return inner products of patients' mean samples; [patients, patients]."""
    share = (np.arange(patients.max() + 1)[:, np.newaxis] == patients).astype(np.float64)
    share /= share.sum(axis=1, keepdims=True)
    return np.asarray(share @ gram @ share.T)


def blind_auc(kernel: FloatArray, members: BoolArray, orders: IntArray) -> FloatArray:
    """Cross-validate kernel ridge regression on memberships and on permuted ones.

    The folds and the penalty (the mean eigenvalue) do not depend on membership, so predictions are linear in it, and
    permuting patients gives the exact distribution under chance (Golland and Fischl, IPMI 2003).

    Parameters
    ----------
    kernel
        Inner products of patients; [patients, patients].
    members
        Membership; [targets, patients].
    orders
        Orders of the patients; [permutations, patients].

    Returns
    -------
    Mean AUC over targets, of pairs within a fold: as given, then for every order; [1 + permutations].
    """
    targets, patients = members.shape
    labels = np.concatenate([members[np.newaxis], members[:, orders].transpose(1, 0, 2)]).reshape(-1, patients).T
    penalty = np.trace(kernel) / patients + 1e-12
    won, pairs = np.zeros(labels.shape[1]), np.zeros(labels.shape[1])
    for fold in range(_FOLDS):
        held = np.arange(patients) % _FOLDS == fold
        known = labels[~held] - labels[~held].mean(axis=0)
        weights = np.linalg.solve(kernel[np.ix_(~held, ~held)] + penalty * np.eye(len(known)), known)
        ranks = stats.rankdata(np.round(kernel[np.ix_(held, ~held)] @ weights, 9), axis=0)
        inside = labels[held].sum(axis=0)
        won += (ranks * labels[held]).sum(axis=0) - inside * (inside + 1) / 2
        pairs += inside * (held.sum() - inside)
    return np.asarray((won / np.maximum(pairs, 1)).reshape(-1, targets).mean(axis=1))
