"""A run read back from its folder, to be shown again or compared with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from genoaudit.errors import ConfigError, DataError
from genoaudit.files import expect_file, read_whole
from genoaudit.report.result import MOST_BYTES, SCHEMA_VERSION, AuditReport

if TYPE_CHECKING:
    import pandas as pd


_COLUMNS = {"patient_id", "pseudonym", "class", "samples", "rank"}


@dataclass(frozen=True, eq=False)
class Run:
    """What the page of an audit is written from.

    Parameters
    ----------
    report, patients
        As of `AuditResult`.
    versions
        Of the libraries that the numbers come from, by name.
    """

    report: AuditReport
    patients: pd.DataFrame
    versions: Mapping[str, str]

    def to_html(self, *, show_ids: bool = False) -> str:
        """Return the page, the same whether the run has just ended or was read back; pseudonyms unless asked."""
        from genoaudit.report.html import render_html

        table = self.patients
        names = dict(zip(table["pseudonym"], table["patient_id"], strict=True)) if show_ids else None
        report = AuditReport.model_validate_json(self.report.to_json())
        return render_html(report, patients=table, names=names, versions=self.versions)


def read_run(folder: str | Path) -> Run:
    """Read a run's report, table of patients and versions.

    Raises
    ------
    ConfigError
        If the folder is not a run of this version.
    """
    import pandas as pd
    import pyarrow as pa

    folder = Path(folder)
    report = read_report(folder)
    try:
        expect_file(folder / "patients.parquet")
        patients = pd.read_parquet(folder / "patients.parquet")
        run = json.loads(read_whole(folder / "run.json", most=MOST_BYTES))
    except DataError as error:
        msg = f"{folder} is not a whole run: {error.source} {error.problems[0]}"
        raise ConfigError(msg) from error
    except OSError as error:
        msg = f"{folder} is not a whole run: {Path(error.filename or folder).name} is missing or cannot be read."
        raise ConfigError(msg) from error
    except (pa.ArrowException, ValueError, RecursionError) as error:
        msg = f"{folder}: patients.parquet or run.json cannot be read; audit again."
        raise ConfigError(msg) from error
    if not isinstance(run, dict) or not set(patients.columns) >= _COLUMNS or len(patients) != report.cohort.patients:
        msg = f"{folder}: patients.parquet or run.json belong to something else; audit again."
        raise ConfigError(msg)
    versions = run.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(version, str) for version in versions.values()):
        msg = f"{folder}: run.json does not say by which versions it was written; audit again."
        raise ConfigError(msg)
    return Run(report, patients, versions)


def read_report(folder: str | Path) -> AuditReport:
    """Read the report of a run.

    Parameters
    ----------
    folder
        Folder that ``genoaudit audit --out`` wrote.

    Raises
    ------
    ConfigError
        If there is none, it is damaged, or another version of genoaudit wrote it in another form.
    """
    path = Path(folder) / "report.json"
    if not path.is_file():
        msg = f"{folder} is no run of genoaudit: it has no report.json. Name the folder given to genoaudit audit --out."
        raise ConfigError(msg)
    try:
        text = read_whole(path, most=MOST_BYTES).decode()
        content = json.loads(text)
    except DataError as error:
        msg = f"{path} {error.problems[0]} Audit again."
        raise ConfigError(msg) from error
    except (ValueError, RecursionError) as error:
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
