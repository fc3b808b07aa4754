"""Finished cells of a sweep, kept so that an interrupted sweep goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from genoaudit.cell_audit import Audited
from genoaudit.cells import Cell
from genoaudit.config import RunOptions
from genoaudit.models.descriptions import describe_recipe
from genoaudit.report.save import write_whole
from genoaudit.report.sections import Part
from genoaudit.report.sweep_result import SweepCell
from genoaudit.sweep_config import SweepConfig
from genoaudit.training.shadows import DECIDING_LIBRARIES
from genoaudit.training.store import fingerprint

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

logger = logging.getLogger(__name__)


class _Kept(Part):
    cell: SweepCell
    accuracies: tuple[float, ...]


class FinishedCells:
    """Cells in one folder, each in a file named by all that determines its numbers.

    Parameters
    ----------
    folder
        Where they are kept; None: nowhere.
    config, cohort
        The sweep that they belong to.
    options
        The engine and device, which change numbers within their spread; `fresh` forgets what is there.
    """

    def __init__(self, folder: Path | None, config: SweepConfig, cohort: Cohort, options: RunOptions) -> None:
        self._folder, self._fresh = folder, options.fresh
        self._shared = {
            "cohort": cohort.digest(),
            "audit": config.audit.model_dump(mode="json", exclude={"seed"}),
            "canaries": None if config.canaries is None else config.canaries.model_dump(mode="json"),
            "code": code_digest(),
            "engine": [options.engine, options.device, platform.machine()],
            "libraries": {name: version(name) for name in DECIDING_LIBRARIES},
        }

    def _path(self, folder: Path, cell: Cell) -> Path:
        own = {"name": cell.name, "setting": cell.setting, "seed": cell.seed, "recipe": describe_recipe(cell.recipe)}
        return folder / f"{fingerprint({**self._shared, **own})[:32]}.json"

    def read(self, cell: Cell) -> Audited | None:
        """Return a finished cell, or None if it has to be audited."""
        if self._folder is None or self._fresh:
            return None
        path = self._path(self._folder, cell)
        try:
            kept = _Kept.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            logger.warning("the finished cell %s cannot be read back; it is audited again", cell.name)
            return None
        return Audited(kept.cell, np.array(kept.accuracies))

    def write(self, cell: Cell, audited: Audited) -> None:
        """Keep a finished cell, whole or not at all."""
        if self._folder is None:
            return
        for folder in (self._folder.parent, self._folder):  # what is in them is confidential
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = _Kept(cell=audited.cell, accuracies=tuple(audited.accuracies.tolist()))
        text = json.dumps(kept.model_dump(mode="json"), allow_nan=False)
        write_whole(self._path(self._folder, cell), text.encode())


def code_digest() -> str:
    """Digest of the whole package: a cell's numbers rest on all of it."""
    package = Path(__file__).parent
    sha = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        sha.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()
