"""What in a run follows from the rest of it, made again and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from genoaudit.errors import DataError
from genoaudit.report.run_folder import read_design
from genoaudit.report.shareable import Summary, summarise_for_sharing
from genoaudit.report.shareable_html import render_summary

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import BoolArray
    from genoaudit.report.result import AuditReport
    from genoaudit.report.saved import Run

_UNFIT = (KeyError, ValueError, IndexError, TypeError, OSError, EOFError, BadZipFile)
"""What reading and counting end with on files that do not go together."""


def summary_of(report: AuditReport, patients: pd.DataFrame, design: BoolArray) -> Summary:
    """Make the summary that may be shared: the same for the same run, whenever it is made.

    Parameters
    ----------
    report
        As it reads back from JSON: a summary made of more digits would be another one.
    patients
        As `genoaudit.report.result.AuditResult.patients`.
    design
        Who was a member of which model [models, patients in the order of their ids].
    """
    if report.audit == "release":
        members = patients["member"].to_numpy(dtype=bool)[None, :]
    else:
        members = design[:, np.unique(patients["patient_id"], return_inverse=True)[1]]
    return summarise_for_sharing(report, patients, members)


def check_summary(folder: Path, run: Run) -> None:
    """Compare the summary that may be shared, as data and as a page, with what the rest of the run gives.

    Raises
    ------
    DataError
        Naming what is another.
    """
    try:
        summary = summary_of(run.report, run.patients, read_design(folder))
    except _UNFIT as error:
        raise DataError(folder.name, ["report, patients and signals do not belong together; audit again."]) from error
    for name, text in {"summary.json": summary.to_json(), "summary.html": render_summary(summary)}.items():
        if (folder / "shareable" / name).read_bytes() != text.encode():
            raise DataError(f"shareable/{name}", ["is not what the run gives here; audit again."])


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
