"""Attacks on models that hold most patients, with as many references of each patient with the patient as without.

Where nine patients in ten are members there are nine times as many references with a patient as without, and an attack
is the stronger for it. Beside models that hold half of the patients it would seem that holding more leaks more. So the
attack is given references as a half split has them: every patient's are drawn from the models at hand, as many of
either side, and put together to rows that look like models. No row is one model, which attacks by reference models do
not ask for: they compare a patient with other models' answers on the same patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genoaudit.config import AuditSection
from genoaudit.contracts import BY_MODEL, BoolArray, Design, FloatArray, IntArray, Signals, draw_codes, rings
from genoaudit.randomness import generator
from genoaudit.scoring import score_attacks


def matched_scores(
    settings: AuditSection, signals: Signals, design: Design, patients: IntArray
) -> Mapping[str, FloatArray]:
    """Score every patient of every model of a random split by attacks with matched references.

    Parameters
    ----------
    settings
        What the adversary sees, and the attacks.
    signals, design
        What models say that take turns to leave everybody out, and who was a member of which.
    patients
        Patient code of each sample; [samples].

    Returns
    -------
    Scores of each attack that can run, higher = member; [targets, patients]. The references of a target come from other
    rounds than its own, so that they know nothing of its members; they are as many as there are other rounds, with and
    without the patient.

    Raises
    ------
    ConfigError
        If no attack can run on so few references.
    """
    draws = draw_codes(design.partner)
    scores: dict[str, FloatArray] = {}
    for draw in range(int(draws.max()) + 1):
        own, others = np.flatnonzero(draws == draw), np.flatnonzero(draws != draw)
        rng = generator(design.seed, "matched", draw)
        chosen, held = matched_rows(design.members[others], per_side=int(draws.max()), rng=rng)
        behind = rings(np.zeros(own.size, dtype=np.intp))
        together = Design(
            members=np.vstack([held, design.members[own]]),
            partner=np.concatenate([np.full(len(held), -1), np.where(behind < 0, -1, behind + len(held))]),
            seed=design.seed,
        )
        said = _said(signals, others[chosen][:, patients], own)
        for attack, found in score_attacks(settings, said, together, patients).scores.items():
            scores.setdefault(attack, np.empty(design.members.shape))[own] = found[-own.size :]
    return scores


def matched_rows(members: BoolArray, *, per_side: int, rng: np.random.Generator) -> tuple[IntArray, BoolArray]:
    """Draw models for each patient, as many that held the patient as that did not, in random order.

    Parameters
    ----------
    members
        Membership; [models, patients].
    per_side
        Models of each side; a patient who was left out of fewer gets more of the other side in their place.
    rng
        Source of the draw.

    Returns
    -------
    Numbers of models, none twice for a patient, and whether they held the patient; both [2 per_side, patients].

    Examples
    --------
    >>> members = np.array([[True, False]] * 6 + [[False, True]] * 6)
    >>> rows, held = matched_rows(members, per_side=3, rng=np.random.default_rng(0))
    >>> held.sum(axis=0), bool((members[rows, np.arange(2)] == held).all())
    (array([3, 3]), True)
    """
    keys = rng.random(members.shape)
    outside, inside = (np.argsort(np.where(side, keys, 2.0), axis=0)[: 2 * per_side] for side in (~members, members))
    place = np.arange(2 * per_side)[:, np.newaxis]
    without = np.minimum((~members).sum(axis=0), per_side)
    left = place < without
    rows = np.where(left, outside, np.take_along_axis(inside, np.maximum(place - without, 0), axis=0))
    order = np.argsort(rng.random(rows.shape), axis=0)
    return np.take_along_axis(rows, order, axis=0), np.take_along_axis(~left, order, axis=0)


def _said(signals: Signals, chosen: IntArray, own: IntArray) -> Signals:
    """Put together what the chosen models say of each sample [rows, samples], and the targets behind."""
    samples = np.arange(chosen.shape[1])
    found: dict[str, Any] = {}
    for name in BY_MODEL:
        value = getattr(signals, name)
        if value is not None:
            # Samples are the last axis but of the probabilities: there the classes follow.
            by_sample = value if name == "proba" else np.moveaxis(value, -1, 1)
            rows = np.concatenate([by_sample[chosen, samples], by_sample[own]])
            found[name] = rows if name == "proba" else np.moveaxis(rows, 1, -1)
    return replace(signals, **found)
