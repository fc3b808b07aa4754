"""Finished cells of a run, kept so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from genoaudit.cells.plan import Cell
from genoaudit.config import RunOptions
from genoaudit.files import code_digest, write_whole
from genoaudit.models.descriptions import describe_recipe
from genoaudit.report.sections import Part
from genoaudit.training.shadows import DECIDING_LIBRARIES
from genoaudit.training.store import fingerprint

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

logger = logging.getLogger(__name__)

PartT = TypeVar("PartT", bound=Part)


class FinishedCells(Generic[PartT]):
    """Cells in one folder, each in a file named by all that determines its numbers.

    Parameters
    ----------
    folder
        Where they are kept; None: nowhere.
    kind
        What is kept of a cell.
    asked
        What the run asks of every cell, in JSON values.
    cohort
        The patients.
    options
        The engine and device, which change numbers within their spread; `fresh` forgets what is there.
    done
        What is done to a cell, for messages, such as ``"audited"``.
    """

    def __init__(
        self,
        folder: str | Path | None,
        kind: type[PartT],
        asked: Mapping[str, Any],
        cohort: Cohort,
        options: RunOptions,
        *,
        done: str,
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._kind, self._fresh, self._done = kind, options.fresh, done
        self._shared = {
            "cohort": cohort.digest(),
            "asked": dict(asked),
            "code": code_digest(),  # a cell's numbers rest on all of the package
            "engine": [options.engine, options.device, platform.machine()],
            "libraries": {name: version(name) for name in DECIDING_LIBRARIES},
        }

    def key(self, cell: Cell, *, follows: Cell | None = None) -> str:
        """Return the fingerprint of all that determines a cell; `follows` is another one that it rests on as well."""
        own = {"name": cell.name, "setting": cell.setting, "seed": cell.seed, "recipe": describe_recipe(cell.recipe)}
        followed = None if follows is None else describe_recipe(follows.recipe)
        return fingerprint({**self._shared, **own, "follows": followed})

    def read(self, cell: Cell, *, follows: Cell | None = None) -> PartT | None:
        """Return what is kept of a cell, or None if it has to be done."""
        if self._folder is None or self._fresh:
            return None
        try:
            return self._kind.model_validate_json(self._path(self._folder, cell, follows).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            logger.warning("the finished cell %s cannot be read back; it is %s again", cell.name, self._done)
            return None

    def write(self, cell: Cell, found: PartT, *, follows: Cell | None = None) -> None:
        """Keep a finished cell, whole or not at all."""
        if self._folder is None:
            return
        for folder in (self._folder.parent, self._folder):  # what is in them is confidential
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps(found.model_dump(mode="json"), allow_nan=False)
        write_whole(self._path(self._folder, cell, follows), text.encode())

    def _path(self, folder: Path, cell: Cell, follows: Cell | None) -> Path:
        return folder / f"{self.key(cell, follows=follows)[:32]}.json"
