"""The files of a model's folder, each read once, measured and digested before anything in it is believed."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from genoaudit.artefacts.kept import Arrays
from genoaudit.artefacts.manifest import Record, StoredFile
from genoaudit.errors import ArtefactError, ConfigError, DataError
from genoaudit.files import RELEASE, read_whole
from genoaudit.json_text import strict_json

CONFIDENTIAL = "confidential"
ARRAYS, BOOSTER, PARTS, RECIPE = "model.safetensors", "model.ubj", "model.skops", "recipe.json"
MANIFEST, CARD, MEMBERS = "manifest.json", "README.md", "members.csv"
HOLDS = {RELEASE: (ARRAYS, BOOSTER, PARTS, RECIPE, MANIFEST, CARD), CONFIDENTIAL: (MEMBERS, MANIFEST)}
"""What a model's folder may hold: parts, and the files of each."""

_HEADER = "patient_id"
_LARGEST_TEXT = 2**26

T = TypeVar("T")
RecordT = TypeVar("RecordT", bound=Record)


def about(path: Path, read: Callable[[], T]) -> T:
    """Return what `read` gives, and say which file an `ArtefactError` is about."""
    try:
        return read()
    except ArtefactError as error:
        raise ArtefactError(f"{_named(path)}: {error}") from error


def checked_bytes(path: Path, stored: StoredFile) -> bytes:
    """Return a file's bytes, which must be those that were written.

    Raises
    ------
    ArtefactError
        If it is missing, or has another size or digest.
    """
    _expect_file(path)
    size = path.stat().st_size
    if size != stored.bytes:
        raise ArtefactError(f"{_named(path)} has {size:,} bytes; {stored.bytes:,} were written. Is it cut off?")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != stored.sha256:
        raise ArtefactError(f"{_named(path)} is not what was written: its digest is another. Fetch the model again.")
    return data


def read_record(path: Path, kind: type[RecordT]) -> RecordT:
    """Read a manifest.

    Raises
    ------
    ArtefactError
        If it is missing, is none, or has another version.
    """
    _expect_file(path)
    if path.stat().st_size > _LARGEST_TEXT:
        raise ArtefactError(f"{_named(path)} is larger than any manifest.")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ArtefactError(
            f"{_named(path)} is no manifest of this version of genoaudit ({where}: {first['msg']})."
        ) from error
    except ConfigError as error:  # a mechanism refuses impossible values by itself
        raise ArtefactError(f"{_named(path)} is no manifest ({error}).") from error


def read_tree(data: bytes) -> Any:
    """Return what a JSON file holds, which must mean one thing only."""
    try:
        return strict_json(data)
    except ValueError as error:
        raise ArtefactError(f"it is not JSON that can be read: {error}.") from error


def read_arrays(data: bytes) -> Arrays:
    """Return the arrays of a safetensors file, each in memory of its own."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return {name: np.array(array, order="C") for name, array in load(data).items()}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"it is no safetensors file that can be read ({error}).") from error


def write_ids(path: Path, ids: Sequence[str]) -> None:
    """Write patient ids, one in a line below a header, as `genoaudit.data.membership.members_by_file` reads them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_HEADER], *([name] for name in ids)])
    path.write_text(text.getvalue(), encoding="utf-8")


def read_ids(path: Path) -> tuple[str, ...]:
    """Return the ids of `write_ids`, sorted.

    Raises
    ------
    ArtefactError
        If it is no such file.
    """
    _expect_file(path)
    try:
        header, *rows = csv.reader(io.StringIO(read_whole(path, most=_LARGEST_TEXT).decode()))
        names = tuple(sorted(name for (name,) in rows))
    except (DataError, ValueError, csv.Error) as error:
        raise ArtefactError(f"{_named(path)} is no list of patient ids.") from error
    if header != [_HEADER]:
        raise ArtefactError(f"{_named(path)} does not begin with {_HEADER!r}.")
    return names


def _expect_file(path: Path) -> None:
    if not path.is_file():
        raise ArtefactError(f"{_named(path)} is missing, or no file. Is the model's folder complete?")


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
