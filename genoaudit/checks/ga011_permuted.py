"""GA011: with membership permuted, an attack must be at chance.

Two controls. Scores of one target must not tell who is a member of another model: if they do, the models do not differ
in their members as they should. And an attack run again on a design whose patients were permuted has nothing to find:
if it finds members, it reads them off the design, for instance off the number of reference models on each side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import stats

from genoaudit.checks.chance import ALPHA
from genoaudit.checks.evidence import Evidence, Finding
from genoaudit.contracts import BoolArray, Design, FloatArray, IntArray
from genoaudit.metrics.intervals import pair_codes
from genoaudit.phrases import count
from genoaudit.randomness import generator

FEWEST_PAIRS = 4
"""Pairs of models from which their spread is known well enough."""

_finding = partial(Finding, "GA011", "Permuted membership")


def permuted(evidence: Evidence) -> Finding:
    """Judge attacks by memberships that are not the target's."""
    cohort, design = evidence.cohort, evidence.fitting_design
    if design is None or not (evidence.scores or evidence.attacks):
        return _finding("not_applicable", "No design, or no attack to judge.")
    if pair_codes(design.partner).max() + 1 < FEWEST_PAIRS:
        return _finding("not_applicable", f"Fewer than {FEWEST_PAIRS} independent pairs of models.")
    if not all(s.shape == design.members.shape and np.isfinite(s).all() for s in evidence.scores.values()):
        return _finding("not_applicable", "The scores are not finite numbers [targets, patients] of this design.")
    tested = {f"{name} (another model's members)": _transferred(s, design) for name, s in evidence.scores.items()}
    if cohort is not None:
        tested |= _reruns(evidence, design, cohort.patients)
    if not tested:
        return _finding("not_applicable", "No attack can be judged on the outputs given.")
    biased = [name for name, (_, tail) in tested.items() if tail * len(tested) < ALPHA]
    worst = max(tested.values(), key=lambda found: abs(found[0] - 0.5))[0]
    summary = f"{count(len(tested), 'control')}, AUC furthest from 0.5: {worst:.3f}."
    if not biased:
        return _finding("passed", summary)
    listed = "; ".join(f"{name}: AUC {tested[name][0]:.3f}" for name in biased[:3])
    return _finding(
        "issue",
        f"{count(len(biased), 'control')} of {len(tested)} not at chance: {listed}.",
        "Draw the members of each pair of models independently, and leave the target and what was drawn with it out of "
        "every reference.",
    )


def _shuffled(design: Design, seed: int) -> Design:
    """Permute the patients: sizes, pairs and the models per patient stay, who is a member does not."""
    audited = np.flatnonzero(~design.members.all(axis=0))
    members = design.members.copy()
    members[:, audited] = members[:, generator(seed, "check", "permuted").permutation(audited)]
    return replace(design, members=members)


def _transferred(scores: FloatArray, design: Design) -> tuple[float, float]:
    """Judge each target's scores by the members of the model at the same place of the next draw."""
    draw = pair_codes(design.partner)
    order, size = np.argsort(draw, kind="stable"), np.bincount(draw)
    first = np.cumsum(size) - size
    place = np.empty(design.models, dtype=np.intp)
    place[order] = np.arange(design.models) - first[draw[order]]
    following = (draw + 1) % size.size
    judge = order[first[following] + np.minimum(place, size[following] - 1)]
    of_pair, error = _aucs(scores, design, design.members[judge])
    distance = abs(of_pair.mean() - 0.5)
    # Models of unequal quality spread the pairs more than ranks alone would.
    spread = max(float(of_pair.std(ddof=1)) / np.sqrt(len(of_pair)), 1e-12)
    tails = 2 * stats.norm.sf(distance / error), 2 * stats.t.sf(distance / spread, len(of_pair) - 1)
    return float(of_pair.mean()), float(max(tails))


def _reruns(evidence: Evidence, design: Design, patients: IntArray) -> dict[str, tuple[float, float]]:
    """Run every attack on permuted membership and judge it by that."""
    signals, found = evidence.signals, {}
    if signals is None or signals.logit.shape[::2] != (design.models, patients.size):
        return {}
    shuffled = _shuffled(design, evidence.seed)
    for attack in evidence.attacks:
        if attack.why_not(design) is None and not signals.lacks(attack.needs):
            of_pair, error = _aucs(attack.score(signals, shuffled, patients), shuffled, shuffled.members)
            mean = float(of_pair.mean())
            found[f"{attack.name} (run on permuted members)"] = mean, float(2 * stats.norm.sf(abs(mean - 0.5) / error))
    return found


def _aucs(scores: FloatArray, design: Design, members: BoolArray) -> tuple[FloatArray, float]:
    """Return the mean AUC of every pair of targets, and the standard error of their mean if ranks were all chance.

    Complementary targets count as one, as if they said the same. Two targets that are each other's reference share the
    product of their values, which doubles the variance of the mean at most: a likelihood ratio is quadratic.
    """
    audited = ~design.members.all(axis=0)
    scores, members, pair = scores[:, audited], members[:, audited], pair_codes(design.partner)
    auc = np.array(list(_auc(scores, members)))
    of_pair = np.bincount(pair, weights=auc) / np.bincount(pair)
    inside = members.sum(axis=1)
    variance = (members.shape[1] + 1) / (12 * np.maximum(inside * (members.shape[1] - inside), 1))
    return of_pair, float(np.sqrt(2 * variance.mean() / len(of_pair)))


def _auc(scores: FloatArray, members: BoolArray) -> Iterator[float]:
    for own, side in zip(scores, members, strict=True):
        inside = int(side.sum())
        won = stats.rankdata(own)[side].sum() - inside * (inside + 1) / 2
        yield won / max(inside * (side.size - inside), 1) if 0 < inside < side.size else 0.5
