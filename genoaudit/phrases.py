"""Pieces of sentences that messages share: a number with its noun, names in a row, the first few of many."""

from __future__ import annotations

import unicodedata
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


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters; of a longer one the beginning, and how long it is.

    Examples
    --------
    >>> shortened("abc", 3), shortened("abcdef", 3)
    ('abc', 'abc... (6 letters)')
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} letters)"


def printable(text: str) -> str:
    r"""Return a text of one line that cannot steer a terminal, as names in files of strangers may try to.

    Examples
    --------
    >>> printable("a\x1b[31mb\u202ec\nd")
    'a�[31mb�c�d'
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    plain = letter.isprintable() or unicodedata.category(letter) == "Zs"  # spaces of every width
    return letter if plain else "\N{REPLACEMENT CHARACTER}"
