"""Files of strangers before anything is parsed: what they are by their first bytes, and how much they unpack to.

A file is read once (`genoaudit.files.read_whole`), and everything that follows works on the bytes that were checked.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from genoaudit.errors import DataError
from genoaudit.phrases import count

MEBIBYTE = 1 << 20

PICKLE = (
    "is a pickle, and reading a pickle runs whatever code is in it, so it is not opened. Save the model again where it "
    "was trained, with one of these lines, and name that file: skops.io.dump(model, 'model.skops') for scikit-learn, "
    "model.save_model('model.ubj') for XGBoost, safetensors.torch.save_file(model.state_dict(), 'model.safetensors') "
    "for torch."
)

ENOUGH = 16
"""So many of the first bytes are enough for `looks_like`."""

_FIRST_BYTES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a Parquet table"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"\x04\x22\x4d\x18", "compressed by LZ4"),
)
_PICKLE_PROTOCOLS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Limits:
    """How large an archive may be; the default leaves room for forests and networks on tens of thousands of genes.

    Parameters
    ----------
    members
        Files in it.
    unpacked
        Bytes that they unpack to, together.
    times
        The same as a multiple of the archive, where that is more than `unnoticed` bytes.
    """

    members: int = 20_000
    unpacked: int = 2048 * MEBIBYTE
    times: int = 100
    unnoticed: int = 256 * MEBIBYTE


def looks_like(content: bytes) -> str:
    r"""Say what the first bytes of a file look like.

    Examples
    --------
    >>> looks_like(b"PK\x03\x04..."), looks_like(b"\x80\x04\x95..."), looks_like(b"sample,member")
    ('a zip archive', 'a pickle', 'no format that is known by its first bytes')
    """
    if content[:1] == b"\x80" and content[1:2] and content[1] in _PICKLE_PROTOCOLS:
        return "a pickle"
    for first, words in _FIRST_BYTES:
        if content.startswith(first):
            return words
    return "no format that is known by its first bytes"


def refuse_pickle(content: bytes, name: str) -> None:
    """Raise if a file begins as a pickle does, whatever its name says.

    Raises
    ------
    DataError
        With the safe alternatives.
    """
    if looks_like(content) == "a pickle":
        raise DataError(name, [PICKLE])


def check_zip(content: bytes, name: str, *, limits: Limits | None = None, stored: bool = False) -> tuple[str, ...]:
    """Check a zip archive by its directory, before anything in it is unpacked or parsed.

    Parameters
    ----------
    content
        The archive.
    name
        What it is called in messages.
    limits
        How large it may be.
    stored
        Whether its files must be there as they are, not compressed.

    Returns
    -------
    The names of its files.

    Raises
    ------
    DataError
        If it is no zip archive, is damaged or encrypted, holds a name that leads out of a folder or twice the same, an
        archive within (other than sparse arrays, which are checked alike), or more than the limits.
    """
    refuse_pickle(content, name)
    if not content.startswith(b"PK\x03\x04"):
        raise DataError(name, [f"is no zip archive, which this kind of file is; it is {looks_like(content)}."])
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            problem = _problem_of(infos, len(content), limits, stored=stored)
            problem = problem or _problem_within(archive, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error) as error:
        raise DataError(name, ["is a damaged zip archive; copy or save it again."]) from error
    if problem is not None:
        raise DataError(name, [problem])
    return tuple(info.filename for info in infos)


def _problem_of(infos: Sequence[zipfile.ZipInfo], size: int, limits: Limits, *, stored: bool) -> str | None:
    names = [info.filename for info in infos]
    unpacked = sum(info.file_size for info in infos)
    reasons = {
        f"holds {count(len(names), 'file')}, and at most {limits.members:,} are read.": len(names) > limits.members,
        f"unpacks from {size:,} to {unpacked:,} bytes, which no model needs.": unpacked > limits.unpacked
        or unpacked > max(limits.unnoticed, limits.times * size),
        "holds a file whose name leads out of a folder.": any(map(_leads_out, names)),
        "holds two files of the same name.": len(set(names)) < len(names),
        "is encrypted.": any(info.flag_bits & 1 for info in infos),
        "is compressed in a way that is not read.": not {info.compress_type for info in infos}
        <= ({zipfile.ZIP_STORED} if stored else {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in name or not name


def _problem_within(archive: zipfile.ZipFile, limits: Limits) -> str | None:
    """Look for archives within the archive: sparse arrays are stored as one, and count for what they unpack to."""
    unpacked = sum(info.file_size for info in archive.infolist())
    for info in archive.infolist():
        if not _begins_as_zip(archive, info):
            continue
        if not info.filename.endswith(".npz"):
            return "holds an archive within the archive."
        inner = archive.read(info)
        with zipfile.ZipFile(io.BytesIO(inner)) as nested:
            parts = nested.infolist()
            unpacked += sum(part.file_size for part in parts)
            problem = _problem_of(parts, len(inner), limits, stored=False)
            if problem is None and any(_begins_as_zip(nested, part) for part in parts):
                problem = "holds an archive within the archive."
        if problem is not None:
            return f"holds sparse arrays in a file that {problem}"
    return None if unpacked <= limits.unpacked else f"unpacks to {unpacked:,} bytes, which no model needs."


def _begins_as_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    with archive.open(info) as file:
        return looks_like(file.read(4)) == "a zip archive"
