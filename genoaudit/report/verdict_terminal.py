"""A verdict in the terminal: the decision, what decided, and what became of every criterion."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genoaudit.report.release_sections import Verdict
from genoaudit.report.verdict_wording import WORDS, found_text, limits_text, threshold_text, verdict_heading

REASONS_SHOWN = 8
_STYLES = {"release": "bold green", "hold": "bold red", "undecidable": "bold yellow"}


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Print the decision, the reasons for it, and a table of all criteria."""
    print_decision(console, verdict)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "criterion", "of", "found", "95 % limits", "policy"):
        table.add_column(Text(column), no_wrap=column != "of", min_width=11 if column == "of" else None)
    for criterion in verdict.criteria:
        numbers = (found_text(criterion), limits_text(criterion), threshold_text(criterion))
        table.add_row(*map(Text, (WORDS[criterion.outcome], criterion.key, criterion.subject, *numbers)))
    console.print()
    console.print(table)


def print_decision(console: Console, verdict: Verdict) -> None:
    """Print the decision and the first of the reasons."""
    console.print(verdict_heading(verdict), style=_STYLES[verdict.decision])
    for reason in verdict.reasons[:REASONS_SHOWN]:
        console.print(f"  {reason}")
    if len(verdict.reasons) > REASONS_SHOWN:
        console.print(f"  and {len(verdict.reasons) - REASONS_SHOWN} more")
