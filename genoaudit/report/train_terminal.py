"""What a person sees of a training for release: on whom, with what guarantee, how well it does, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.report import promise_wording, summary, wording
from genoaudit.report.terminal import duration, print_warnings, stdout_console

if TYPE_CHECKING:
    from rich.console import Console

    from genoaudit.artefacts.manifest import LeftOut
    from genoaudit.models.claims import PrivacyClaim


def print_training_plan(
    *,
    members: int,
    left_out: int,
    members_by: str,
    steps: Sequence[str],
    claim: PrivacyClaim | None,
    seconds: float | None,
    notes: Sequence[str],
) -> None:
    """Print what would be trained."""
    console = stdout_console()
    console.print(f"{' > '.join(steps)}, trained on {members} patients ({members_by}); {left_out} are left out.")
    _print_claim(console, claim)
    if seconds is None:
        console.print("The time cannot be estimated for this recipe.")
    else:
        console.print(f"About {duration(seconds)} of training; the estimate is good to a factor of three.")
    print_warnings(console, notes)


def print_trained(
    *,
    members: int,
    members_by: str,
    claim: PrivacyClaim | None,
    left_out: LeftOut | None,
    folder: Path,
    notes: Sequence[str],
) -> None:
    """Print what was trained, and what of it may leave the house."""
    console = stdout_console()
    console.print(f"Trained on {members} patients ({members_by}).", style="bold")
    _print_claim(console, claim)
    if left_out is not None:
        auroc = "" if left_out.auroc is None else f"; AUROC {left_out.auroc:.3f}"
        console.print(
            f"Accuracy {left_out.accuracy:.3f} [{left_out.accuracy_low:.3f}, {left_out.accuracy_high:.3f}] on the "
            f"{left_out.patients} patients left out{auroc}."
        )
    print_warnings(console, notes)
    console.print("Written, read back and found to give the same answers:")
    console.print(f"  {folder / 'release'}  may leave the house, once an audit says so")
    console.print(f"  {folder / 'confidential'}  names the members and must not")


def _print_claim(console: Console, claim: PrivacyClaim | None) -> None:
    if claim is None:
        console.print("Without DP: nothing is guaranteed, and an audit has to tell what the model gives away.")
        return
    console.print(wording.plain(promise_wording.guarantee_sentence(summary.guarantee(claim))))
    for gap in claim.gaps:
        console.print(f"  Not covered: {gap}")
    if claim.seeded:
        console.print("Reproducible, not releasable.", style="bold red")
