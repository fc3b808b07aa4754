"""Labels beside points, so that none covers another label or a point."""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import FloatArray

ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
DISTANCES = (7.0, 11.0, 18.0, 28.0, 42.0, 60.0, 82.0, 108.0)
ROUNDS = 4

# What is to be avoided, per unit of area, against one unit of distance: a covered word is worse than a covered line.
_WORDS, _POINTS, _FAINT = 60.0, 25.0, 0.25


def placed_labels(
    anchors: FloatArray,
    sizes: FloatArray,
    *,
    bounds: tuple[float, float, float, float],
    blocked: FloatArray | None = None,
    faint: FloatArray | None = None,
) -> FloatArray:
    """Place each label near its point; greedy, then improved one label at a time. The same input gives the same places.

    Parameters
    ----------
    anchors
        Points, [labels, 2], in the unit of all other lengths (points of print).
    sizes
        Width and height of each label, [labels, 2].
    bounds
        Left, bottom, right and top of where labels may be.
    blocked, faint
        Boxes (left, bottom, right, top), [boxes, 4], that labels must not or would rather not cover.

    Returns
    -------
    FloatArray
        Centre of each label, [labels, 2].

    Examples
    --------
    >>> places = placed_labels(np.zeros((2, 2)), np.full((2, 2), 10.0), bounds=(-50, -50, 50, 50))
    >>> bool(np.abs(places[0] - places[1]).max() >= 10)
    True
    """
    none = np.empty((0, 4))
    blocked, faint = (none if boxes is None else boxes for boxes in (blocked, faint))
    sheets = [_candidates(anchor, size) for anchor, size in zip(anchors, sizes, strict=True)]
    fixed = []
    for centres, anchor, size in zip(sheets, anchors, sizes, strict=True):
        boxes = _boxes(centres, size)
        outside = np.clip(np.array(bounds)[:2] - boxes[:, :2], 0, None) + np.clip(boxes[:, 2:] - bounds[2:], 0, None)
        distance = np.linalg.norm(centres - anchor, axis=1) + _leader_cost(centres, anchor, blocked)
        covered = _POINTS * _overlap(boxes, blocked) + _FAINT * _overlap(boxes, faint)
        fixed.append(distance + covered + 1e4 * outside.sum(axis=1))
    chosen = [int(np.argmin(cost)) for cost in fixed]
    for turn in range(ROUNDS):
        for label in range(len(anchors)):
            settled = range(label) if turn == 0 else (other for other in range(len(anchors)) if other != label)
            others = [_boxes(sheets[other][[chosen[other]]], sizes[other]) for other in settled]
            around = np.concatenate([none, *others])
            clash = _overlap(_boxes(sheets[label], sizes[label]), around)
            crossed = _leader_cost(sheets[label], anchors[label], around)
            chosen[label] = int(np.argmin(fixed[label] + _WORDS * clash + crossed))
    return np.array([sheet[place] for sheet, place in zip(sheets, chosen, strict=True)]).reshape(-1, 2)


def _candidates(anchor: FloatArray, size: FloatArray) -> FloatArray:
    """Return centres all around: the label's nearest edge at each of the distances."""
    direction = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
    # Straight above or beside comes first, where two places are as good.
    reach = np.clip(direction * 1.5, -1, 1) * size / 2
    return np.concatenate([anchor + distance * direction + reach for distance in DISTANCES])


def _boxes(centres: FloatArray, size: FloatArray) -> FloatArray:
    return np.hstack([centres - size / 2, centres + size / 2])


def _overlap(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Return the area of each box that others cover, summed over the others."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=2).sum(axis=1))


def _leader_cost(centres: FloatArray, anchor: FloatArray, boxes: FloatArray) -> FloatArray:
    """Return what it costs that the line from the point to its label runs through boxes of others."""
    cost = np.zeros(len(centres))
    for share in (0.35, 0.5, 0.65, 0.8):
        at = anchor + share * (centres - anchor)
        inside = (at[:, None] >= boxes[None, :, :2]) & (at[:, None] <= boxes[None, :, 2:])
        holds_anchor = ((anchor >= boxes[:, :2]) & (anchor <= boxes[:, 2:])).all(axis=1)
        cost += 12.0 * (inside.all(axis=2) & ~holds_anchor).sum(axis=1)
    return cost
