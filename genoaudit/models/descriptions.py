"""Telling two recipes apart: the same description means the same model from the same data and seed."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import math
import site
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genoaudit.contracts import Recipe
from genoaudit.errors import ConfigError

_KNOWN_BY_VERSION = ("genoaudit", "sklearn", "xgboost", "numpy", "scipy", "builtins")
"""Packages whose code is told apart by their version numbers, which travel beside every description."""


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Describe a recipe in JSON values: class paths and all parameters, nested, keys sorted.

    Two recipes with the same description train the same model from the same data and seed, given the same versions of
    the packages. Classes and functions of other packages carry the SHA-256 of the file they are defined in, so that an
    edited model is a different one. Frozen dataclasses appear with all their fields, arrays as digests.

    Raises
    ------
    ConfigError
        A parameter without a canonical description, such as a lambda.

    Examples
    --------
    >>> from sklearn.linear_model import RidgeClassifier
    >>> description = describe_recipe(RidgeClassifier(alpha=2.0))
    >>> description["class"], description["parameters"]["alpha"]
    ('sklearn.linear_model._ridge:RidgeClassifier', 2.0)
    """
    return _describe_estimator(recipe, "recipe")


def describe_unseeded(recipe: Recipe) -> dict[str, Any]:
    """Describe a recipe as `describe_recipe` does, without the ``random_state`` of any part."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key != "random_state"}
        return [bare(item) for item in value] if isinstance(value, list) else value

    described: dict[str, Any] = bare(describe_recipe(recipe))
    return described


def _describe_estimator(estimator: Any, where: str) -> dict[str, Any]:
    parameters = estimator.get_params(deep=False)
    described = {key: _describe(parameters[key], f"{where}.{key}") for key in sorted(parameters)}
    return {**_describe_object(type(estimator), where, key="class"), "parameters": described}


def _describe(value: Any, where: str) -> Any:  # noqa: PLR0911  one return for each kind of value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}  # JSON has no nan
    if isinstance(value, list | tuple):
        return [_describe(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        pairs = [[_describe(k, where), _describe(v, f"{where}[{k!r}]")] for k, v in value.items()]
        return {"mapping": sorted(pairs, key=json.dumps)}
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": {"dtype": value.dtype.str, "sha256": digest, "shape": list(value.shape)}}
    if hasattr(value, "get_params") and not isinstance(value, type):
        return _describe_estimator(value, where)
    if _is_frozen_record(value):
        fields = {f.name: _describe(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(value)}
        return {**_describe_object(type(value), where, key="class"), "fields": fields}
    return _describe_object(value, where, key="object")


def _is_frozen_record(value: Any) -> bool:
    parameters = vars(type(value)).get("__dataclass_params__")
    return parameters is not None and bool(parameters.frozen)


def _describe_object(value: Any, where: str, *, key: str) -> dict[str, Any]:
    """Describe a class or function by where it can be imported from."""
    module: Any = sys.modules.get(getattr(value, "__module__", None) or "")
    name: str = getattr(value, "__qualname__", "")
    found = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None or found is not value:
        raise ConfigError(
            f"{where} is a {type(value).__name__} that cannot be described so that a later run knows it again. Use a "
            "number, a text, a list, an array, an estimator, or a function defined at the top of a module."
        )
    description = {key: f"{module.__name__}:{name}"}
    if module.__name__.partition(".")[0] in _KNOWN_BY_VERSION:
        return description
    if getattr(module, "__file__", None) is None:
        raise ConfigError(f"{where} uses {name!r}, which was defined interactively. Save it in a module and import it.")
    return {**description, "source_sha256": _source_digest(module.__name__)}


def _source_digest(module: str) -> str:
    """Digest of a module and of what it imports, as far as that is not installed: those have version numbers."""
    installed = [Path(path).resolve() for path in {*sysconfig.get_paths().values(), *site.getsitepackages()}]
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = getattr(sys.modules.get(name), "__file__", None)
        if name in sources or path is None or not path.endswith(".py"):
            continue
        own = name == module
        if not own and any(Path(path).resolve().is_relative_to(folder) for folder in installed):
            continue
        sources[name] = Path(path).read_bytes()
        waiting += _imported_names(sources[name], package=name.rpartition(".")[0])
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(name.encode() + b"\0" + sources[name] + b"\0")
    return digest.hexdigest()


def _imported_names(source: bytes, *, package: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            base = ".".join(part for part in (home if node.level else "", node.module or "") if part)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    # Importing a.b imports a as well.
    return [".".join(name.split(".")[: end + 1]) for name in names for end in range(name.count(".") + 1)]
