"""The catalogue of mitigations in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from genoaudit.contracts import Mitigation
from genoaudit.report.terminal import print_record, short_reference


def print_mitigations(records: Sequence[Mitigation]) -> None:
    """Print the catalogue of mitigations: what each protects against, what it costs, and what it does not stop."""
    console = Console(markup=False, highlight=False)
    for record in records:
        facts = (
            ("against", record.protects),
            ("cost", record.costs),
            ("does not stop", record.failures),
            ("setting", record.setting),
            ("tried", _tried(record)),
            ("from", short_reference(record.reference)),
        )
        print_record(console, record.name, record.title, facts)
    console.print(
        f"{len(records)} mitigations. Set them under [sweep.mitigations] in the configuration of a sweep, for instance "
        "l2 = [0.01, 0.1]."
    )


def _tried(record: Mitigation) -> str:
    if not record.defaults:
        return "only where a setting is given"
    return ", ".join(f"{value:g}" if isinstance(value, float | int) else value for value in record.defaults)
