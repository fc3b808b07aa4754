"""What in a run follows from the rest of it, made again and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.errors import DataError

if TYPE_CHECKING:
    from genoaudit.report.saved import Run


def check_page(folder: Path, run: Run) -> None:
    """Compare the page with what the report gives: as it is written by default, or as ``--show-ids`` has it.

    Raises
    ------
    DataError
        If it is neither.
    """
    page = (folder / "report.html").read_bytes()
    if not any(run.to_html(show_ids=show_ids).encode() == page for show_ids in (False, True)):
        raise DataError("report.html", ["is not the page that report.json gives here; audit again."])
