"""TOML files to checked tables, with every mistake told by its key and the nearest valid one beside it."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_whole

ModelT = TypeVar("ModelT", bound=BaseModel)

_MOST_BYTES = 1 << 20


class Section(BaseModel):
    """A frozen table of a configuration; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not TOML.
    """
    try:
        text = read_whole(path, most=_MOST_BYTES).decode("utf-8-sig")
        return tomllib.loads(text)
    except DataError as error:
        msg = f"the configuration {path} {error.problems[0]}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not valid TOML: {error}."
        raise ConfigError(msg) from error


def checked(model: type[ModelT], content: dict[str, Any], *, name: str) -> ModelT:
    """Check a configuration given as nested dicts; `name` stands in front of errors.

    Raises
    ------
    ConfigError
        Naming every key at fault, and for an unknown key the nearest valid one.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_explain(error, name, model)) from None


def _explain(error: ValidationError, name: str, model: type[BaseModel]) -> str:
    problems = [_problem(detail["type"], detail["loc"], detail["msg"], model) for detail in error.errors()]
    if len(problems) == 1:
        return f"{name}: {problems[0]}"
    return "\n".join([f"{name}: {len(problems)} problems", *(f"  {i}. {text}" for i, text in enumerate(problems, 1))])


def _problem(kind: str, location: tuple[int | str, ...], message: str, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in location if not str(part).startswith("("))  # not the way of the members
    if kind == "extra_forbidden":
        valid = _keys_at(model, location[:-1])
        nearest = difflib.get_close_matches(str(location[-1]), valid, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"valid here: {', '.join(valid)}."
        return f"unknown key '{key}'; {hint}"
    if kind == "missing":
        return f"'{key}' is missing"
    plain = {"model_type": "must be a table of keys", "tuple_type": "must be a list", "path_type": "must be text"}
    return f"'{key}': {plain.get(kind, message.removeprefix('Value error, '))}"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location:
        if str(part) not in model.model_fields:  # a name that the user chose, in a table of tables
            continue
        annotation = model.model_fields[str(part)].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        model = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return sorted(model.model_fields)
