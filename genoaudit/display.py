"""How objects show themselves in a notebook: a heading, a few sentences, a small table; every text is escaped.

The styles stand in the elements, since a notebook's own style sheet is not ours, and take the notebook's colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

TONES = {
    "exposed": "#c05717",
    "hold": "#c2304f",
    "undecidable": "#a87410",
    "release": "#2a8a55",
    "plain": "#3f7fae",
}
"""Colours of the edge; legible on light and dark ground."""

_FEW = 12
_CELL = "padding:.2em .8em;text-align:{};border-bottom:1px solid rgba(128,128,128,.35);vertical-align:top"


@dataclass(frozen=True)
class Picture:
    """A figure that shows itself in a notebook.

    Parameters
    ----------
    svg
        An ``<svg>`` element, as the pages of reports have it.
    """

    svg: str

    def _repr_html_(self) -> str:
        return f'<div style="max-width:46em">{self.svg}</div>'


def card(
    heading: str,
    sentences: Sequence[str] = (),
    *,
    head: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    words: int = 1,
    tone: str = "plain",
) -> str:
    """Return an HTML element.

    Parameters
    ----------
    heading, sentences
        Plain text.
    head, rows
        Column titles, and cells. Of many rows the first are shown and the others counted.
    words
        How many columns from the left hold words; the others hold numbers.
    tone
        A key of `TONES`.

    Examples
    --------
    >>> "&lt;b&gt;" in card("<b>")
    True
    """
    parts = [f'<div style="font-weight:600;font-size:1.1em">{escape(heading)}</div>']
    parts += [f'<div style="max-width:46em;margin:.3em 0">{escape(sentence)}</div>' for sentence in sentences]
    if rows:
        parts.append(_table(head, rows, words))
    edge = TONES.get(tone, TONES["plain"])
    return f'<div style="border-left:4px solid {edge};padding:.3em 0 .3em 1em;margin:.3em 0">{"".join(parts)}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    styles = [_CELL.format("left" if place < words else "right") for place in range(len(head))]
    titles = [
        f'<th scope="col" style="{style}">{escape(title)}</th>' for style, title in zip(styles, head, strict=True)
    ]
    lines = [
        "".join(f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, row, strict=True))
        for row in rows[:_FEW]
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    table = f"<thead><tr>{''.join(titles)}</tr></thead><tbody>{body}</tbody>"
    more = f'<div style="opacity:.75">and {len(rows) - _FEW:,} more</div>' if len(rows) > _FEW else ""
    return f'<table style="border-collapse:collapse;margin:.5em 0">{table}</table>{more}'
