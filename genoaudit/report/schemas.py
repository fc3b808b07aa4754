"""JSON Schemas of what genoaudit reads and writes, generated from the pydantic models that do the reading and writing.

The files in ``data_schemas/`` are regenerated with ``python -m genoaudit.report.schemas data_schemas``; a test keeps
them equal to the models.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from genoaudit.artefacts.manifest import MANIFEST_VERSION, ConfidentialManifest, Manifest
from genoaudit.config import AuditConfig
from genoaudit.errors import ConfigError
from genoaudit.reconstruct_config import ReconstructConfig
from genoaudit.report.certificate import Certificate
from genoaudit.report.policy import Policy
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.result import SCHEMA_VERSION, AuditReport
from genoaudit.report.shareable import SUMMARY_VERSION, Summary
from genoaudit.report.sweep_result import SweepReport
from genoaudit.sweep_config import SweepConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Complete(GenerateJsonSchema):
    """What genoaudit writes is always complete, so every field is required; what it reads may leave defaults out."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's signature
        return self.mode == "serialization" or super().field_is_required(field, total)


@dataclass(frozen=True)
class Schema:
    """A pydantic model with what its JSON Schema says about itself.

    Parameters
    ----------
    model
        What reads or writes the documents.
    title
        One line for people.
    version
        Changes when documents that used to be valid no longer are.
    mode
        ``"serialization"`` for what genoaudit writes (every field is there),
        ``"validation"`` for what a user writes (defaults may be left out).
    """

    model: type[BaseModel]
    title: str
    version: str
    mode: Literal["validation", "serialization"]


SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        "audit_config": Schema(AuditConfig, "genoaudit: configuration of an audit (TOML)", "1.0", "validation"),
        "policy": Schema(Policy, "genoaudit: what may be released (TOML)", "1.0", "validation"),
        "report": Schema(AuditReport, "genoaudit: report.json (confidential)", SCHEMA_VERSION, "serialization"),
        "certificate": Schema(
            Certificate, "genoaudit: predicate of the in-toto statement in certificate.json", "1.0", "serialization"
        ),
        "sweep_config": Schema(SweepConfig, "genoaudit: configuration of a sweep (TOML)", "1.0", "validation"),
        "reconstruct_config": Schema(
            ReconstructConfig, "genoaudit: configuration of genoaudit reconstruct (TOML)", "1.0", "validation"
        ),
        "reconstruct": Schema(ReconstructReport, "genoaudit: reconstruct.json (confidential)", "1.0", "serialization"),
        "summary": Schema(Summary, "genoaudit: summary.json (may be shared)", SUMMARY_VERSION, "serialization"),
        "model": Schema(
            Manifest, "genoaudit: MODEL/release/manifest.json (goes with the model)", MANIFEST_VERSION, "serialization"
        ),
        "model_confidential": Schema(
            ConfidentialManifest,
            "genoaudit: MODEL/confidential/manifest.json (confidential)",
            MANIFEST_VERSION,
            "serialization",
        ),
        "sweep": Schema(SweepReport, "genoaudit: sweep.json (confidential)", "1.0", "serialization"),
    }
)


def schema_text(name: str) -> str:
    """Return a schema as canonical JSON: keys sorted, indented by two, with a final newline.

    Parameters
    ----------
    name
        A key of `SCHEMAS`.

    Raises
    ------
    ConfigError
        If there is no schema of that name.

    Examples
    --------
    >>> json.loads(schema_text("report"))["$id"]
    'urn:genoaudit:schema:report:1.0'
    """
    if name not in SCHEMAS:
        msg = f"there is no schema {name!r}; choose one of: {', '.join(sorted(SCHEMAS))}."
        raise ConfigError(msg)
    schema = SCHEMAS[name]
    content = {
        **schema.model.model_json_schema(mode=schema.mode, schema_generator=_Complete),
        "$schema": DIALECT,
        "$id": f"urn:genoaudit:schema:{name}:{schema.version}",
        "title": schema.title,
        "version": schema.version,
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write every schema to ``<folder>/<name>.schema.json``."""
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m genoaudit.report.schemas FOLDER")
    write_schemas(Path(sys.argv[1]))
