"""A sweep into its folder: each file whole or not at all, beside the cells that the sweep keeps there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoaudit.errors import ConfigError
from genoaudit.report.result import canonical_json
from genoaudit.report.save import check_out
from genoaudit.report.sweep_html import render_sweep
from genoaudit.report.sweep_result import SweepReport

FILES = ("sweep.json", "sweep.html", "sweep.parquet", "run.json")
CELLS = "cells"
"""Folder of the finished cells, which the sweep fills while it runs and from which it resumes."""


def check_sweep_out(folder: Path) -> Path:
    """Return where a sweep may be written, links followed, or raise a `ConfigError`.

    An earlier sweep may be resumed or replaced, anything else may not. Called before training.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return check_out(folder)
    foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in {*FILES, CELLS}]
    if foreign:
        msg = (
            f"--out {folder} holds {len(foreign)} things that are not a sweep's (first: '{foreign[0]}'). "
            "Name a new folder."
        )
        raise ConfigError(msg)
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"--out {folder} may not be written to. Name another folder."
        raise ConfigError(msg)
    return folder


def save_sweep(report: SweepReport, record: Mapping[str, Any], out: Path) -> Path:
    """Write a sweep's files beside `out`, then put each in its place; finished cells there stay.

    The folder can be read by its owner only: what is in it is confidential.

    Parameters
    ----------
    report
        What was found.
    record
        Clock, versions, hardware and timings: what may differ between two runs of the same sweep.
    out
        The folder; made if it is not there.

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
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.partial-") as scratch:
        fresh = Path(scratch)
        text = report.to_json()
        (fresh / "sweep.json").write_text(text, encoding="utf-8")
        # Through JSON, so that a page or table made later from sweep.json is the same.
        read = SweepReport.model_validate_json(text)
        (fresh / "sweep.html").write_text(render_sweep(read), encoding="utf-8")
        read.table.to_parquet(fresh / "sweep.parquet", index=False)
        (fresh / "run.json").write_text(canonical_json(dict(record)), encoding="utf-8")
        for name in FILES:
            (fresh / name).replace(out / name)
    return out
