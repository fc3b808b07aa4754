"""A comparison of runs in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from genoaudit.report.comparison import Comparison
from genoaudit.report.comparison_wording import READING, compared_text, comparison_heading, guarantee_text
from genoaudit.report.sweep_wording import label_text
from genoaudit.report.terminal import plain_table, print_warnings, stdout_console
from genoaudit.report.wording import EPSILON, NBSP, budget, percent

_NAME = 20


def print_comparison(comparison: Comparison, written: Path | None) -> None:
    """Print runs side by side, and where the page is."""
    console = stdout_console()
    console.print(comparison_heading(comparison), style="bold")
    rate = () if comparison.fpr is None else (f"TPR at {budget(comparison.fpr)} FPR",)
    # Two tables, so that either fits 80 characters.
    leakage = plain_table("run", "accuracy", "AUC", *map(_plain, rate))
    decisions = plain_table("run", "AUC, most exposed", "guarantee", "verdict")
    for run in comparison.runs:
        name = label_text(run.name, most=_NAME)
        accuracy = "-" if run.accuracy.value is None else percent(run.accuracy.value)
        rates = (compared_text(run.tpr, as_percent=True),) if rate else ()
        leakage.add_row(*(Text(_plain(cell)) for cell in (name, accuracy, compared_text(run.auc), *rates)))
        cells = (name, compared_text(run.worst_patient), guarantee_text(run.guarantee), run.verdict or "-")
        decisions.add_row(*(Text(_plain(cell)) for cell in cells))
    attacks = {run.attack for run in comparison.runs if run.attack is not None}
    if comparison.same_attack and attacks:
        console.print(f"Leakage as {' and '.join(sorted(attacks))} finds it, the attack that all runs have in common:")
    console.print(leakage)
    console.print(decisions)
    for run in comparison.runs:
        if run.settings:
            console.print(f"{run.name}: {', '.join(run.settings)}")
    console.print(_plain(READING))
    print_warnings(console, comparison.warnings)
    if written is not None:
        console.print(f"Written (confidential):\n  {written}")


def _plain(text: str) -> str:
    return text.replace(NBSP, " ").replace(EPSILON, "epsilon").replace("\N{EM DASH}", "-").replace("\N{EN DASH}", "-")
