"""A comparison into its folder: each file whole or not at all, beside the cells that are kept there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoaudit.errors import ConfigError
from genoaudit.report.reconstruct_html import render_reconstruct
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.result import canonical_json
from genoaudit.report.save import check_out

FILES = ("reconstruct.json", "reconstruct.html", "reconstruct.parquet", "run.json")
CELLS = "cells"
"""Folder of the finished cells, which the comparison fills while it runs and from which it resumes."""


def check_reconstruct_out(folder: Path) -> Path:
    """Return where a comparison may be written, links followed, or raise a `ConfigError`.

    An earlier one may be resumed or replaced, anything else may not. Called before training.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return check_out(folder)
    foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in {*FILES, CELLS}]
    if foreign:
        msg = (
            f"--out {folder} holds {len(foreign)} things that are not a comparison's (first: '{foreign[0]}'). "
            "Name a new folder."
        )
        raise ConfigError(msg)
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"--out {folder} may not be written to. Name another folder."
        raise ConfigError(msg)
    return folder


def save_reconstruct(report: ReconstructReport, record: Mapping[str, Any], out: Path) -> Path:
    """Write a comparison's files beside `out`, then put each in its place; finished cells there stay.

    The folder can be read by its owner only: what is in it is confidential.

    Parameters
    ----------
    report
        What was found.
    record
        Clock, versions, hardware and timings: what may differ between two runs.
    out
        The folder; made if it is not there.

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
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.partial-") as scratch:
        fresh = Path(scratch)
        text = report.to_json()
        (fresh / "reconstruct.json").write_text(text, encoding="utf-8")
        # Through JSON, so that a page or table made later from reconstruct.json is the same.
        read = ReconstructReport.model_validate_json(text)
        (fresh / "reconstruct.html").write_text(render_reconstruct(read), encoding="utf-8")
        read.table.to_parquet(fresh / "reconstruct.parquet", index=False)
        (fresh / "run.json").write_text(canonical_json(dict(record)), encoding="utf-8")
        for name in FILES:
            (fresh / name).replace(out / name)
    return out
