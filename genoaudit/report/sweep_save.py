"""A sweep into its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoaudit.report.cells_folder import CELLS, check_cells_out, files_of, write_run
from genoaudit.report.sweep_html import render_sweep
from genoaudit.report.sweep_result import SweepReport

__all__ = ["CELLS", "FILES", "check_sweep_out", "save_sweep"]

FILES = files_of("sweep")


def check_sweep_out(folder: Path) -> Path:
    """Return where a sweep may be written; see `genoaudit.report.cells_folder.check_cells_out`."""
    return check_cells_out(folder, name="sweep", whose="a sweep's")


def save_sweep(report: SweepReport, record: Mapping[str, Any], out: Path) -> Path:
    """Write a sweep's files; see `genoaudit.report.cells_folder.write_run`.

    Returns
    -------
    Path
        The folder, links followed.

    Raises
    ------
    ConfigError
        If `out` holds anything that is not a sweep's.
    """
    out = check_sweep_out(out)
    text = report.to_json()
    # Through JSON, so that a page or table made later from sweep.json is the same.
    read = SweepReport.model_validate_json(text)
    write_run(out, name="sweep", text=text, page=render_sweep(read), table=read.table, record=record)
    return out
