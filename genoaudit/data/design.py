"""Who is in which model: balanced, stratified, by patient, in complementary pairs, and growable.

Each pair of rows is drawn from its own place in the seed tree, so asking for more models keeps the old rows. Within a
pair the two models share out the patients: whoever is in one is not in the other. Every patient is therefore in half of
the models, and each stratum is split as evenly as its size allows.
"""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import BoolArray, Design, IntArray
from genoaudit.errors import ConfigError, DataError
from genoaudit.randomness import generator

RARE = 4
"""A set of labels carried by fewer patients than this joins the nearest larger set: it cannot put two on each side."""

_ATTEMPTS = 100


def make_design(y: IntArray, patients: IntArray, *, models: int, seed: int) -> Design:
    """Draw the membership matrix.

    Parameters
    ----------
    y
        Class code of each sample; int [samples].
    patients
        Patient code of each sample, 0 to patients - 1; int [samples].
    models
        Number of models, at least 2. Odd numbers leave the last model without a partner.
    seed
        Root of the seed tree.

    Returns
    -------
    Design
        With every class represented by at least two patients on each side of every model.

    Raises
    ------
    ConfigError
        For fewer than two models.
    DataError
        If some class cannot have two patients on each side.

    Examples
    --------
    >>> design = make_design(np.repeat([0, 1], 8), np.arange(16), models=4, seed=0)
    >>> design.members.sum(axis=0)  # every patient is in half of the models
    array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    if models < 2:
        msg = f"models must be at least 2 (a model and its complement), got {models}"
        raise ConfigError(msg)
    carries = _labels_of_patients(y, patients)
    _refuse_unsplittable(carries)
    strata = _strata(carries)
    members = np.empty((models, carries.shape[0]), dtype=np.bool_)
    for pair in range((models + 1) // 2):
        half = _split(strata, carries, seed, pair)
        members[2 * pair] = half
        if 2 * pair + 1 < models:
            members[2 * pair + 1] = ~half
    partner = np.arange(models, dtype=np.intp) ^ 1
    partner[partner >= models] = -1
    return Design(members=members, partner=partner, seed=seed)


def _labels_of_patients(y: IntArray, patients: IntArray) -> BoolArray:
    carries = np.zeros((int(patients.max()) + 1, int(y.max()) + 1), dtype=np.bool_)  # [patients, classes]
    carries[patients, y] = True
    return carries


def _refuse_unsplittable(carries: BoolArray) -> None:
    sizes = carries.sum(axis=0)
    problems = [
        f"class {code} has {size} patients; at least 4 are needed to have two on each side of every model. "
        "Drop or merge small classes."
        for code, size in enumerate(sizes)
        if size < 4
    ]
    if problems:
        raise DataError("design", problems)


def _strata(carries: BoolArray) -> IntArray:
    """Return a stratum code per patient: the patient's set of labels, rare sets merged to the nearest."""
    sets, code = np.unique(carries, axis=0, return_inverse=True)
    code = code.reshape(-1).astype(np.intp)
    sizes = np.bincount(code)
    large = np.flatnonzero(sizes >= RARE)
    if large.size == 0:
        return np.zeros_like(code)
    for rare in np.flatnonzero(sizes < RARE):
        shared = (sets[large] & sets[rare]).sum(axis=1)
        jaccard = shared / (sets[large] | sets[rare]).sum(axis=1)
        nearest = large[np.lexsort((-sizes[large], -jaccard))[0]]  # most labels in common, then the largest
        code[code == rare] = nearest
    return code


def _split(strata: IntArray, carries: BoolArray, seed: int, pair: int) -> BoolArray:
    for attempt in range(_ATTEMPTS):
        half = _alternate(strata, generator(seed, "design", pair, attempt))
        # Strata are sets of labels; a class spread over several sets can still come out lopsided, then draw again.
        if min(carries[half].sum(axis=0).min(), carries[~half].sum(axis=0).min()) >= 2:
            return half
    raise DataError("design", ["some class cannot have two patients on each side. Drop or merge small classes."])


def _alternate(strata: IntArray, rng: np.random.Generator) -> BoolArray:
    """Deal shuffled patients alternately to the two sides, stratum after stratum.

    Dealing through the strata without starting anew keeps the sides equal to within one patient in total, not only in
    each stratum.
    """
    shuffled = rng.permutation(strata.size)
    order_of_strata = rng.permutation(int(strata.max()) + 1)
    dealt = shuffled[np.argsort(order_of_strata[strata[shuffled]], kind="stable")]
    half = np.zeros(strata.size, dtype=np.bool_)
    half[dealt[int(rng.integers(2)) :: 2]] = True
    return half
