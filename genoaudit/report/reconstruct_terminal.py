"""A comparison in the terminal: the answer, one compact table per recipe, and where the files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from genoaudit.report.reconstruct_html import number, share, span
from genoaudit.report.reconstruct_result import ReconstructReport, Threat
from genoaudit.report.reconstruct_save import FILES
from genoaudit.report.reconstruct_table import has_several_seeds, shown_rows
from genoaudit.report.reconstruct_wording import budget_text, exceeded_sentences, reconstruct_answer
from genoaudit.report.sweep_wording import label_text
from genoaudit.report.terminal import (
    plain_table,
    print_record,
    print_warnings,
    short_reference,
    stdout_console,
)

_FACTS = {"sees": "sees", "who": "threat_model", "cost": "cost", "caveat": "caveat"}
_MARKS = {"below": "", "by_chance": " ~", "exceeded": " ALARM"}


def print_reconstruct(report: ReconstructReport, written: Path) -> None:
    """Print what is read at which budget in short, recipe by recipe, and the files in `written`."""
    console = stdout_console()
    told = reconstruct_answer(report)
    alarms = exceeded_sentences(report)
    console.print(told.heading, style="bold red" if alarms else "bold")
    for sentence in told.sentences:
        console.print(sentence, style="red" if sentence in alarms else None)
    rows = shown_rows(report)
    for recipe in dict.fromkeys(row.recipe for row in rows):
        console.print()
        own = [row for row in rows if row.recipe == recipe]
        console.print(f"{label_text(recipe)}; class mean: {number(own[0], 'control')}", style="bold")
        table = plain_table("budget", "accuracy", "AUC", "worst five", "profile", "named [95 %]", "at most")
        for row in own:
            mark = "!" if row.vacuous and row.budget is not None else ""
            cells = (
                f"{budget_text(row)} {mark}".rstrip(),
                share(row, "accuracy"),
                number(row, "auc"),
                number(row, "worst5_auc"),
                number(row, "analytic"),
                f"{share(row, 'identified')} [{span(row, 'identified', as_share=True)}]{_MARKS[row.reading]}",
                share(row, "bound"),
            )
            table.add_row(*map(Text, cells))
        console.print(table)
    console.print()
    if has_several_seeds(report):
        console.print("Means over seeds; their ranges are on the page.")
    console.print("Profile, class mean: correlation of profiles read off one update, and of the guess without any.")
    if any(row.reading == "by_chance" for row in rows):
        console.print("~ above what is allowed on average, by no more than chance; the page has the interval")
    if any(row.vacuous and row.budget is not None for row in rows):
        console.print("! promises nothing: above 1,000, what a budget buys is measured, not guaranteed")
    if report.not_run:
        console.print(f"Not run: {', '.join(label_text(idle.name) for idle in report.not_run)}; the page says why.")
    print_warnings(console, [label_text(warning, most=500) for warning in report.warnings])
    console.print("Written (confidential):")
    for name in FILES:
        console.print(f"  {written / name}")


def print_threats(threats: Sequence[Threat]) -> None:
    """Print the catalogue of attacks on profiles: what each adversary sees, knows and does, and is blind to."""
    console = Console(markup=False, highlight=False)  # wrapped at the width of the terminal, unlike results
    for threat in threats:
        facts = [(label, getattr(threat, name)) for label, name in _FACTS.items()]
        print_record(console, threat.name, threat.title, [*facts, ("from", short_reference(threat.reference))])
    console.print(f"{len(threats)} attacks. genoaudit reconstruct makes all that a recipe allows.")
