"""Pieces of sentences that messages share: a number with its noun, names in a row, the first few of many."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "class", "classes"), count(2500, "gene")
    ('1 class', '2,500 genes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def joined(names: Sequence[str]) -> str:
    """Return names in a row, as they are spoken.

    Examples
    --------
    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(names: Sequence[str], *, most: int = 5) -> str:
    """Return the first few names, quoted, and a sign that there are more.

    Examples
    --------
    >>> some(["a", "b"]), some(["a", "b", "c"], most=2)
    ("'a', 'b'", "'a', 'b', ...")
    """
    return ", ".join(map(repr, names[:most])) + (", ..." if len(names) > most else "")
