"""A result into a folder, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.report.result import canonical_json

if TYPE_CHECKING:
    from genoaudit.report.result import AuditResult

FILES = ("report.json", "report.html", "patients.parquet", "signals.npz", "run.json")


def check_out(folder: Path) -> Path:
    """Return where a run may be written, links followed, or raise a `ConfigError`.

    An earlier run may be replaced, anything else may not. Called before training, so that hours of work do not end in a
    refusal.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        msg = f"--out {folder} is a file; name a folder."
        raise ConfigError(msg)
    if Path.cwd().is_relative_to(folder):
        msg = f"--out {folder} is the folder you are in, or holds it; name another one."
        raise ConfigError(msg)
    if folder.is_dir():
        foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in FILES]
        if foreign:
            msg = (
                f"--out {folder} holds {len(foreign)} things that are not an audit's (first: '{foreign[0]}'). "
                "Name a new folder."
            )
            raise ConfigError(msg)
    existing = next(parent for parent in folder.parents if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        msg = f"--out {folder} cannot be made: {existing} is not a folder that may be written to."
        raise ConfigError(msg)
    return folder


def save_result(result: AuditResult, folder: Path, *, show_ids: bool = False) -> tuple[Path, ...]:
    """Write a run's files beside `folder`, then put them in its place; an earlier run there is replaced.

    The folder can be read by its owner only: what is in it is confidential.
    """
    folder = check_out(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.partial-") as scratch:
        fresh, old = Path(scratch) / "new", Path(scratch) / "old"
        fresh.mkdir(mode=0o700)
        _write(result, fresh, show_ids=show_ids)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    return tuple(folder / name for name in FILES)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and put it there, so that it is there whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp", delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _write(result: AuditResult, folder: Path, *, show_ids: bool) -> None:
    (folder / "report.json").write_text(result.report.to_json(), encoding="utf-8")
    result.to_html(folder / "report.html", show_ids=show_ids)
    (folder / "run.json").write_text(canonical_json(result.run), encoding="utf-8")
    result.patients.to_parquet(folder / "patients.parquet", index=False)
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
