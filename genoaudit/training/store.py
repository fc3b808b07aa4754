"""Finished models, kept so that none is ever trained twice and none is ever mistaken for another.

A store is a folder named by a fingerprint of everything that determines a model's outputs: data, recipe, seed, code and
library versions. Each finished model is one file, written beside and renamed, so a process killed at any moment leaves
either a whole file or none. Only scores are kept: no expression values, no identifiers, no weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BY_MODEL
from genoaudit.errors import ConfigError
from genoaudit.files import write_whole
from genoaudit.training.outputs import ModelOutputs

logger = logging.getLogger(__name__)

_STALE_SECONDS = 3600


def fingerprint(ingredients: dict[str, Any]) -> str:
    """Return the SHA-256 of canonical JSON; equal ingredients, in any order, give equal fingerprints."""
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True, allow_nan=False).encode()).hexdigest()


@dataclass(frozen=True)
class Store:
    """Model outputs in one folder.

    Parameters
    ----------
    folder
        Where they are kept.
    key
        The fingerprint of what determines them. It is digested with every model, so that a file of another store counts
        as damaged.
    """

    folder: Path
    key: str

    def path(self, model: int) -> Path:
        """Return where a model's outputs are kept."""
        return self.folder / f"model-{model:05d}.npz"

    def save(self, model: int, outputs: ModelOutputs) -> None:
        """Write a finished model, whole or not at all."""
        arrays: dict[str, NDArray[Any]] = {
            name: value for name in BY_MODEL if (value := getattr(outputs, name)) is not None
        }
        arrays["warnings"] = np.frombuffer(json.dumps(outputs.warnings).encode(), dtype=np.uint8)
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays, digest=self._digest(model, arrays))
        write_whole(self.path(model), file.getvalue())

    def load(self, model: int) -> ModelOutputs | None:
        """Read a model back; None if it is missing, or its file is damaged or foreign, so that it is trained again.

        Raises
        ------
        ConfigError
            If something is in its place that is no file and cannot be replaced by one.
        """
        path = self.path(model)
        if path.exists() and not path.is_file():
            msg = f"{path} is no file, and finished models are kept there. Move it away, or name another --cache-dir."
            raise ConfigError(msg)
        try:
            # Opened here, since numpy leaves a handle behind when the archive is broken.
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files if name != "digest"}
                intact = np.array_equal(file["digest"], self._digest(model, arrays))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            intact = False
        if not intact:
            logger.warning("what is stored of model %d is damaged or of another recipe; it is trained again", model)
            return None
        told = tuple(json.loads(arrays.pop("warnings").tobytes()))
        return ModelOutputs(**arrays, warnings=told)

    def missing(self, models: Iterable[int]) -> list[int]:
        """Return which of these models are not there whole."""
        return [model for model in models if self.load(model) is None]

    def _digest(self, model: int, arrays: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
        sha = hashlib.sha256(f"{self.key} {model}".encode())
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
            sha.update(array.tobytes())
        return np.frombuffer(sha.digest(), dtype=np.uint8)


def open_store(cache: str | Path, ingredients: dict[str, Any], *, fresh: bool = False) -> Store:
    """Open the store for these ingredients below `cache`, making it if need be; `fresh` forgets what it holds.

    It can be read by its owner only: what models say of every sample is as confidential as the run that comes of it.
    """
    key = fingerprint(ingredients)
    store = Store(Path(cache) / key[:32], key)
    try:
        store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = json.dumps(ingredients, indent=2, sort_keys=True)
        (store.folder / "ingredients.json").write_text(written, encoding="utf-8")
    except OSError as error:
        msg = f"finished models cannot be kept in {cache}: {error.strerror}. Name another folder with --cache-dir."
        raise ConfigError(msg) from error
    for leftover in store.folder.glob(".model-*.tmp"):
        # Another process may be writing here at this moment; only what is surely abandoned is swept away.
        if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
            leftover.unlink(missing_ok=True)
    if fresh:
        for path in store.folder.glob("model-*.npz"):
            path.unlink()
    return store
