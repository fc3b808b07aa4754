"""A fitted recipe as a tree in JSON, with its arrays and the parts of other libraries beside it.

Every node of the tree names a class out of a fixed list of this package's own. Nothing is imported by a name that
stands in a file, and an array is taken only in the shape that the parameters of its node give it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from genoaudit.artefacts.booster import booster_bytes, booster_parameters, restore_booster
from genoaudit.artefacts.kept import Arrays, Kept, check_forms, parameter, parameters_of
from genoaudit.artefacts.networks import NETWORKS, private_facts, restore_private_facts
from genoaudit.artefacts.steps import STEPS
from genoaudit.contracts import Recipe
from genoaudit.errors import ArtefactError, ConfigError
from genoaudit.models.distillation import DistilledClassifier
from genoaudit.models.outputs import DefendedOutputs

_KEPT = {kept.kind: kept for kept in (*STEPS, *NETWORKS)}
_WRAPPERS = {DefendedOutputs: "estimator_", DistilledClassifier: "student_"}
_BY_NAME: dict[str, type] = {kind.__name__: kind for kind in (*_KEPT, *_WRAPPERS)}
_NETWORKS = tuple(kept.kind for kept in NETWORKS)


@dataclass(frozen=True)
class Packed:
    """A fitted recipe, taken apart.

    Parameters
    ----------
    tree
        JSON values: which class stands where, with its parameters.
    arrays
        What our own estimators have learnt, by place and name.
    parts
        Fitted estimators of other libraries, in the order of the tree.
    booster
        Trees of the XGBoost classifier, if it ends in one.
    """

    tree: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)
    parts: Sequence[Any] = ()
    booster: bytes | None = None


def pack(fitted: Any) -> Packed:
    """Take a fitted recipe apart.

    Raises
    ------
    ArtefactError
        If a parameter of ours cannot be written as JSON, or the recipe was not fitted on class codes.
    """
    packing = _Packing()
    tree = packing.node(fitted, "")
    return Packed(tree, packing.arrays, tuple(packing.parts), packing.booster)


def unpack(packed: Packed) -> Recipe:
    """Put a fitted recipe together again, or raise if anything about it is not as `pack` leaves it.

    Raises
    ------
    ArtefactError
        Naming the first thing at fault.
    """
    unpacking = _Unpacking(packed)
    try:
        recipe = unpacking.node(packed.tree, "")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ConfigError) as error:
        reason = (str(error).splitlines() or [""])[0][:300]
        raise ArtefactError(f"it does not describe a recipe ({type(error).__name__}: {reason}).") from error
    unpacking.check_all_used()
    return cast(Recipe, recipe)


def other_parts(recipe: Any) -> tuple[Any, ...]:
    """Return the estimators of other libraries in a recipe, fitted or not, outermost first."""
    return tuple(part for part, _ in _others(recipe, None))


def booster_of(recipe: Any) -> Any:
    """Return the XGBoost classifier that a recipe ends in, fitted or not; None if it ends in something else."""
    if _is_booster(recipe):
        return recipe
    last = recipe.steps[-1][1] if type(recipe) is Pipeline else getattr(recipe, "estimator", None)
    return None if last is None or not _has_ours(last) else booster_of(last)


def inputs_of_parts(fitted: Any, X: NDArray[Any]) -> list[NDArray[Any]]:
    """Return what each of the `other_parts` of a fitted recipe was fitted on, given the samples of the recipe."""
    return [np.asarray(seen) for _, seen in _others(fitted, X)]


def _others(recipe: Any, X: Any) -> Iterator[tuple[Any, Any]]:
    if not _has_ours(recipe):
        yield recipe, X
    elif isinstance(recipe, Pipeline):
        for _, step in recipe.steps:
            if step is None or step == "passthrough":
                continue
            yield from _others(step, X)
            X = step.transform(X) if X is not None and hasattr(step, "transform") else X
    elif type(recipe) in _WRAPPERS:
        inside = recipe.estimator if X is None else getattr(recipe, _WRAPPERS[type(recipe)])
        if inside is not None:
            yield from _others(inside, X)


def _has_ours(estimator: Any) -> bool:
    """Say whether an estimator is one of ours, XGBoost's classifier, or a Pipeline with one of them in it."""
    if type(estimator) is Pipeline:
        return any(_has_ours(step) for _, step in estimator.steps)
    return type(estimator) in _KEPT or type(estimator) in _WRAPPERS or _is_booster(estimator)


def _is_booster(estimator: Any) -> bool:
    kind = type(estimator)
    return kind.__name__ == "XGBClassifier" and kind.__module__ == "xgboost.sklearn"


class _Packing:
    """Gathers arrays and parts while it goes down a recipe."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self.parts: list[Any] = []
        self.booster: bytes | None = None

    def node(self, estimator: Any, place: str) -> dict[str, Any]:
        if not _has_ours(estimator):
            self.parts.append(estimator)
            return {"class": "part"}
        if isinstance(estimator, Pipeline):
            return {"class": "Pipeline", "steps": [self.step(name, step, place) for name, step in estimator.steps]}
        if _is_booster(estimator):
            if self.booster is not None:
                raise ArtefactError("a recipe can have one XGBClassifier, as its last step.")
            self.booster = booster_bytes(estimator)
            return {"class": "XGBClassifier", "parameters": booster_parameters(estimator)}
        kind = type(estimator)
        node = {"class": kind.__name__, "inputs": int(estimator.n_features_in_)}
        if kind in _WRAPPERS:
            return {**node, **self.wrapper(estimator, place)}
        kept = _KEPT[kind]
        for name, array in kept.arrays(estimator).items():
            self.arrays[f"{place}{name}"] = np.array(array, order="C")
        node["parameters"] = parameters_of(estimator, beside=kept.parameters_as_arrays)
        if kept.outputs is None:
            node |= {"classes": class_codes(estimator.classes_), **private_facts(estimator)}
        return node

    def step(self, name: str, step: Any, place: str) -> list[Any]:
        return [name, None if step is None or step == "passthrough" else self.node(step, f"{place}{name}/")]

    def wrapper(self, estimator: Any, place: str) -> dict[str, Any]:
        # Only noise on answers needs the secret, and whoever holds the model has its exact answers anyway.
        secret = {"secret": estimator._secret} if getattr(estimator, "release", None) == "output_noise" else {}
        return {
            "classes": class_codes(estimator.classes_),
            "parameters": parameters_of(estimator),
            "inside": self.node(getattr(estimator, _WRAPPERS[type(estimator)]), f"{place}inside/"),
            **secret,
        }


def class_codes(classes: Any) -> list[int]:
    """Return the classes of a fitted estimator, which must be whole numbers as all recipes are trained on."""
    found = np.asarray(classes)
    if found.dtype.kind not in "iu":
        raise ArtefactError("the recipe was fitted on names of classes. Fit it on the cohort's class codes.")
    return [int(code) for code in found]


class _Unpacking:
    """Goes down a tree and takes the arrays and parts that it asks for, each once."""

    def __init__(self, packed: Packed) -> None:
        self.arrays = dict(packed.arrays)
        self.parts = list(packed.parts)
        self.booster = packed.booster

    def check_all_used(self) -> None:
        if self.arrays:
            raise ArtefactError(f"{len(self.arrays)} arrays belong nowhere (first: {min(self.arrays)!r}).")
        if self.parts or self.booster is not None:
            raise ArtefactError("it has parts that belong nowhere.")

    def node(self, node: dict[str, Any], place: str) -> Any:
        name = node["class"]
        if name == "part":
            if not self.parts:
                raise ArtefactError("a part of another library is missing.")
            return self.parts.pop(0)
        if name == "Pipeline":
            return self.pipeline(node["steps"], place)
        if name == "XGBClassifier":
            if self.booster is None:
                raise ArtefactError("the trees of its XGBClassifier are missing.")
            data, self.booster = self.booster, None
            return restore_booster(data, node["parameters"])
        if name not in _BY_NAME:
            raise ArtefactError(f"class {name!r} is none of this package's.")
        kind = _BY_NAME[name]
        if kind in _WRAPPERS:
            return self.wrapper(kind, node, place)
        return self.kept(_KEPT[kind], node, place)

    def pipeline(self, steps: Sequence[Any], place: str) -> Pipeline:
        names = [name for name, _ in steps]
        if not names or len(set(names)) < len(names):
            raise ArtefactError("its steps need names, each its own.")
        made: list[tuple[str, Any]] = []
        columns: int | None = None
        for name, node in steps:
            step = "passthrough" if node is None else self.node(node, f"{place}{name}/")
            if node is not None:
                expected = getattr(step, "n_features_in_", None)
                if columns is not None and expected not in (None, columns):
                    raise ArtefactError(f"step {name!r} takes {expected} columns and is given {columns}.")
                columns = _columns_after(step)
            made.append((name, step))
        return Pipeline(made)

    def kept(self, kept: Kept, node: dict[str, Any], place: str) -> Any:
        given = {name: parameter(value) for name, value in node["parameters"].items()}
        beside = {name: self.arrays.get(f"{place}{name}") for name in kept.parameters_as_arrays}
        estimator = kept.kind(**given, **beside)
        estimator._validate_params()
        estimator.n_features_in_ = _count(node["inputs"])
        classes = _codes(node["classes"]) if kept.outputs is None else np.empty(0, dtype=np.int64)
        if kept.outputs is None:
            estimator.classes_ = classes
        forms = kept.forms(estimator, estimator.n_features_in_, len(classes))
        own = {name: self.arrays.pop(f"{place}{name}") for name in forms if f"{place}{name}" in self.arrays}
        check_forms(own, forms, place.rstrip("/") or kept.kind.__name__)
        kept.restore(estimator, own)
        if kept.kind in _NETWORKS:
            restore_private_facts(estimator, node.get("private"))
        return estimator

    def wrapper(self, kind: type, node: dict[str, Any], place: str) -> Any:
        estimator = kind(**{name: parameter(value) for name, value in node["parameters"].items()})
        inside = self.node(node["inside"], f"{place}inside/")
        setattr(estimator, _WRAPPERS[kind], inside)
        estimator.estimator = clone(inside)
        estimator.n_features_in_ = _count(node["inputs"])
        estimator.classes_ = _codes(node["classes"])
        if "secret" in node:
            estimator._secret = _count(node["secret"], least=0)
        return estimator


_OUTPUTS: dict[type, Callable[[Any], int]] = {kept.kind: kept.outputs for kept in STEPS if kept.outputs is not None}


def _columns_after(step: Any) -> int | None:
    outputs = _OUTPUTS.get(type(step))
    return None if outputs is None else outputs(step)


def _codes(written: Sequence[Any]) -> NDArray[np.int64]:
    codes = np.array([_count(code, least=0) for code in written], dtype=np.int64)
    if len(codes) < 2 or (np.diff(codes) <= 0).any():
        raise ArtefactError("its classes are not at least two ascending codes.")
    return codes


def _count(value: Any, *, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArtefactError(f"{value!r} is not a whole number of at least {least}.")
    return value
