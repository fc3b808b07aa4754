"""A sweep in the terminal: one compact table per recipe, what the marks mean, and where the files are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.sweep_result import NONE, SweepReport
from genoaudit.report.sweep_save import FILES
from genoaudit.report.sweep_table import Row, has_several_seeds, shown_rows
from genoaudit.report.sweep_wording import comparison_sentence, label_text, short_name, sweep_answer
from genoaudit.report.terminal import duration, interval_text, plain_table, print_warnings, stdout_console


def print_sweep(report: SweepReport, written: Path) -> None:
    """Print what protections cost and buy in short, recipe by recipe, and the files in `written`."""
    console = stdout_console()
    console.print(sweep_answer(report).heading, style="bold")
    rows = shown_rows(report)
    for recipe in dict.fromkeys(row.recipe for row in rows):
        _print_recipe(console, [row for row in rows if row.recipe == recipe])
    _print_footnotes(console, rows, several=has_several_seeds(report))
    if report.comparisons:
        console.print(comparison_sentence(report.comparisons))
    if report.not_run:
        console.print(f"Not run: {', '.join(label_text(idle.name) for idle in report.not_run)}; the page says why.")
    print_warnings(console, [label_text(warning, most=500) for warning in report.warnings])
    console.print("Written (confidential):")
    for name in FILES:
        console.print(f"  {written / name}")


def print_sweep_plan(rows: Sequence[Mapping[str, Any]], *, matching: int = 0) -> None:
    """Print what a sweep would train.

    Parameters
    ----------
    rows
        For every cell ``cell`` (its name), ``models`` to train from scratch, ``engine``, and ``seconds``, None
        where the time cannot be estimated.
    matching
        Most further cells that may be added to match defences.
    """
    console = stdout_console()
    table = plain_table("cell", "models", "engine", "time")
    for row in rows:
        seconds = row["seconds"]
        time = "unknown" if seconds is None else duration(seconds) if row["models"] else "none"
        table.add_row(*map(Text, (label_text(str(row["cell"])), f"{row['models']:,}", str(row["engine"]), time)))
    console.print(table)
    known = [row["seconds"] for row in rows if row["seconds"] is not None]
    models = sum(row["models"] for row in rows)
    console.print(f"{len(rows):,} {'cell' if len(rows) == 1 else 'cells'}, {models:,} models to train.")
    if matching:
        console.print(f"Up to {matching:,} further DP cells may be added to match the accuracy of defences.")
    if known:
        unknown = len(rows) - len(known)
        more = f" and what {unknown} of the cells take, which is unknown" if unknown else ""
        console.print(f"About {duration(sum(known))} of training{more}; the estimate is good to a factor of three.")
    elif rows:
        console.print("The time cannot be estimated; try a few models first.")


def _print_recipe(console: Console, rows: Sequence[Row]) -> None:
    console.print()
    console.print(label_text(rows[0].recipe), style="bold")
    planted = any(row.numbers["canary_auc"].value is not None for row in rows)
    table = plain_table(
        "protection", "accuracy", "lost", "AUC", "TPR", "AUC, worst five", *(["canaries"] if planted else [])
    )
    for row in rows:
        marks = "".join(mark for mark, holds in _marks(row).items() if holds)
        cells = (
            f"{label_text(short_name(row), most=22)} {marks}".rstrip(),
            _share(row.numbers["accuracy"]),
            "" if row.mitigation == NONE or row.loss.value is None else f"{100 * row.loss.value:.1f}",
            _two(row.numbers["auc"]),
            _share(row.numbers["tpr_at_10"]),
            interval_text(row.numbers["worst5_auc"]),
            *([_two(row.numbers["canary_auc"])] if planted else []),
        )
        table.add_row(*map(Text, cells))
    console.print(table)


def _marks(row: Row) -> dict[str, bool]:
    unresolved = row.numbers["tpr_at_10"].value is not None and not row.resolvable
    partial = row.accountant is not None and not row.end_to_end
    return {"*": row.on_frontier, "!": row.vacuous, "~": partial, "?": unresolved}


def _print_footnotes(console: Console, rows: Sequence[Row], *, several: bool) -> None:
    console.print()
    spans = "the range over seeds" if several else "95 % intervals"
    if any(row.numbers["worst5_auc"].value is not None for row in rows):
        console.print(f"In brackets: {spans}; those of the other numbers are on the page.")
    else:
        console.print(
            "The most exposed patients are chosen and measured with 32 models or more; the page has intervals."
        )
    console.print("Lost: percentage points of accuracy. TPR: at 10 % FPR. Guessing: AUC 0.50, TPR 10 %.")
    meanings = {
        "*": "on the frontier: nothing else tried for the recipe is both more useful and safer",
        "!": "promises nothing: above 1,000, what a budget buys is measured, not guaranteed",
        "~": "the promise of DP does not cover the whole pipeline; the page says why",
        "?": "fewer than 10 false positives behind the TPR: not resolvable",
    }
    for mark, meaning in meanings.items():
        if any(_marks(row)[mark] for row in rows):
            console.print(f"{mark} {meaning}")


def _share(found: Estimate) -> str:
    return "-" if found.value is None else f"{found.value:.1%}"


def _two(found: Estimate) -> str:
    return "-" if found.value is None else f"{found.value:.2f}"
