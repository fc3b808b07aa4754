"""A run read back from its folder, every file compared with what ``run.json`` says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ValidationError

from genoaudit.errors import DataError
from genoaudit.files import file_digest, read_whole
from genoaudit.json_text import strict_json
from genoaudit.report.certificate import Inside, Sha256, member_lines
from genoaudit.report.result import MOST_BYTES
from genoaudit.report.save import FILES
from genoaudit.report.saved import Run, read_report, read_run

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import BoolArray
    from genoaudit.report.result import AuditReport

RECORD = "run.json"


class InputFile(BaseModel):
    """A file that an audit read."""

    path: Path
    sha256: Sha256 | None


class Inputs(BaseModel):
    """What `genoaudit.inputs.record_inputs` wrote."""

    configuration: dict[str, object]
    configuration_file: Path | None = None
    beyond_file: dict[str, object] = {}
    files: dict[str, InputFile]


class RunRecord(BaseModel):
    """What of ``run.json`` is needed to sign a run and to check it; audits of objects in memory have no inputs."""

    files: dict[Inside, Sha256]
    code_sha256: Sha256
    versions: dict[str, str]
    inputs: Inputs | None = None


@dataclass(frozen=True, eq=False)
class SavedRun:
    """An audit as it stands on disk.

    Parameters
    ----------
    folder, record
        Where it stands, and what ``run.json`` says of it.
    run
        What the page is written from.
    """

    folder: Path
    record: RunRecord
    run: Run

    @property
    def report(self) -> AuditReport:
        """What ``report.json`` holds."""
        return self.run.report

    @property
    def patients(self) -> pd.DataFrame:
        """What ``patients.parquet`` holds."""
        return self.run.patients


def read_checked_run(folder: Path) -> SavedRun:
    """Read a run whose files belong together.

    Raises
    ------
    DataError
        Naming every file that is missing, or not the one that was written with the others.
    ConfigError
        As `genoaudit.report.saved.read_run`.
    """
    record = read_record(folder)
    problems = [f"{RECORD} does not name {name}." for name in FILES if name not in {RECORD, *record.files}]
    for name, digest in record.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing.")
        elif file_digest(path) != digest:
            problems.append(f"{name} is not the file that was written with {RECORD}; it was changed or swapped.")
    if problems:
        raise DataError(folder.name, problems)
    read_exact_report(folder)
    return SavedRun(folder, record, read_run(folder))


def read_record(folder: Path) -> RunRecord:
    """Read ``run.json``.

    Raises
    ------
    DataError
        If there is none, or it lacks what later versions write.
    """
    try:
        return RunRecord.model_validate(strict_json(read_whole(folder / RECORD, most=MOST_BYTES)))
    except DataError as error:
        problem = f"{RECORD} {error.problems[0]} Is this the folder of an audit?"
        raise DataError(folder.name, [problem]) from error
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, detail["loc"])) or RECORD for detail in error.errors()[:3])
        problem = f"{RECORD} says nothing valid on {missing}; was it written by another version? Audit again."
        raise DataError(folder.name, [problem]) from error
    except ValueError as error:
        raise DataError(folder.name, [f"{RECORD} is not JSON: {error}."]) from error


def read_exact_report(folder: Path) -> AuditReport:
    """Read the report of a run, which must be written as this version writes it.

    Raises
    ------
    ConfigError
        As `genoaudit.report.saved.read_report`.
    DataError
        If the same report can be written otherwise.
    """
    report = read_report(folder)
    if report.to_json().encode() != read_whole(folder / "report.json", most=MOST_BYTES):
        raise DataError("report.json", ["is not written as genoaudit writes it; audit again."])
    return report


def members_of(folder: Path, patients: pd.DataFrame, *, of_one: bool) -> bytes:
    """Return the bytes that stand for the members: of the given model, or of every model of a recipe audit.

    Parameters
    ----------
    folder, patients
        A run, as in `SavedRun`.
    of_one
        Whether a given model was audited.
    """
    ids = sorted(map(str, patients["patient_id"]))
    if "member" in patients:
        return member_lines([map(str, patients["patient_id"][patients["member"]])])
    if of_one:  # nobody is told apart: it was trained on everybody
        return member_lines([ids])
    with np.load(folder / "signals.npz", allow_pickle=False) as signals:
        members: BoolArray = signals["members"]
    # The columns of the design are the patients in the order of their ids.
    return member_lines([ids[place] for place in np.flatnonzero(row)] for row in members)
