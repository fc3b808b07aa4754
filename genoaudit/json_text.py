"""JSON that means one thing only when it is read, and has one form when it is written."""

from __future__ import annotations

import json
from typing import Any


def strict_json(text: bytes) -> Any:
    """Parse JSON that means one thing only.

    Raises
    ------
    ValueError
        For what is not JSON in UTF-8, a key given twice, NaN and infinities, half of a surrogate pair, and nesting
        without end.
    """
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant)
        json.dumps(content, ensure_ascii=False).encode("utf-8")  # escapes can spell what is no text
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None
    return content


def compact_json(content: Any) -> bytes:
    """Return JSON of which there is one form: keys sorted, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        msg = "a key is given twice"
        raise ValueError(msg)
    return content


def _no_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
