"""Who is in which model: half-splits in complementary pairs, or a fair coin per audited patient; growable.

Rows are drawn from their own places in the seed tree, so asking for more models keeps the old rows.

Half-split: the two models of a pair share out the patients; whoever is in one is not in the other. Every patient is
therefore in half of the models, and each stratum is split as evenly as its size allows.

Coins: each audited patient is in each model by a fair coin of its own, everybody else always. No coin says anything of
another, which is what a lower bound on epsilon from a single model asks for (Steinke, Nasr, Jagielski. Privacy auditing
with one (1) training run. NeurIPS 2023). So nothing is balanced, no model has a complement, and no draw is repeated.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from genoaudit.contracts import BoolArray, Design, IntArray, rings
from genoaudit.errors import ConfigError, DataError
from genoaudit.randomness import generator

DesignKind: TypeAlias = Literal["half_split", "coins"]

RARE = 4
"""A set of labels carried by fewer patients than this joins the nearest larger set: it cannot put two on each side."""

_ATTEMPTS = 100
_KINDS: tuple[str, ...] = get_args(DesignKind)


def make_design(
    y: IntArray,
    patients: IntArray,
    *,
    models: int,
    seed: int,
    kind: DesignKind = "half_split",
    audited: IntArray | None = None,
) -> Design:
    """Draw the membership matrix.

    Parameters
    ----------
    y
        Class code of each sample; int [samples].
    patients
        Patient code of each sample, 0 to patients - 1; int [samples].
    models
        Number of models, at least 2; with coins 1 is enough. Odd numbers leave the last model of a half-split without a
        partner.
    seed
        Root of the seed tree.
    kind
        ``"half_split"`` or ``"coins"``; see `genoaudit.contracts.Design`. With coins no model has a partner: the coins
        of the other models say nothing of the target's, so leaving out the target alone gives nothing away.
    audited
        With coins, the codes of the patients whose membership is drawn, each once; int [audited]. The others are
        members of every model: they have no OUT models, so attacks are scored on the audited patients alone.

    Returns
    -------
    Design
        With every class represented by at least two patients on each side of every model of a half-split, and by at
        least two members of every model with coins.

    Raises
    ------
    ConfigError
        For too few models, an unknown kind, or audited patients that do not fit the kind or the cohort.
    DataError
        If some class cannot have two patients on each side; with coins, if a class has fewer than two patients who are
        not audited.

    Examples
    --------
    >>> design = make_design(np.repeat([0, 1], 8), np.arange(16), models=4, seed=0)
    >>> design.members.sum(axis=0)  # every patient is in half of the models
    array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    >>> coins = make_design(
    ...     np.repeat([0, 1], 8), np.arange(16), models=4, seed=0, kind="coins", audited=np.arange(4)
    ... )
    >>> coins.members[:, 4:].all()
    np.True_
    """
    if kind not in _KINDS:
        msg = f"kind = {kind!r} is not known. Declare one of {', '.join(_KINDS)}."
        raise ConfigError(msg)
    if kind == "coins":
        return _coins(_labels_of_patients(y, patients), audited, models=models, seed=seed)
    if audited is not None:
        raise ConfigError("a half-split audits every patient; audited patients are chosen with kind = 'coins' only.")
    return _half_splits(_labels_of_patients(y, patients), models=models, seed=seed)


def _half_splits(carries: BoolArray, *, models: int, seed: int) -> Design:
    if models < 2:
        msg = f"models must be at least 2 (a model and its complement), got {models}"
        raise ConfigError(msg)
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


def _coins(carries: BoolArray, audited: IntArray | None, *, models: int, seed: int) -> Design:
    if models < 1:
        msg = f"models must be at least 1, got {models}"
        raise ConfigError(msg)
    patients = carries.shape[0]
    always = ~_marked(audited, patients)
    _refuse_dependent(carries[always])
    members = np.empty((models, patients), dtype=np.bool_)
    for model in range(models):
        # A coin for everybody, whoever is audited: the coins of a patient do not depend on the others'.
        coins = generator(seed, "design", "coins", model).integers(2, size=patients, dtype=np.bool_)
        members[model] = always | coins
    partner = np.full(models, -1, dtype=np.intp)
    return Design(
        members=members, partner=partner, seed=seed, kind="coins", audited=tuple(np.flatnonzero(~always).tolist())
    )


def _marked(audited: IntArray | None, patients: int) -> BoolArray:
    """Return which patients are audited; [patients]."""
    codes = np.asarray([] if audited is None else audited)
    if codes.size == 0:
        raise ConfigError("coins need the codes of the audited patients, at least one; none were given.")
    if codes.ndim != 1 or codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= patients:
        msg = f"audited must be a list of patient codes from 0 to {patients - 1}, found {codes.dtype} {codes.shape}"
        found = f" from {codes.min()} to {codes.max()}." if codes.dtype.kind in "iu" else "."
        raise ConfigError(msg + found)
    marked = np.zeros(patients, dtype=np.bool_)
    marked[codes] = True
    if marked.sum() < codes.size:
        msg = f"audited must name each patient once: {codes.size} codes, {marked.sum()} distinct."
        raise ConfigError(msg)
    return marked


def _refuse_dependent(carries: BoolArray) -> None:
    """Refuse classes that could lose their members to the coins: drawing again would tie the coins to each other."""
    problems = [
        f"class {code} has {size} patients who are not audited; at least 2 are needed, since by their coins the "
        "audited ones may all be out. Audit fewer patients of that class, or drop or merge small classes."
        for code, size in enumerate(carries.sum(axis=0))
        if size < 2
    ]
    if problems:
        raise DataError("design", problems)


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


def make_random_splits(y: IntArray, patients: IntArray, *, members: int, models: int, seed: int) -> Design:
    """Draw models with a given number of member patients, stratified, where halves would not be like the target.

    Parameters
    ----------
    y, patients
        Class and patient code of each sample; [samples].
    members
        Member patients of each model.
    models
        Number of models, at least 1.
    seed
        Root of the seed tree.

    Returns
    -------
    Design
        Every class with at least two patients on each side of every model. Models take turns to leave everybody out
        once, or nearly, and those of a round of turns were drawn together (see `genoaudit.contracts.Design`).

    Raises
    ------
    DataError
        If some class cannot have two patients on each side.

    Examples
    --------
    >>> design = make_random_splits(np.repeat([0, 1], 10), np.arange(20), members=14, models=3, seed=0)
    >>> design.members.sum(axis=1), design.kind
    (array([14, 14, 14]), 'random_split')
    """
    carries = _labels_of_patients(y, patients)
    _refuse_unsplittable(carries)
    strata = _strata(carries)
    rows = [_random_split(strata, carries, members, seed, model) for model in range(models)]
    partner = rings(np.arange(models, dtype=np.intp) // turns_of(strata.size, members))
    return Design(members=np.array(rows), partner=partner, seed=seed, kind="random_split")


def turns_of(patients: int, members: int) -> int:
    """Return how many models of a random split leave everybody out once, or nearly.

    References without a patient are scarce where most are members; by turns everybody has as many.

    Examples
    --------
    >>> turns_of(100, 90), turns_of(100, 65), turns_of(100, 30)
    (10, 2, 1)
    """
    return max(patients // (patients - members), 1)


def _random_split(strata: IntArray, carries: BoolArray, members: int, seed: int, model: int) -> BoolArray:
    size, outside = strata.size, strata.size - members
    turns = turns_of(size, members)
    for attempt in range(_ATTEMPTS):
        rng = generator(seed, "design", "random", model // turns if attempt == 0 else model, attempt)
        shuffled = rng.permutation(size)
        order_of_strata = rng.permutation(int(strata.max()) + 1)
        row = shuffled[np.argsort(order_of_strata[strata[shuffled]], kind="stable")]
        # Every so many patients along the strata: each stratum gives its share, each patient has the same chance.
        start = (rng.random() + model % turns) / turns
        places = np.floor((np.arange(outside) + start % 1.0) * size / outside).astype(np.intp)
        chosen = np.ones(size, dtype=np.bool_)
        chosen[row[np.minimum(places, size - 1)]] = False
        sides = carries[chosen].sum(axis=0).min(), carries[~chosen].sum(axis=0).min()
        if chosen.sum() == members and min(sides) >= 2:
            return chosen
    msg = f"some class cannot have two patients on each side of models with {members} members. Merge small classes."
    raise DataError("design", [msg])
