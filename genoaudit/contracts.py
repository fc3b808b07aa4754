"""The few types that every stage speaks. Read this first.

Data flows one way::

    cohort -> design -> training -> signals -> attacks -> metrics -> report

A `Design` says which patient is a member of which model. Training turns a recipe, a cohort and a design into `Signals`:
what every model says about every sample. An `Attack` turns signals into one score per target model and patient. From
there on only numbers travel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
BoolArray: TypeAlias = NDArray[np.bool_]

Scale = Literal["counts", "cpm", "tpm", "rsem", "log2", "intensity", "ratio", "log_ratio", "zscore"]
"""How expression values are declared. The declaration decides; looking at the values can only contradict it."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a stage, the steps done and the steps in all."""

FLOOR = float(np.finfo(np.float32).tiny)
"""Smallest probability taken at face value: a class that a model has never seen gets this, not zero."""


def log_of(proba: NDArray[Any]) -> FloatArray:
    """Return log-probabilities that are finite: what is less counts as `FLOOR`."""
    return np.log(np.maximum(np.asarray(proba, dtype=np.float64), FLOOR))


class Recipe(Protocol):
    """Any unfitted scikit-learn classifier or Pipeline. Nothing else is asked of a user's model."""

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any) -> Any:
        """Train on samples `X` [samples, genes] with class codes `y` [samples]."""
        ...

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities [samples, classes]."""
        ...

    def get_params(self, *, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, as scikit-learn does."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Set parameters, as scikit-learn does."""
        ...


@dataclass(frozen=True, eq=False)
class Design:
    """Who is a member of which model.

    Parameters
    ----------
    members
        ``members[m, i]`` says whether patient ``i`` is a member of model ``m``; bool [models, patients].
    partner
        The next of the models that were drawn together, around a ring; -1 for a model drawn by itself; [models]. In a
        half split two are drawn together, each the complement of the other (members and non-members exchanged); in a
        random split as many as take turns to leave everybody out once. When a model is the target of an attack, it
        *and all that were drawn with it* are left out of the references: leaving out only the target would give its
        membership away through the counts.
    seed
        The seed the rows were drawn from.
    kind
        ``"half_split"``: each patient in half of the models, in complementary pairs. It tests the replace-one relation.
        ``"coins"``: each audited patient in each model by its own fair coin, everybody else always in. It tests the
        add/remove relation. ``"random_split"``: a given number of members drawn for every model, for references of a
        target with that many.
    audited
        The patients whose coins were tossed; empty in a half split, which audits everybody.
    """

    members: BoolArray
    partner: IntArray
    seed: int
    kind: Literal["half_split", "coins", "random_split"] = "half_split"
    audited: tuple[int, ...] = ()

    @property
    def models(self) -> int:
        """Number of models."""
        return int(self.members.shape[0])

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.members.shape[1])

    def of(self, models: IntArray) -> Design:
        """Return the design of some of the models, in ascending order; what is left of a ring is closed again."""
        return replace(self, members=self.members[models], partner=rings(draw_codes(self.partner)[models]))


def scarcest(members: BoolArray) -> int:
    """Return the fewest models that held, or did not hold, some patient; of membership [models, patients].

    Examples
    --------
    >>> scarcest(np.array([[True, False], [True, True], [False, False]]))
    1
    """
    held = members.sum(axis=0)
    return int(min(held.min(), members.shape[0] - held.max()))


def draw_codes(partner: IntArray) -> IntArray:
    """Give models that were drawn together one number, 0, 1, 2, ..., and a model drawn by itself its own; [models].

    Parameters
    ----------
    partner
        As in `Design`; [models].

    Examples
    --------
    >>> draw_codes(np.array([1, 0, 3, 4, 2, -1]))
    array([0, 0, 1, 1, 1, 2])
    """
    first = own = np.arange(partner.size)
    ahead = np.where(partner >= 0, partner, own)
    for _ in range(int(partner.size).bit_length()):  # every time the smallest of twice as many around the ring
        first, ahead = np.minimum(first, first[ahead]), ahead[ahead]
    return np.unique(first, return_inverse=True)[1]


def rings(draws: IntArray) -> IntArray:
    """Return `Design.partner` for models of which those with the same number were drawn together; [models].

    Examples
    --------
    >>> rings(np.array([0, 0, 1, 1, 1, 2]))
    array([ 1,  0,  3,  4,  2, -1])
    """
    partner = np.full(draws.size, -1, dtype=np.intp)
    for draw in np.unique(draws):
        together = np.flatnonzero(draws == draw)
        if together.size > 1:
            partner[together] = np.roll(together, -1)
    return partner


BY_MODEL = ("logit", "proba", "label", "grad_norm", "influence")
"""The arrays of `Signals` whose first axis is that of the models."""


@dataclass(frozen=True, eq=False)
class Signals:
    """What the models say about every row of the pool, and what anybody knows of it.

    The optional arrays are there when an attack's `needs` asked training for them.

    Parameters
    ----------
    logit
        Scaled logit of the true class, ``log p_y - log sum_{y' != y} p_y'``, computed without cancellation; float64
        [models, queries, samples]. Query 0 is the sample itself.
    proba
        Probabilities of the samples themselves, aligned to the cohort's classes; float32 [models, samples, classes].
    y
        True class of each sample, which the adversary knows; [samples].
    label
        Predicted class; [models, queries, samples].
    grad_norm
        Norm of the gradient of a sample's loss by all parameters of the model; [models, samples].
    influence
        What a patient's presence explains of the model's fit to the patient's own samples, higher = member; [models,
        samples].
    features
        What the adversary knows of the samples' expression, in few coordinates; [samples, coordinates].
    """

    logit: FloatArray
    proba: NDArray[np.float32]
    y: IntArray
    label: NDArray[np.int16] | None = None
    grad_norm: FloatArray | None = None
    influence: FloatArray | None = None
    features: FloatArray | None = None

    def lacks(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        """Return which of these arrays are not there."""
        return tuple(name for name in needs if getattr(self, name) is None)

    def of(self, models: IntArray | slice) -> Signals:
        """Return what some of the models say."""
        cut = {name: value[models] for name in BY_MODEL if (value := getattr(self, name)) is not None}
        return replace(self, **cut)

    def followed_by(self, others: Signals) -> Signals:
        """Put other models behind these; arrays that either side lacks are left out."""
        both = {name: (getattr(self, name), getattr(others, name)) for name in BY_MODEL}
        joined: dict[str, Any] = {
            name: None if first is None or last is None else np.concatenate([first, last])
            for name, (first, last) in both.items()
        }
        return replace(self, **joined)


Access = Literal["labels", "probabilities", "logits", "parameters"]
"""What an adversary sees of the released model, least first. Probabilities may be rounded, logits are exact."""


@dataclass(frozen=True)
class Attack:
    """A membership attack: a record that people read, and a pure function of arrays.

    `score` takes signals, design and the patient code of every sample (int [samples]) and returns float64
    [targets, patients], higher = member, with every model of the design as the target once. It does no I/O, draws no
    random numbers but from the design's seed, and computes no statistics of success.

    Parameters
    ----------
    name, title
        What it is called in configurations, and by people.
    threat_model
        What the adversary sees, knows and does.
    needs
        Names of the arrays of `Signals` that it reads.
    min_models
        Fewest models of a design.
    cost, reference, caveat
        What it takes, where it comes from, and what it is blind to.
    score
        The attack.
    min_queries
        Fewest further queries of each sample.
    ranks_non_members
        Whether the score is a rank among the target's own non-members. Any threshold then has the false-positive rate
        that it says, by construction: there is nothing to learn from judging one of other models.
    """

    name: str
    title: str
    threat_model: str
    needs: tuple[str, ...]
    min_models: int
    cost: str
    reference: str
    caveat: str
    score: Callable[[Signals, Design, IntArray], FloatArray]
    min_queries: int = 0
    ranks_non_members: bool = False

    @property
    def access(self) -> Access:
        """What the adversary must see of the model."""
        if {"grad_norm", "influence"} & set(self.needs):
            return "parameters"
        return "labels" if set(self.needs) == {"label"} else "probabilities"

    def why_not(self, design: Design, *, access: Access = "parameters", queries: int = 0) -> str | None:
        """Say why the attack cannot run on this design, for an adversary who sees this much, or None if it can."""
        if design.models < self.min_models:
            return f"needs at least {self.min_models} models, has {design.models}"
        seen = get_args(Access)
        if seen.index(self.access) > seen.index(access):
            return f"needs to see {self.access}; this adversary sees {access} only"
        if queries < self.min_queries:
            return f"needs at least {self.min_queries} further query of each sample; set queries under [audit]"
        return None


@dataclass(frozen=True)
class Combination:
    """An attack on the scores of other attacks: the same record, with `combine` in place of `score`.

    `combine` takes scores by attack, each [targets, patients], and the design, and returns scores of the same shape.
    """

    name: str
    title: str
    threat_model: str
    min_models: int
    cost: str
    reference: str
    caveat: str
    combine: Callable[[Mapping[str, FloatArray], Design], FloatArray]


Setting: TypeAlias = float | int | str
"""How strong a mitigation is set: a number with the meaning that its record gives, or the path of a file."""


@dataclass(frozen=True)
class Mitigation:
    """A protection: a record that people read, and a pure function from a recipe to the protected recipe.

    Parameters
    ----------
    name, title
        What it is called in configurations, and by people.
    protects
        Against what, and by which mechanism.
    costs
        What is paid in utility, time or convenience.
    failures
        What it is known not to stop.
    reference
        Where it comes from.
    setting
        What its number (or text) means, and which value leaves a recipe as it is.
    defaults
        The settings that a sweep tries unless told otherwise.
    apply
        ``apply(recipe, setting, genes)`` gives a new unfitted recipe; `genes` names the columns of the cohort. Raises
        `ConfigError` for a setting that is impossible.
    why_not
        Why it makes no sense for a recipe, or None.
    release
        For protections of outputs only: ``release(log_proba, setting, generator)`` turns exact log-probabilities [...,
        classes] into the probabilities that are given out. Models are then the same as without it.
    """

    name: str
    title: str
    protects: str
    costs: str
    failures: str
    reference: str
    setting: str
    defaults: tuple[Setting, ...]
    apply: Callable[[Recipe, Any, tuple[str, ...]], Recipe]
    why_not: Callable[[Recipe], str | None]
    release: Callable[[FloatArray, Any, np.random.Generator], FloatArray] | None = None
