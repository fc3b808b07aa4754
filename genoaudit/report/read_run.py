"""A run's report back from its folder, or one clear message why not."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from genoaudit.errors import ConfigError
from genoaudit.report.result import SCHEMA_VERSION, AuditReport

REPORT = "report.json"


def read_report(run: Path) -> AuditReport:
    """Read the report of a run.

    Parameters
    ----------
    run
        Folder that ``genoaudit audit --out`` wrote.

    Raises
    ------
    ConfigError
        If there is none, it is damaged, or another version of genoaudit wrote it in another form.
    """
    path = run / REPORT
    if not path.is_file():
        msg = f"{run} is no run of genoaudit: it has no {REPORT}. Name the folder given to genoaudit audit --out."
        raise ConfigError(msg)
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read: {error}. Audit again."
        raise ConfigError(msg) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version is None:
        msg = f"{path} is no report of an audit: it has no schema_version."
        raise ConfigError(msg)
    if version != SCHEMA_VERSION:
        msg = (
            f"{path} has the form {version}, this genoaudit reads {SCHEMA_VERSION}. Use the version that wrote it "
            "(run.json names it), or audit again: finished models are kept."
        )
        raise ConfigError(msg)
    try:
        return AuditReport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        more = f" and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        msg = (
            f"{path} is not as this genoaudit writes it: {where}: {first['msg']}{more}. It was changed, or another "
            "version wrote it; audit again: finished models are kept."
        )
        raise ConfigError(msg) from None
