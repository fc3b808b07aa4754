"""A comparison in the terminal: the answer, one compact table per recipe, and where the files are."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from genoaudit.report.reconstruct_html import number, share
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.reconstruct_save import FILES
from genoaudit.report.reconstruct_table import has_several_seeds, shown_rows
from genoaudit.report.reconstruct_wording import budget_text, reconstruct_answer
from genoaudit.report.sweep_wording import label_text
from genoaudit.report.terminal import plain_table, print_warnings, stdout_console


def print_reconstruct(report: ReconstructReport, written: Path) -> None:
    """Print what is lost at which budget in short, recipe by recipe, and the files in `written`."""
    console = stdout_console()
    told = reconstruct_answer(report)
    console.print(told.heading, style="bold")
    for sentence in told.sentences:
        console.print(sentence)
    rows = shown_rows(report)
    for recipe in dict.fromkeys(row.recipe for row in rows):
        console.print()
        console.print(label_text(recipe), style="bold")
        table = plain_table("budget", "accuracy", "AUC", "worst five", "profile", "control", "named", "at most")
        for row in (row for row in rows if row.recipe == recipe):
            mark = "!" if row.vacuous and row.budget is not None else ""
            cells = (
                f"{budget_text(row)} {mark}".rstrip(),
                share(row, "accuracy"),
                number(row, "auc"),
                number(row, "worst5_auc"),
                number(row, "analytic"),
                number(row, "control"),
                share(row, "identified"),
                share(row, "bound"),
            )
            table.add_row(*map(Text, cells))
        console.print(table)
    console.print()
    if has_several_seeds(report):
        console.print("Means over seeds; their ranges are on the page.")
    console.print("Profile, control: correlation of profiles read off updates, and of class means.")
    if any(row.vacuous and row.budget is not None for row in rows):
        console.print("! promises nothing: above 1,000, what a budget buys is measured, not guaranteed")
    if report.not_run:
        console.print(f"Not run: {', '.join(label_text(idle.name) for idle in report.not_run)}; the page says why.")
    print_warnings(console, [label_text(warning, most=500) for warning in report.warnings])
    console.print("Written (confidential):")
    for name in FILES:
        console.print(f"  {written / name}")
