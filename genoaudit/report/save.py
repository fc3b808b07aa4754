"""A result into a folder, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.files import file_digest
from genoaudit.folders import check_folder, recover, whole_folder
from genoaudit.report.shareable import Summary
from genoaudit.report.shareable_html import render_summary

if TYPE_CHECKING:
    from genoaudit.report.result import AuditResult

CONFIDENTIAL = ("report.json", "report.html", "patients.parquet", "signals.npz", "run.json")
SHAREABLE = ("shareable/summary.json", "shareable/summary.html")
FILES = (*CONFIDENTIAL, *SHAREABLE)
CERTIFICATE, SALTS = "certificate.json", "salts.json"
"""What signing adds to a run."""


def check_out(folder: Path) -> Path:
    """Return where a run may be written; an earlier run may be replaced, unless it was signed.

    Raises
    ------
    ConfigError
        If something else is there, or a certificate or its salts, which nobody could make again.
    """
    recover(folder)
    signed = [name for name in (CERTIFICATE, SALTS) if os.path.lexists(folder / name)]
    if signed:
        msg = (
            f"--out {folder} holds a signed run, and another audit there would throw away its {' and '.join(signed)}. "
            "Name another folder, or move that one away."
        )
        raise ConfigError(msg)
    return check_folder(folder, holds={Path(name).parts[0] for name in FILES}, whose="an audit's")


def save_result(result: AuditResult, folder: Path, *, show_ids: bool = False) -> tuple[Path, ...]:
    """Write a run's files beside `folder`, then put them in its place; an earlier run there is replaced.

    The folder can be read by its owner only: what is in it is confidential, but for the folder ``shareable`` inside.
    """
    folder = check_out(folder)
    with whole_folder(folder) as fresh:
        _write(result, fresh, show_ids=show_ids)
    return tuple(folder / name for name in FILES)


def write_shareable(summary: Summary, folder: Path) -> None:
    """Write the two files that may be shared into a new folder; the page is made from the data alone."""
    folder.mkdir()
    (folder / "summary.json").write_text(summary.to_json(), encoding="utf-8")
    (folder / "summary.html").write_text(render_summary(Summary.read(folder / "summary.json")), encoding="utf-8")


def _write(result: AuditResult, folder: Path, *, show_ids: bool) -> None:
    (folder / "report.json").write_text(result.report.to_json(), encoding="utf-8")
    result.to_html(folder / "report.html", show_ids=show_ids)
    result.patients.to_parquet(folder / "patients.parquet", index=False)
    write_shareable(result.share(), folder / "shareable")
    with (folder / "signals.npz").open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            logit=result.signals.logit,
            proba=result.signals.proba,
            members=result.design.members,
            partner=result.design.partner,
            patients=result.patient_of_sample,
        )
    # Last, because it says which files belong together. Not rounded: settings stand here as they were given.
    digests = {name: file_digest(folder / name) for name in FILES if name != "run.json"}
    record = json.dumps({**result.run, "files": digests}, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    (folder / "run.json").write_text(record + "\n", encoding="utf-8")
