"""The most exposed group of patients, without flattery: chosen on one half of the models, measured on the other.

The largest of many noisy estimates is too large: of thirty small groups that no model remembers, one seems exposed. As
in `worst`, the half of the models that names the group never measures it; both halves do both in turn and the two
results are averaged, so that every model counts.

An attack's score of one model refers to other models. A half that chooses is therefore scored anew as if there were no
other models: scores that refer to the measuring half would prefer the groups that chance favours on both, and even
without any leakage the group chosen would seem exposed. What is measured are the scores of the whole audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.metrics import influence
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.groups import fewest_on_a_side, group_masks
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.stability import split_pairs
from genoaudit.metrics.two_way import TwoWay, auc_estimate, two_way
from genoaudit.metrics.worst import HALVES_CORRELATION, MIN_PAIRS


@dataclass(frozen=True)
class WorstGroup:
    """The exposure of the group that looks most exposed, measured on models that did not choose it.

    Parameters
    ----------
    chosen
        Variable and label of the group that each half chose, often the same.
    models
        Models in the smaller half.
    auc
        Members of the group against its non-members, mean over targets and over the two halves. The interval covers
        models and patients but not the choice: it is about the groups chosen, and no claim that no group is more
        exposed.
    """

    chosen: tuple[tuple[str, str], tuple[str, str]]
    models: int
    auc: Estimate


def worst_group(
    scores: FloatArray,
    members: BoolArray,
    partner: IntArray,
    groups: Mapping[str, Sequence[object]],
    *,
    score_alone: Callable[[IntArray], FloatArray],
    minimum: int = 10,
    generator: np.random.Generator,
) -> WorstGroup | None:
    """Choose the group with the highest AUC on one half of the models, measure it on the other, and in turn.

    Parameters
    ----------
    scores
        Attack scores, higher = member; [targets, patients], finite.
    members
        Membership; [targets, patients].
    partner
        Complementary target of each target, -1 if none; pairs stay together; [targets].
    groups
        For every variable one label per patient, as in `genoaudit.metrics.groups.compare_groups`.
    score_alone
        Scores some models, in ascending order, as if there were no others; higher = member, [models, patients].
    minimum
        Fewest members and fewest non-members that a group must have in every target.
    generator
        Source of randomness: it splits the pairs and chooses among equals.

    Returns
    -------
    The numbers, or None if a half would have fewer than 8 pairs or no group is large enough. All patients together are
    no group.

    Raises
    ------
    ConfigError
        As in `genoaudit.metrics.groups.compare_groups`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.array([rng.permutation(80) < 40 for _ in range(16)]).repeat(2, axis=0)
    >>> members[1::2] ^= True
    >>> site = np.array(["A", "B"]).repeat(40)
    >>> scores = rng.normal(size=(32, 80)) + 2 * members * (site == "B")
    >>> found = worst_group(
    ...     scores,
    ...     members,
    ...     np.arange(32) ^ 1,
    ...     {"site": site.tolist()},
    ...     score_alone=lambda models: scores[models],
    ...     generator=rng,
    ... )
    >>> found.chosen, 0.9 < found.auc.value < 0.95
    ((('site', 'B'), ('site', 'B')), True)
    """
    masks = {
        (variable, name): own
        for variable, own_of in group_masks(scores, members, groups, minimum).items()
        for name, own in own_of.items()
        if not own.all() and min(fewest_on_a_side(members, own)) >= minimum
    }
    pair = pair_codes(partner)
    if not masks or (int(pair.max()) + 1) // 2 < MIN_PAIRS:
        return None
    halves = split_pairs(pair, generator)
    chosen, parts = [], []
    for choosing, measuring in (halves, halves[::-1]):
        alone, held = score_alone(choosing), members[choosing]
        found = {name: _area(alone, held, own).value.mean() for name, own in masks.items()}
        most = max(found.values())
        equal = [name for name, value in found.items() if value == most]
        chosen.append(equal[int(generator.integers(len(equal)))])
        parts.append(_measure(scores[measuring], members[measuring], masks[chosen[-1]], pair[measuring]))
    inside, outside = np.array([fewest_on_a_side(members, masks[name]) for name in chosen]).min(axis=0)
    value = (parts[0].auc + parts[1].auc) / 2
    error = _together(*parts, either=masks[chosen[0]] | masks[chosen[1]])
    return WorstGroup(
        chosen=(chosen[0], chosen[1]),
        models=min(half.size for half in halves),
        auc=auc_estimate(value, error, int(inside), int(outside)),
    )


@dataclass(frozen=True, eq=False)
class _Half:
    """Mean AUC over the targets of a half; its error, with an influence of every patient of the cohort."""

    auc: float
    error: TwoWay


def _area(scores: FloatArray, members: BoolArray, own: BoolArray) -> influence.Linear:
    return influence.area(influence.standing(scores[:, own], members[:, own]))


def _measure(scores: FloatArray, members: BoolArray, own: BoolArray, pair: IntArray) -> _Half:
    found = _area(scores, members, own)
    value = float(found.value.mean())
    influences = np.zeros(own.size)
    influences[own] = found.influence.mean(axis=0)
    codes = np.unique(pair, return_inverse=True)[1]
    return _Half(value, two_way(influences, (found.value - value) / found.value.size, codes))


def _together(one: _Half, other: _Half, *, either: BoolArray) -> TwoWay:
    """Error of the mean of both halves: the patients are the same, the models only by how they were chosen."""
    influences = ((one.error.influences + other.error.influences) / 2)[either]
    return TwoWay(
        influences,
        patients=float(influences @ influences),
        pairs=(one.error.pairs + other.error.pairs) / 4 * (1 + HALVES_CORRELATION),
        n_pairs=min(one.error.n_pairs, other.error.n_pairs),
    )
