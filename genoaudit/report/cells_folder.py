"""The folder of a run made of cells: four files, each whole or not at all, beside the cells that are kept there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genoaudit.errors import ConfigError
from genoaudit.folders import check_folder, scratch_beside
from genoaudit.report.result import canonical_json

if TYPE_CHECKING:
    import pandas as pd

CELLS = "cells"
"""Folder of the finished cells, which the run fills while it lasts and from which it resumes."""


def files_of(name: str) -> tuple[str, ...]:
    """Return the files of a run of this name.

    Examples
    --------
    >>> files_of("sweep")
    ('sweep.json', 'sweep.html', 'sweep.parquet', 'run.json')
    """
    return f"{name}.json", f"{name}.html", f"{name}.parquet", "run.json"


def check_cells_out(folder: Path, *, name: str, whose: str) -> Path:
    """Return where a run may be written, links followed, or raise a `ConfigError`.

    An earlier run of that name may be resumed or replaced, anything else may not. Called before training. `whose` names
    it in messages, such as ``"a sweep's"``.
    """
    folder = check_folder(folder, holds={*files_of(name), CELLS}, whose=whose)
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        msg = f"--out {folder} may not be written to. Name another folder."
        raise ConfigError(msg)
    return folder


def write_run(out: Path, *, name: str, text: str, page: str, table: pd.DataFrame, record: Mapping[str, Any]) -> None:
    """Write a run's files beside `out`, then put each in its place; finished cells there stay.

    The folder can be read by its owner only: what is in it is confidential.

    Parameters
    ----------
    out
        The folder, checked; made if it is not there.
    name
        Of the run's files.
    text, page, table
        The report as JSON, as HTML, and as one row per cell.
    record
        Clock, versions, hardware and timings: what may differ between two runs.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with scratch_beside(out) as fresh:
        (fresh / f"{name}.json").write_text(text, encoding="utf-8")
        (fresh / f"{name}.html").write_text(page, encoding="utf-8")
        table.to_parquet(fresh / f"{name}.parquet", index=False)
        (fresh / "run.json").write_text(canonical_json(dict(record)), encoding="utf-8")
        for file in files_of(name):
            (fresh / file).replace(out / file)
