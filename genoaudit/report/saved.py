"""A run read back from its folder and checked, to be shown again, judged, signed or compared with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from genoaudit.errors import ConfigError, DataError
from genoaudit.files import code_digest, expect_file, read_whole
from genoaudit.folders import recover
from genoaudit.report.derived import check_page, check_summary
from genoaudit.report.result import MOST_BYTES, SCHEMA_VERSION, AuditReport
from genoaudit.report.run_folder import RunRecord, check_files, read_record

if TYPE_CHECKING:
    import pandas as pd


_COLUMNS = {"patient_id", "pseudonym", "class", "samples", "rank"}
_MADE_WITH = ("jinja2", "matplotlib", "numpy", "pandas", "scipy")
OTHER_CODE = (
    "the audit was made by other code, or with other versions of what its pages are made with, than is installed here. "
    "Its files belong together, but its pages could not be made again and compared; only what audited can sign it."
)
"""What is to be said of a run whose `SavedRun.same_code` is False."""


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


@dataclass(frozen=True, eq=False)
class SavedRun:
    """An audit as it stands on disk, every file of it checked.

    Parameters
    ----------
    folder, record
        Where it stands, and what ``run.json`` says of it.
    run
        What the page is written from.
    same_code
        Whether the code that is installed made it, with the same versions of the libraries that make its pages;
        otherwise nothing can be made from it again and compared.
    """

    folder: Path
    record: RunRecord
    run: Run
    same_code: bool

    @property
    def report(self) -> AuditReport:
        """What ``report.json`` holds."""
        return self.run.report

    @property
    def patients(self) -> pd.DataFrame:
        """What ``patients.parquet`` holds."""
        return self.run.patients


def read_run(folder: str | Path) -> Run:
    """Read a run's report, table of patients and versions; every file of it is checked (`read_saved`).

    Raises
    ------
    ConfigError, DataError
        As `read_saved`.
    """
    return read_saved(Path(folder)).run


def read_saved(folder: Path) -> SavedRun:
    """Read a run whose files belong together; the one way in which runs are read, to show, to judge or to sign them.

    Every file must be the one that ``run.json`` was written with. Where the code that wrote them is installed, the page
    and the summary that may be shared are made again from the rest, and must be the same. Whoever changes a run with
    care can still pass this: only a certificate speaks for who wrote it.

    Raises
    ------
    ConfigError
        If it is no run of this version.
    DataError
        Naming what is missing, was changed, or does not follow from the report.
    """
    report = read_report(folder)
    record = read_record(folder)
    check_files(folder, record)
    _check_exact(folder, report)
    run = Run(report, _read_patients(folder, report), record.versions)
    saved = SavedRun(folder, record, run, same_code=_is_made_here(record))
    if saved.same_code:
        check_page(folder, run)
        check_summary(folder, run)
    return saved


def _is_made_here(record: RunRecord) -> bool:
    alike = all(record.versions.get(name) == version(name) for name in _MADE_WITH)
    return alike and record.code_sha256 == code_digest()


def _read_patients(folder: Path, report: AuditReport) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        expect_file(folder / "patients.parquet")
        patients = pd.read_parquet(folder / "patients.parquet")
    except (pa.ArrowException, ValueError, OSError) as error:
        msg = f"{folder}: patients.parquet cannot be read; audit again."
        raise ConfigError(msg) from error
    if not set(patients.columns) >= _COLUMNS or len(patients) != report.cohort.patients:
        msg = f"{folder}: patients.parquet belongs to something else; audit again."
        raise ConfigError(msg)
    return patients


def read_exact_report(folder: Path) -> AuditReport:
    """Read the report of a run, which must be written as this version writes it.

    Raises
    ------
    ConfigError
        As `read_report`.
    DataError
        If the same report can be written otherwise.
    """
    report = read_report(folder)
    _check_exact(folder, report)
    return report


def _check_exact(folder: Path, report: AuditReport) -> None:
    if report.to_json().encode() != read_whole(folder / "report.json", most=MOST_BYTES):
        raise DataError("report.json", ["is not written as genoaudit writes it; audit again."])


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
    recover(Path(folder))
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
    form = content.get("schema_version") if isinstance(content, dict) else None
    if form is None:
        msg = f"{path} is no report of an audit: it has no schema_version."
        raise ConfigError(msg)
    if form != SCHEMA_VERSION:
        msg = (
            f"{path} has the form {form}, this genoaudit reads {SCHEMA_VERSION}. Use the version that wrote it "
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
