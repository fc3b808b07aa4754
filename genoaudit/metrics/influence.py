"""How much of a ROC statistic hangs on each score: linearisation, for many targets at once.

The influence of a score is by how much the statistic grows per unit of its weight. Added over everything that varies
together (a patient's scores, the scores of a pair of models) and squared, influences give the variance that a
bootstrap would find with infinitely many replicates, without drawing one (infinitesimal jackknife: Efron, The
Jackknife, the Bootstrap and Other Resampling Plans 1982, chapter 6).

Every row is a set of scores judged by itself, with its own thresholds: one target, or all targets thrown together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genoaudit.contracts import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Linear:
    """A statistic of every row, [rows], and the influence of every score on it, [rows, scores], sum 0 in every row."""

    value: FloatArray
    influence: FloatArray


@dataclass(frozen=True, eq=False)
class Standing:
    """Where every score stands in its row, in integer counts.

    Parameters
    ----------
    members
        Membership; [rows, scores].
    true_above, true
        Members strictly above each score, and at or above it; [rows, scores].
    false_above, false
        The same of non-members; [rows, scores].
    caught
        Members that some threshold takes while letting at most j non-members through; [rows, 1 + non-members], the
        last value repeated in rows with fewer non-members.
    """

    members: BoolArray
    true_above: IntArray
    true: IntArray
    false_above: IntArray
    false: IntArray
    caught: IntArray

    @property
    def n_in(self) -> IntArray:
        """Members of each row; [rows]."""
        return np.asarray(self.members.sum(axis=1))

    @property
    def n_out(self) -> IntArray:
        """Non-members of each row; [rows]."""
        return np.asarray(self.members.shape[1] - self.members.sum(axis=1))

    def caught_within(self, false_positives: IntArray) -> IntArray:
        """Most members taken with at most so many false positives; [rows]."""
        allowed = np.minimum(false_positives, self.caught.shape[1] - 1)
        return np.asarray(np.take_along_axis(self.caught, allowed[:, None], axis=1)[:, 0])

    def fewest_alarms(self, false_positives: IntArray) -> IntArray:
        """Fewest false positives that take as many members as `false_positives` do; [rows]."""
        return np.asarray((self.caught < self.caught_within(false_positives)[:, None]).sum(axis=1))


def standing(scores: FloatArray, members: BoolArray) -> Standing:
    """Sort every row once and count; ties are kept together.

    Parameters
    ----------
    scores, members
        Scores, higher = member, finite, and membership, both sides in every row; [rows, scores].

    Examples
    --------
    >>> found = standing(np.array([[3.0, 1.0, 2.0, 0.0]]), np.array([[True, True, False, False]]))
    >>> found.true, found.false, found.caught
    (array([[1, 2, 1, 2]]), array([[0, 1, 1, 2]]), array([[1, 2, 2]]))
    """
    rows, size = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered, held = (np.take_along_axis(values, order, axis=1) for values in (scores, members))
    place = np.arange(size)
    changes = np.ones((rows, size + 1), dtype=bool)
    changes[:, 1:-1] = ordered[:, 1:] != ordered[:, :-1]
    true = np.zeros((rows, size + 1), dtype=np.intp)
    np.cumsum(held, axis=1, out=true[:, 1:])
    if changes.all():
        above, within = np.broadcast_to(place, held.shape), np.broadcast_to(place + 1, held.shape)
        true_above, true_within = true[:, :-1], true[:, 1:]
    else:
        above = np.maximum.accumulate(np.where(changes[:, :-1], place, 0), axis=1)
        within = np.minimum.accumulate(np.where(changes[:, 1:], place + 1, size)[:, ::-1], axis=1)[:, ::-1]
        true_above, true_within = (np.take_along_axis(true, end, axis=1) for end in (above, within))

    def unsort(values: IntArray) -> IntArray:
        there = np.empty((rows, size), dtype=np.intp)
        np.put_along_axis(there, order, values, axis=1)
        return there

    false = unsort(within - true_within)
    most = int((size - true[:, -1]).max())
    cell = np.arange(rows)[:, None] * (most + 1) + false
    per_count = np.bincount(cell[members], minlength=rows * (most + 1)).reshape(rows, most + 1)
    return Standing(
        members=members,
        true_above=unsort(true_above),
        true=unsort(true_within),
        false_above=unsort(above - true_above),
        false=false,
        caught=per_count.cumsum(axis=1),
    )


def area(at: Standing) -> Linear:
    """AUC, ties counting half, and DeLong's influences (DeLong, DeLong and Clarke-Pearson, Biometrics 1988).

    A score's influence is (placement - AUC) / side, where the placement is the share of the other side that the score
    is ranked right against. Squares are around the mean of `side` values, so each is scaled by side / (side - 1).
    """
    n_in, n_out = at.n_in[:, None], at.n_out[:, None]
    placement = np.where(
        at.members, 1 - (at.false_above + at.false) / (2 * n_out), (at.true_above + at.true) / (2 * n_in)
    )
    # Integers until the last division: mirrored or reordered scores give the same bits.
    doubled = np.where(at.members, 2 * n_out - at.false_above - at.false, 0).sum(axis=1)
    value = doubled / (2 * n_in * n_out)[:, 0]
    side = np.where(at.members, n_in, n_out)
    return Linear(value, (placement - value[:, None]) / np.sqrt(side * np.maximum(side - 1, 1)))


def lead(at: Standing) -> Linear:
    """Largest TPR - FPR over thresholds, and the influences at the threshold that reaches it.

    Moving the threshold a little changes nothing at a maximum, so its own error does not count to first order.
    """
    n_in, n_out = at.n_in[:, None], at.n_out[:, None]
    gain = at.true * n_out - at.false * n_in
    best = gain.argmax(axis=1)[:, None]
    highest = np.take_along_axis(gain, best, axis=1)
    last = np.where(highest > 0, np.take_along_axis(at.true + at.false, best, axis=1), 0)
    taken = at.true + at.false <= last
    share = np.where(at.members, (taken & at.members).sum(axis=1, keepdims=True) / n_in, 0)
    share = np.where(at.members, share, (taken & ~at.members).sum(axis=1, keepdims=True) / n_out)
    influence = (taken - share) / np.where(at.members, n_in, -n_out)
    return Linear((np.maximum(highest, 0) / (n_in * n_out))[:, 0], influence)


def hit_rate(at: Standing, false_positives: IntArray) -> Linear:
    """Largest TPR with at most so many false positives, [rows]; influences as if the threshold were given."""
    n_in = at.n_in[:, None]
    value = at.caught_within(false_positives) / n_in[:, 0]
    hit = at.false <= false_positives[:, None]
    return Linear(value, np.where(at.members, (hit - value[:, None]) / n_in, 0.0))


def alarm_rate(at: Standing, false_positives: IntArray) -> Linear:
    """FPR of the threshold that lets exactly so many non-members through, [rows], and its influences.

    Where equal scores straddle the threshold each counts in part, and influences are scaled up to the variance that so
    many of so many independent non-members have.
    """
    n_out = at.n_out[:, None]
    tied = np.maximum(at.false - at.false_above, 1)
    value = (false_positives / n_out[:, 0]).clip(0, 1)
    part = ((false_positives[:, None] - at.false_above) / tied).clip(0, 1)
    deviation = np.where(at.members, 0.0, part - value[:, None])
    square = np.einsum("rs,rs->r", deviation, deviation)
    wanted = n_out[:, 0] * value * (1 - value)
    scale = np.sqrt(np.divide(wanted, square, out=np.zeros_like(square), where=square > 1e-12 * n_out[:, 0]))
    return Linear(value, deviation * scale[:, None] / n_out)
