"""A run read back from its folder, to be shown again or compared with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.errors import ConfigError
from genoaudit.report.result import SCHEMA_VERSION, AuditReport

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


def read_run(folder: Path) -> Run:
    """Read a run's report, table of patients and versions.

    Raises
    ------
    ConfigError
        If the folder is not a run of this version.
    """
    import pandas as pd
    import pyarrow as pa

    report = read_report(folder)
    try:
        patients = pd.read_parquet(folder / "patients.parquet")
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{folder} is not a whole run: {Path(error.filename or folder).name} is missing or cannot be read."
        raise ConfigError(msg) from error
    except (pa.ArrowException, ValueError) as error:
        msg = f"{folder}: patients.parquet or run.json cannot be read; audit again."
        raise ConfigError(msg) from error
    if not isinstance(run, dict) or not set(patients.columns) >= _COLUMNS or len(patients) != report.cohort.patients:
        msg = f"{folder}: patients.parquet or run.json belong to something else; audit again."
        raise ConfigError(msg)
    return Run(report, patients, run.get("versions", {}))


def read_report(folder: Path) -> AuditReport:
    """Read a run's ``report.json``.

    Raises
    ------
    ConfigError
        If it is not there, or not a report of this version.
    """
    path = folder / "report.json"
    try:
        return AuditReport.read(path)
    except OSError as error:
        msg = f"{folder} is not a run: it holds no report.json that can be read. Name a folder that --out wrote."
        raise ConfigError(msg) from error
    except ValueError as error:  # not text, not JSON, or not a report
        msg = f"{path} is not a report of this version of genoaudit (schema {SCHEMA_VERSION}); audit again."
        raise ConfigError(msg) from error
