"""The hard cases of a release in the terminal: what limits everything else is printed first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genoaudit.report import release_wording
from genoaudit.report.wording import plain

if TYPE_CHECKING:
    from rich.console import Console

    from genoaudit.report.result import AuditReport


def print_release(console: Console, report: AuditReport) -> None:
    """Print what is special about the model audited: trained on everybody, one of several, a biased control group."""
    if report.full_size is not None:
        for sentence in release_wording.full_size_sentences(report, report.full_size):
            console.print(plain(sentence))
    control = release_wording.control_of(report)
    if control is not None:
        biased = control.status == "issue"
        said = release_wording.biased_sentence(control) if biased else release_wording.control_sentence(control)
        console.print(plain(said), style="red" if biased else None)
    if report.joint is not None:
        console.print(plain(release_wording.joint_sentence(report.joint)))
        if report.joint.guarantee is not None:
            console.print(plain(release_wording.joint_promise(report.joint)))
