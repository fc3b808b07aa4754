"""What a person sees in the terminal: what was found, in short, and where the files are; bars while waiting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from genoaudit.contracts import Attack, Combination
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.phrases import printable
from genoaudit.report import promise_wording, wording
from genoaudit.report.answer import answer
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.release_terminal import print_release
from genoaudit.report.result import AttackResult, AuditReport, CohortSummary
from genoaudit.report.sections import EpsilonBound
from genoaudit.report.verdict_terminal import print_decision

if TYPE_CHECKING:
    from collections.abc import Callable

ATTACKS_SHOWN = 8


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
    """Print what was found in short: the answer, the strongest attacks, single patients, bounds, checks, the files."""
    console = stdout_console()
    if report.verdict is not None:
        print_decision(console, report.verdict)
    console.print(answer(report).heading, style="bold")
    print_release(console, report)
    _print_guarantee(console, report)
    _print_attack_table(console, report)
    _print_patients_and_bounds(console, report)
    outside, inside = report.utility.non_members, report.utility.members
    console.print(
        f"Accuracy {_plain(outside.accuracy)} on patients a model has not seen, {_plain(inside.accuracy)} on its own; "
        f"AUROC {_plain(outside.auroc)} and {_plain(inside.auroc)}."
    )
    if report.not_tested:
        gaps = len(report.not_tested)
        counted = "1 thing was" if gaps == 1 else f"{gaps} things were"
        console.print(f"{counted} not tested, first: {report.not_tested[0].what}.")
    if report.not_run:
        console.print(f"Not run: {', '.join(idle.name for idle in report.not_run)}; the report says why.")
    if report.stopped is not None:
        console.print(report.stopped)
    if report.self_test is not None:
        console.print(f"Self-test {'passed' if report.self_test.passed else 'FAILED'}.")
    for check in sorted(report.checks, key=lambda check: check.status):  # issues before tips
        if check.status in {"issue", "tip"}:
            console.print(
                f"{check.code} {check.status}: {check.summary}", style="red" if check.status == "issue" else None
            )
    print_warnings(console, report.warnings)
    shareable = [path for path in written if path.parent.name == "shareable"]
    for said, paths in (
        ("Written (confidential):", [path for path in written if path not in shareable]),
        ("Written (may be shared; read it first, as names of classes and groups are the cohort's):", shareable),
    ):
        if paths:
            console.print(said)
        for path in paths:
            console.print(f"  {path}")


def _print_attack_table(console: Console, report: AuditReport) -> None:
    strongest = sorted(
        report.attacks, key=lambda attack: (attack.name != report.headline, -wording.auc_or_lowest(attack))
    )
    budgets = [rate.fpr for rate in strongest[0].tpr_at_fpr if rate.tpr is not None] if strongest else []
    table = plain_table("attack", "AUC", *(f"TPR at {100 * fpr:.3g}% FPR" for fpr in budgets))
    for attack in strongest[:ATTACKS_SHOWN]:
        cells = (attack.name, interval_text(attack.auc), *(_rate(_at(attack, fpr)) for fpr in budgets))
        table.add_row(*map(Text, cells))
    console.print(f"Membership leakage per patient, {wording.over_targets(report)} [95 % interval]; headline first")
    console.print(table)
    if len(strongest) > ATTACKS_SHOWN:
        console.print(f"Further attacks of a lower AUC, in the report only: {len(strongest) - ATTACKS_SHOWN}.")
    shown = [rate for attack in strongest[:ATTACKS_SHOWN] for rate in attack.tpr_at_fpr if rate.fpr in budgets]
    if any(not rate.resolvable for rate in shown):
        console.print(f"* fewer than 10 false positives behind it: not resolvable with {shown[0].n_out} non-members")


def _print_patients_and_bounds(console: Console, report: AuditReport) -> None:
    if report.union is not None:
        console.print(wording.plain(wording.union_sentence(report.union)))
    said: list[str] = []
    if report.exposure is not None:
        said += [wording.worst_sentence(worst) for worst in report.exposure.worst[:1]]
        if report.exposure.flagging is not None:
            said.append(wording.flagging_sentence(report.exposure.flagging))
    planted = () if report.canaries is None else report.canaries.bounds
    said += [_bound(bound) for bound in (*report.bounds, *planted)]
    if said and report.audit == "release":
        console.print("About the recipe, not this model, from the reference models:")
    for sentence in said:
        console.print(wording.plain(sentence))


def _print_guarantee(console: Console, report: AuditReport) -> None:
    if report.promise is None:
        return
    console.print(wording.plain(promise_wording.guarantee_sentence(report.promise)))
    single = report.audit == "release"
    if report.theory is not None and (report.theory.alarm or single):
        told = promise_wording.alarm_sentence(report.theory, end_to_end=report.promise.end_to_end, single=single)
        console.print(wording.plain(told), style="bold red" if report.theory.alarm else None)


def _bound(bound: EpsilonBound) -> str:
    holds = "" if bound.kind not in {"gdp_fit", "one_run_fdp"} else f", {promise_wording.BOUND_HOLDS_FOR[bound.kind]}"
    claim = " (nothing refuted; not a proof of privacy)" if bound.epsilon == 0 else ""
    return (
        f"epsilon at least {wording.epsilon_text(bound.epsilon)} ({bound.neighbouring}, delta {bound.delta:.2g}, "
        f"{1 - bound.significance:.0%} level{holds}){claim}: {bound.on}."
    )


def print_attacks(records: Sequence[Attack | Combination]) -> None:
    """Print the catalogue of attacks: what each sees and needs, what it costs, and what it is blind to."""
    console = Console(markup=False, highlight=False)  # wrapped at the width of the terminal, unlike results
    for record in records:
        needs = f"{_sees(record)}; at least {_models(record.min_models)}"
        rows = (("sees", needs), ("cost", record.cost), ("from", short_reference(record.reference)))
        print_record(console, record.name, record.title, (*rows, ("caveat", record.caveat)))
    console.print(f"{len(records)} attacks. Name them under [audit] attacks in the configuration, or 'all'.")


def print_record(console: Console, name: str, title: str, facts: Sequence[tuple[str, str]]) -> None:
    """Print one entry of a catalogue: its name and title, and facts under labels."""
    console.print(Text.assemble((name, "bold"), f"  {title}"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    for label, text in facts:
        table.add_row(label, Text(text))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print()


def short_reference(reference: str) -> str:
    """Shorten a reference to first author, year and identifier.

    Examples
    --------
    >>> short_reference("Song, Mittal. Systematic evaluation. USENIX Security 2021. doi:10.48550/arXiv.2003.10595")
    'Song and Mittal 2021, doi:10.48550/arXiv.2003.10595'
    >>> short_reference("Wolpert. Stacked generalization. Neural Networks 5:241-259, 1992.")
    'Wolpert 1992'
    >>> short_reference("Zhu, Liu, Han. Leakage. NeurIPS 2019. arXiv:1906.08935. Geiping. Inverting. arXiv:2003.14053")
    'Zhu et al. 2019, arXiv:1906.08935'
    """
    authors = reference.split(". ", 1)[0].split(", ")
    who = authors[0] if len(authors) == 1 else " and ".join(authors) if len(authors) == 2 else f"{authors[0]} et al."
    identifier = re.search(r"\b(?:doi|arXiv):\S*[^\s.]", reference)
    before = reference if identifier is None else reference[: identifier.start()]
    years = re.findall(r"\b(?:19|20)\d\d(?=[.,;]|$)", before)  # the last: pages come before it
    named = f"{who} {years[-1]}" if years else who
    return named if identifier is None else f"{named}, {identifier.group()}"


def _sees(record: Attack | Combination) -> str:
    if not isinstance(record, Attack):
        return "the scores of the other attacks"
    return f"{record.access}, of noisy copies too" if record.min_queries else record.access


def _models(number: int) -> str:
    return "1 model" if number == 1 else f"{number} models"


def _at(attack: AttackResult, fpr: float) -> RateAtFpr | None:
    return next((rate for rate in attack.tpr_at_fpr if rate.fpr == fpr), None)


def print_cohort(cohort: CohortSummary, warnings: Sequence[str], target: GivenModel | None = None) -> None:
    """Print what a cohort holds, and what the given model is if there is one."""
    console = stdout_console()
    console.print(
        f"{cohort.source}: {cohort.samples} samples of {cohort.patients} patients, {cohort.genes} genes, "
        f"scale {cohort.scale}. Ready to audit."
    )
    table = plain_table(cohort.label, "patients", "samples")
    for size in cohort.classes:
        table.add_row(*map(Text, (size.name, str(size.patients), str(size.samples))))
    console.print(table)
    if target is not None:
        console.print(wording.given_sentence(target))
    print_warnings(console, warnings)


def print_plan(plan: dict[str, Any]) -> None:
    """Print how an audit would be run and what it would cost."""
    console = stdout_console()
    if not plan["models"]:
        console.print(f"No models are trained: {plan['reason']}.")
        return
    ceiling = "At most " if plan.get("at_most") else ""
    console.print(f"{ceiling}{plan['models']} models with the {plan['engine']} engine: {plan['reason']}.")
    processes = "1 process" if plan["workers"] == 1 else f"{plan['workers']} processes"
    console.print(
        f"{processes} on {plan['device']}, {plan['chunk']} models at a time, about {plan['megabytes']:,.0f} MB."
    )
    if plan["seconds"] is None:
        console.print("The time cannot be estimated for this recipe; try a few models first.")
    else:
        console.print(f"About {duration(plan['seconds'])} of training; the estimate is good to a factor of three.")
    if plan.get("canary_models"):
        console.print(f"Not counted: {plan['canary_models']} further models with canaries.")


def duration(seconds: float) -> str:
    """Say how long something takes, roughly."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


class _DataConsole(Console):
    """Names of classes, policies and files are data: none may steer the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else "\n".join(map(printable, text.split("\n"))), style, control)


def stdout_console() -> Console:
    """Return a console on standard output, which takes no markup and highlights nothing."""
    return _DataConsole(soft_wrap=True, markup=False, highlight=False)


def plain_table(*columns: str) -> Table:
    """Return a table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))  # five columns fit 80 characters
    for column in columns:
        table.add_column(Text(column), no_wrap=True)
    return table


def print_warnings(console: Console, warnings: Sequence[str]) -> None:
    """Print warnings, if there are any."""
    for warning in warnings:
        console.print(f"Note: {warning}", style="yellow")


def _plain(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def interval_text(estimate: Estimate) -> str:
    """Write an estimate with its interval."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _rate(rate: RateAtFpr | None) -> str:
    if rate is None or rate.tpr is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.tpr:.1%} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]{'' if rate.resolvable else '*'}"
