"""Who may teach an attack that scores whom: folds of models and of patients, and the rows a learned attack trains on.

An attack that is fitted must not see the model it attacks, those drawn with it (whose members tell the target's) or the
patient it scores. So every combination of one fold of models and one fold of patients is scored by
what was fitted on the other models and the other patients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genoaudit.contracts import BoolArray, Design, IntArray, draw_codes
from genoaudit.errors import ConfigError
from genoaudit.randomness import generator

MODEL_FOLDS = 2
"""Half of the models teach: a learned attack has few parameters and hundreds of models to learn them from."""

PATIENT_FOLDS = 5
"""Four fifths of the patients teach: patients are scarce."""


def patient_folds(patients: int, *, seed: int, folds: int = PATIENT_FOLDS) -> IntArray:
    """Deal patients into folds of equal size (up to one), blind to membership.

    Parameters
    ----------
    patients
        Number of patients.
    seed
        Seed of the deal.
    folds
        Number of folds; as many as patients if there are fewer patients.

    Returns
    -------
    Fold of each patient, 0 .. folds - 1; [patients].

    Raises
    ------
    ConfigError
        If there are fewer than two patients or two folds.

    Examples
    --------
    >>> np.bincount(patient_folds(12, seed=0))
    array([3, 3, 2, 2, 2])
    """
    return _deal(patients, folds, seed=seed, what="patients")


def model_folds(partner: IntArray, *, seed: int, folds: int = MODEL_FOLDS) -> IntArray:
    """Deal models into folds, those drawn together always into the same one.

    Parameters
    ----------
    partner
        Who was drawn with whom, as in `genoaudit.contracts.Design`; [models].
    seed
        Seed of the deal.
    folds
        Number of folds; as many as draws if there are fewer.

    Returns
    -------
    Fold of each model, 0 .. folds - 1; [models].

    Raises
    ------
    ConfigError
        If there are fewer than two draws or two folds.

    Examples
    --------
    >>> fold = model_folds(np.array([1, 0, 3, 2, -1]), seed=0)
    >>> bool(fold[0] == fold[1]), bool(fold[2] == fold[3])
    (True, True)
    """
    draw = draw_codes(partner)
    return _deal(int(draw.max()) + 1, folds, seed=seed, what="complementary pairs of models")[draw]


def _deal(units: int, folds: int, *, seed: int, what: str) -> IntArray:
    if units < 2 or folds < 2:
        raise ConfigError(
            f"cross-fitting needs at least 2 {what} and 2 folds, has {units} and {folds}: what is scored must not "
            f"help to fit. Use more {what}."
        )
    dealt = np.arange(units, dtype=np.intp) % min(folds, units)
    return generator(seed, "folds", what).permutation(dealt)


@dataclass(frozen=True, eq=False)
class Cell:
    """One block of a cross-fit.

    Parameters
    ----------
    number
        Position among the cells of the cross-fit, for seeds.
    models, patients
        What is scored; indices.
    taught_by_models, taught_by_patients
        What the fit may use: no model of the block nor any drawn with one, no patient of the block; indices.
    """

    number: int
    models: IntArray
    patients: IntArray
    taught_by_models: IntArray
    taught_by_patients: IntArray


def cells(design: Design, *, seed: int) -> Iterator[Cell]:
    """Yield every combination of a fold of models and a fold of patients: each target and patient is in exactly one.

    Parameters
    ----------
    design
        Members and partners.
    seed
        Seed of both deals.

    Raises
    ------
    ConfigError
        If there are fewer than two pairs of models or two patients.
    """
    of_model = model_folds(design.partner, seed=seed)
    of_patient = patient_folds(design.patients, seed=seed)
    number = 0
    for model_fold in range(int(of_model.max()) + 1):
        for patient_fold in range(int(of_patient.max()) + 1):
            yield Cell(
                number=number,
                models=np.flatnonzero(of_model == model_fold),
                patients=np.flatnonzero(of_patient == patient_fold),
                taught_by_models=np.flatnonzero(of_model != model_fold),
                taught_by_patients=np.flatnonzero(of_patient != patient_fold),
            )
            number += 1


@dataclass(frozen=True, eq=False)
class Rows:
    """Training rows of a learned attack; index arrays of equal length [rows], `member` bool."""

    model: IntArray
    unit: IntArray
    member: BoolArray


def matched_rows(members: BoolArray, *, most: int, rng: np.random.Generator) -> Rows:
    """Draw training rows without replacement so that membership is all that differs between the two sides.

    Every unit (patient or sample) enters equally often under models that held it and under models that did not. The
    sides then hold the same easy and hard units, and labels are balanced exactly.

    Parameters
    ----------
    members
        Membership of every unit in every model; [models, units].
    most
        Rows aimed at, at least two per unit are always drawn.
    rng
        Draws the models of each unit.

    Returns
    -------
    The rows; a unit that is on one side of all models (always held, say) has none.

    Raises
    ------
    ConfigError
        If no unit is on both sides.

    Examples
    --------
    >>> members = np.array([[True, True], [False, True], [True, True]])
    >>> rows = matched_rows(members, most=100, rng=np.random.default_rng(0))
    >>> rows.unit, rows.member
    (array([0, 0]), array([ True, False]))
    """
    models, units = members.shape
    inside = members.sum(axis=0)
    each = np.minimum(np.minimum(inside, models - inside), max(1, most // (2 * units)))
    if not each.any():
        raise ConfigError(
            f"no patient is a member of one and a non-member of another of the {models} models that a learned attack "
            "may train on. Train more models."
        )
    # Random keys, members shifted below non-members: the first ranks of a column are a random draw of either side.
    order = np.argsort(rng.random((models, units)) + ~members, axis=0).astype(np.intp)
    place = np.arange(models)[:, None]
    held, held_unit = np.nonzero(place < each)
    other, other_unit = np.nonzero((place >= inside) & (place < inside + each))
    unit = np.concatenate([held_unit, other_unit])
    return Rows(
        model=order[np.concatenate([held, other]), unit],
        unit=unit,
        member=np.arange(unit.size) < held.size,
    )
