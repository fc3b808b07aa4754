"""A comparison into its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoaudit.report.cells_folder import CELLS, check_cells_out, files_of, write_run
from genoaudit.report.reconstruct_html import render_reconstruct
from genoaudit.report.reconstruct_result import ReconstructReport

__all__ = ["CELLS", "FILES", "check_reconstruct_out", "save_reconstruct"]

FILES = files_of("reconstruct")


def check_reconstruct_out(folder: Path) -> Path:
    """Return where a comparison may be written; see `genoaudit.report.cells_folder.check_cells_out`."""
    return check_cells_out(folder, name="reconstruct", whose="a comparison's")


def save_reconstruct(report: ReconstructReport, record: Mapping[str, Any], out: Path) -> Path:
    """Write a comparison's files; see `genoaudit.report.cells_folder.write_run`.

    Returns
    -------
    Path
        The folder, links followed.

    Raises
    ------
    ConfigError
        If `out` holds anything that is not a comparison's.
    """
    out = check_reconstruct_out(out)
    text = report.to_json()
    # Through JSON, so that a page or table made later from reconstruct.json is the same.
    read = ReconstructReport.model_validate_json(text)
    write_run(out, name="reconstruct", text=text, page=render_reconstruct(read), table=read.table, record=record)
    return out
