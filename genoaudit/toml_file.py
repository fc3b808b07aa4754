"""TOML files to checked tables, with every mistake told by its key and the nearest valid one beside it."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_whole
from genoaudit.phrases import shortened

ModelT = TypeVar("ModelT", bound=BaseModel)

_MOST_BYTES = 1 << 20
_MOST_LEVELS = 32
_MOST_PARTS = 100
_MANY_PARTS = re.compile(rf"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""")
"""A key of so many parts takes its parser longer than people wait."""

_BEYOND = "holds a whole number beyond 64 bits"
_PROBLEMS_SHOWN = 10
_LONGEST_KEY = 80
_LONGEST_MESSAGE = 400


class Section(BaseModel):
    """A frozen table of a configuration; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of a size and depth that people write.

    Raises
    ------
    ConfigError
        If it cannot be read, is not TOML, or is of no such size and depth.
    """
    try:
        text = read_whole(path, most=_MOST_BYTES).decode("utf-8-sig")
        if _MANY_PARTS.search(text):
            msg = f"{path.name} has a key of more than {_MOST_PARTS} parts, which nothing here needs."
            raise ConfigError(msg)
        content = tomllib.loads(text)
    except DataError as error:
        msg = f"the configuration {path} {error.problems[0]}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not valid TOML: {shortened(str(error), 200)}."
        raise ConfigError(msg) from error
    except RecursionError:
        _refuse(path, f"nests more than {_MOST_LEVELS} lists or tables, which nothing here needs")
    except ValueError:  # Python's own limit of digits
        _refuse(path, _BEYOND)
    _check_values(content, path)
    return content


def _check_values(content: dict[str, Any], path: Path) -> None:
    """Refuse what TOML can spell and nothing here can take."""
    waiting: list[tuple[Any, int]] = [(content, 0)]
    while waiting:
        value, level = waiting.pop()
        if level > _MOST_LEVELS:
            _refuse(path, f"nests more than {_MOST_LEVELS} lists or tables, which nothing here needs")
        if isinstance(value, dict):
            waiting += [(item, level + 1) for item in (*value, *value.values())]
        elif isinstance(value, list):
            waiting += [(item, level + 1) for item in value]
        elif isinstance(value, str) and "\0" in value:
            _refuse(path, "holds a text with a zero byte, which no name of a file or column has")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            _refuse(path, _BEYOND)


def _refuse(path: Path, problem: str) -> NoReturn:
    raise ConfigError(f"{path.name} {problem}.") from None


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
    details = error.errors(include_url=False, include_context=False)
    problems = [_problem(one["type"], one["loc"], one["msg"], model) for one in details[:_PROBLEMS_SHOWN]]
    if len(details) == 1:
        return f"{name}: {problems[0]}"
    more = len(details) - len(problems)
    listed = [f"  {i}. {text}" for i, text in enumerate(problems, 1)] + ([f"  and {more:,} more"] if more else [])
    return "\n".join([f"{name}: {len(details):,} problems", *listed])


def _problem(kind: str, location: tuple[int | str, ...], message: str, model: type[BaseModel]) -> str:
    shown = ".".join(str(part) for part in location if not str(part).startswith("("))  # not the way of the members
    key = shortened(shown, _LONGEST_KEY)
    if kind == "extra_forbidden":
        valid = _keys_at(model, location[:-1])
        nearest = difflib.get_close_matches(str(location[-1])[:_LONGEST_KEY], valid, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"valid here: {', '.join(valid)}."
        return f"unknown key '{key}'; {hint}"
    if kind == "missing":
        return f"'{key}' is missing"
    plain = {"model_type": "must be a table of keys", "tuple_type": "must be a list", "path_type": "must be text"}
    return f"'{key}': {plain.get(kind) or shortened(message.removeprefix('Value error, '), _LONGEST_MESSAGE)}"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location:
        if str(part) not in model.model_fields:  # a name that the user chose, in a table of tables
            continue
        annotation = model.model_fields[str(part)].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        model = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return sorted(model.model_fields)
