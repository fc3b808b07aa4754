"""The files of a run, each compared with what ``run.json`` says of it, and who the members were by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ValidationError

from genoaudit.errors import DataError
from genoaudit.files import file_digest, is_linked, read_whole
from genoaudit.json_text import strict_json
from genoaudit.report.certificate import Inside, Sha256, member_lines
from genoaudit.report.result import MOST_BYTES
from genoaudit.report.save import FILES, SHAREABLE

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import BoolArray

RECORD = "run.json"

PUBLIC = "shareable/"
"""Files of a run that may be shared begin so."""


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


def check_files(folder: Path, record: RunRecord) -> None:
    """Compare every file of a run with what its record says of it.

    Raises
    ------
    DataError
        Naming every file that is missing, or not the one that was written with the others, and what strangers would
        find beside the summary.
    """
    problems = [f"{RECORD} does not name {name}." for name in FILES if name not in {RECORD, *record.files}]
    for name, digest in record.files.items():
        if is_linked(folder, name):
            problems.append(f"{name} is a link; put the file itself there.")
        elif not (folder / name).is_file():
            problems.append(f"{name} is missing.")
        elif file_digest(folder / name) != digest:
            problems.append(f"{name} is not the file that was written with {RECORD}; it was changed or swapped.")
    problems += [f"{name} does not belong to what may be shared; take it away." for name in foreign_shared(folder)]
    if problems:
        raise DataError(folder.name, problems)


def foreign_shared(folder: Path) -> list[str]:
    """Name what lies in the part of a run that may be shared and was not written there."""
    shared = folder / PUBLIC
    if shared.is_symlink():
        return []  # its files are named as linked, and nothing behind it is looked at
    found = (entry.relative_to(folder).as_posix() for entry in sorted(shared.rglob("*")))
    return [name for name in found if name not in SHAREABLE]


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


def members_of(folder: Path, patients: pd.DataFrame, *, of_one: bool) -> bytes:
    """Return the bytes that stand for the members: of the given model, or of every model of a recipe audit.

    Parameters
    ----------
    folder, patients
        A run, and what its ``patients.parquet`` holds.
    of_one
        Whether a given model was audited.
    """
    ids = sorted(map(str, patients["patient_id"]))
    if "member" in patients:
        return member_lines([map(str, patients["patient_id"][patients["member"]])])
    if of_one:  # nobody is told apart: it was trained on everybody
        return member_lines([ids])
    # The columns of the design are the patients in the order of their ids.
    return member_lines([ids[place] for place in np.flatnonzero(row)] for row in read_design(folder))


def read_design(folder: Path) -> BoolArray:
    """Read who was a member of which model; bool [models, patients in the order of their ids]."""
    with (folder / "signals.npz").open("rb") as file, np.load(file, allow_pickle=False) as signals:
        members: BoolArray = signals["members"]
    return members
