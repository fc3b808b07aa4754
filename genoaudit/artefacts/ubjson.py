"""Universal Binary JSON as XGBoost writes it, read without trusting a length in it.

The format is that of ubjson.org, draft 12, with numbers in big-endian order. XGBoost's own reader believes what a file
says of itself; on a changed one it reads beyond its memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoaudit.errors import ArtefactError

_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_WHOLE = "iUIlL"
_CONSTANTS = {"T": True, "F": False, "Z": None}
_DEEPEST = 32


def read_ubjson(data: bytes) -> Any:
    r"""Return the value that the bytes hold.

    Raises
    ------
    ArtefactError
        If they are cut off, go on after the value, nest too deeply or are no UBJSON.

    Examples
    --------
    >>> read_ubjson(b"{U\x01a[$U#U\x02\x07\x08U\x01bSU\x02hi}")
    {'a': [7, 8], 'b': 'hi'}
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.place != len(data):
        raise ArtefactError(f"{len(data) - reader.place} bytes too many.")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.data) - self.place:
            raise ArtefactError("it is cut off, or a length in it is wrong.")
        self.place += size
        return self.data[self.place - size : self.place]

    def marker(self) -> str:
        return chr(self.take(1)[0])

    def next_is(self, mark: bytes) -> bool:
        found = self.data[self.place : self.place + 1] == mark
        self.place += found
        return found

    def number(self, mark: str) -> Any:
        form = np.dtype(_NUMBERS[mark])
        return np.frombuffer(self.take(form.itemsize), form)[0].item()

    def length(self) -> int:
        mark = self.marker()
        if mark not in _WHOLE:
            raise ArtefactError(f"a length is of type {mark!r}.")
        return int(self.number(mark))

    def text(self) -> str:
        try:
            return self.take(self.length()).decode()
        except UnicodeDecodeError as error:
            raise ArtefactError("a text is not UTF-8.") from error

    def value(self, mark: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ArtefactError(f"it nests more than {_DEEPEST} levels deep.")
        if mark in _NUMBERS:
            return self.number(mark)
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark == "S":
            return self.text()
        if mark == "[":
            return self.array(depth + 1)
        if mark == "{":
            return self.table(depth + 1)
        raise ArtefactError(f"a value is of unknown type {mark!r}.")

    def array(self, depth: int) -> list[Any]:
        kind = self.marker() if self.next_is(b"$") else None
        if not self.next_is(b"#"):
            if kind is not None:
                raise ArtefactError("an array has a type but no length.")
            items = []
            while not self.next_is(b"]"):
                items.append(self.value(self.marker(), depth))
            return items
        length = self.length()
        if kind is None:
            # Every value takes a byte at least, so that no length costs more than the file has.
            if not 0 <= length <= len(self.data) - self.place:
                raise ArtefactError("it is cut off, or a length in it is wrong.")
            return [self.value(self.marker(), depth) for _ in range(length)]
        if kind not in _NUMBERS:
            raise ArtefactError(f"an array is of type {kind!r}.")
        form = np.dtype(_NUMBERS[kind])
        values: list[Any] = np.frombuffer(self.take(length * form.itemsize), form).tolist()
        return values

    def table(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.next_is(b"}"):
            key = self.text()
            if key in found:
                raise ArtefactError(f"the key {key!r} occurs twice.")
            found[key] = self.value(self.marker(), depth)
        return found
