"""What an audit was asked and which files it read, so that the run can be compared with them later.

This is the part ``inputs`` of ``run.json``. It names paths and is confidential.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genoaudit.config import read_config
from genoaudit.files import content_digest

if TYPE_CHECKING:
    from genoaudit.config import AuditConfig

COHORT = ("cohort.path", "cohort.labels.path")
"""Keys of the cohort's files, in the order in which the cohort's digest takes them."""

TARGET = "target.path"
"""Key of the given model."""

_CODE = ("recipe.target", ".constructor")


def record_inputs(config: AuditConfig, config_file: str | Path | None = None) -> dict[str, Any]:
    """Describe what an audit reads.

    Parameters
    ----------
    config
        What was asked, options of the command line included; paths resolved as `genoaudit.read_config` does it.
    config_file
        Where the configuration stands.

    Returns
    -------
    dict
        ``configuration``: as `settled` gives it. ``configuration_file``: its path. ``beyond_file``: what of the
        configuration does not come from the file but from the command line; None for a key that was taken away.
        ``files``: path and SHA-256 of every file read, by the key that names it; no digest for the cohort's files,
        which the report holds. Modules that a configuration names are among the files once they are imported.
    """
    asked = settled(config)
    recorded: dict[str, Any] = {
        "configuration": asked,
        "files": {
            key: {"path": str(path.resolve()), "sha256": None if key in COHORT else content_digest(path)}
            for key, path in {**files_named(config), **_code_named(config)}.items()
        },
    }
    if config_file is not None:
        stands = settled(read_config(config_file))
        recorded["configuration_file"] = str(Path(config_file).resolve())
        recorded["beyond_file"] = {key: asked.get(key) for key in differing(stands, asked)}
    return recorded


def settled(config: AuditConfig) -> dict[str, Any]:
    """Return what a configuration says beyond the defaults, by dotted keys; files without their folders.

    Examples
    --------
    >>> from genoaudit.config import parse_config
    >>> cohort = {"path": "/data/a.h5ad", "label": "type", "scale": "log2"}
    >>> settled(parse_config({"cohort": cohort, "recipe": {"kind": "mlp", "hidden": [8]}, "audit": {"seed": 0}}))
    {'cohort.label': 'type', 'cohort.path': 'a.h5ad', 'cohort.scale': 'log2', 'recipe.hidden': [8]}
    """
    asked = {key: _plain(value, is_file=_is_file(key, value)) for key, value in _leaves(config)}
    return dict(sorted(asked.items()))


def files_named(config: AuditConfig) -> dict[str, Path]:
    """Return every file or folder that a configuration names and that is there, by its dotted key."""
    named = ((key, Path(value)) for key, value in _leaves(config) if _is_file(key, value))
    return {key: path for key, path in named if path.is_file() or path.is_dir()}


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ, or that only one side has."""
    absent = object()
    return sorted(key for key in {*one, *other} if one.get(key, absent) != other.get(key, absent))


def _code_named(config: AuditConfig) -> dict[str, Path]:
    modules = {key: str(value).partition(":")[0] for key, value in _leaves(config) if key.endswith(_CODE)}
    files = {key: getattr(sys.modules.get(name), "__file__", None) for key, name in modules.items()}
    return {key: Path(file) for key, file in files.items() if file is not None}


def _leaves(config: AuditConfig) -> Iterator[tuple[str, Any]]:
    """Walk a configuration; whatever names a file is found, in whichever section it stands."""
    return _walk(config.model_dump(exclude_defaults=True), "")


def _walk(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _walk(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _walk(item, f"{key}.{number}")
    else:
        yield key, value


def _is_file(key: str, value: Any) -> bool:
    # Parameters of recipes are not typed, and this one names a file.
    return isinstance(value, Path) or (key.endswith("recipe.gene_sets") and isinstance(value, str))


def _plain(value: Any, *, is_file: bool = False) -> Any:
    if is_file:
        return Path(value).name
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    return value if isinstance(value, str | int | None) else str(value)
