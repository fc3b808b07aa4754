"""What a person sees in the terminal: a headline, a table, where the files are; bars while waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.result import AuditReport, CohortSummary

if TYPE_CHECKING:
    from collections.abc import Callable


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show one progress bar per stage on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield tell


@contextmanager
def lines() -> Iterator[Callable[[str, int, int], None]]:
    """Write a line at every tenth of a stage on standard error, for logs."""
    console = Console(stderr=True, soft_wrap=True)
    told: dict[str, int] = {}

    def tell(stage: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if told.get(stage) != tenth:
            told[stage] = tenth
            console.print(f"{stage}: {done} of {total}", highlight=False)

    yield tell


def print_result(report: AuditReport, written: Sequence[Path]) -> None:
    """Print the headline table, warnings and the files."""
    console = _console()
    rates = report.attacks[0].tpr_at_fpr if report.attacks else ()
    shown = [i for i, rate in enumerate(rates) if rate.tpr is not None]
    table = _table("attack", "AUC", *(f"TPR at {rates[i].fpr:.0%} FPR" for i in shown))
    for attack in report.attacks:
        cells = (attack.name, _interval(attack.auc), *(_rate(attack.tpr_at_fpr[i]) for i in shown))
        table.add_row(*map(Text, cells))
    console.print(f"Membership leakage per patient, mean over {report.design.models} target models [95 % interval]")
    console.print(table)
    if any(not rates[i].resolvable for i in shown):
        console.print(f"* fewer than 10 false positives behind it: not resolvable with {rates[0].n_out} non-members")
    outside, inside = report.utility.non_members, report.utility.members
    console.print(
        f"Accuracy {_plain(outside.accuracy)} on patients a model has not seen, {_plain(inside.accuracy)} on its own; "
        f"AUROC {_plain(outside.auroc)} and {_plain(inside.auroc)}."
    )
    for idle in report.not_run:
        console.print(f"Not run: {idle.name} {idle.reason}.", style="yellow")
    _print_warnings(console, report.warnings)
    console.print("Written (confidential):")
    for path in written:
        console.print(f"  {path}")


def print_cohort(cohort: CohortSummary, warnings: Sequence[str]) -> None:
    """Print what a cohort holds."""
    console = _console()
    console.print(
        f"{cohort.source}: {cohort.samples} samples of {cohort.patients} patients, {cohort.genes} genes, "
        f"scale {cohort.scale}. Ready to audit."
    )
    table = _table(cohort.label, "patients", "samples")
    for size in cohort.classes:
        table.add_row(*map(Text, (size.name, str(size.patients), str(size.samples))))
    console.print(table)
    _print_warnings(console, warnings)


def print_plan(plan: dict[str, Any]) -> None:
    """Print how an audit would be run and what it would cost."""
    console = _console()
    console.print(f"{plan['models']} models with the {plan['engine']} engine: {plan['reason']}.")
    processes = "1 process" if plan["workers"] == 1 else f"{plan['workers']} processes"
    console.print(
        f"{processes} on {plan['device']}, {plan['chunk']} models at a time, about {plan['megabytes']:,.0f} MB."
    )
    if plan["seconds"] is None:
        console.print("The time cannot be estimated for this recipe; try a few models first.")
    else:
        console.print(f"About {_duration(plan['seconds'])} of training; the estimate is good to a factor of three.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _console() -> Console:
    # Names of classes and files are data: never markup, never highlighted.
    return Console(soft_wrap=True, markup=False, highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))  # five columns fit 80 characters
    for column in columns:
        table.add_column(Text(column), no_wrap=True)
    return table


def _print_warnings(console: Console, warnings: Sequence[str]) -> None:
    for warning in warnings:
        console.print(f"Note: {warning}", style="yellow")


def _plain(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _rate(rate: RateAtFpr) -> str:
    if rate.tpr is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.tpr:.1%} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]{'' if rate.resolvable else '*'}"
