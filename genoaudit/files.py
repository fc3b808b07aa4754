"""Files: read with a limit, written whole or not at all, and known by the digest of their bytes."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from genoaudit.errors import ConfigError, DataError
from genoaudit.json_text import compact_json

RELEASE = "release"
"""The part of a model's folder that may leave the house."""

SHIPPED = "data_schemas"
"""Folder of schemas, examples and policies."""

_BLOCK = 1 << 20
_UNFINISHED = ".tmp"
_INERT = {".pyc", ".pyo", ".md"}
_MOST_BYTES = 1 << 26
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def read_whole(path: Path, *, most: int = _MOST_BYTES) -> bytes:
    """Read a regular file of at most `most` bytes.

    Whatever a user or a stranger names comes in by here, because a pipe can be waited for without end and a device read
    without end.

    Raises
    ------
    DataError
        If there is none, it is something else (a folder, a pipe, a loop of links), or larger.
    """
    content = read_first(path, most + 1)
    if len(content) > most:
        raise DataError(path.name, [f"has more than {most:,} bytes, the most that is read."])
    return content


def read_lines(path: Path, *, most: int = _MOST_BYTES) -> list[str]:
    """Read the lines of a text file, UTF-8 with or without its mark.

    Raises
    ------
    DataError
        As `read_whole`, and if it is not UTF-8 text.
    """
    try:
        return read_whole(path, most=most).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(path.name, ["is not UTF-8 text. Is it another format, or compressed?"]) from error


def read_first(path: Path, most: int) -> bytes:
    """Read at most so many of the first bytes of a regular file.

    Raises
    ------
    DataError
        If there is none, or it is something else.
    """
    expect_file(path)
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise _unreadable(path, error) from error


def expect_file(path: Path) -> None:
    """Raise unless a regular file is there, links followed.

    Raises
    ------
    DataError
        Saying what is there instead.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise DataError(path.name or str(path), ["does not exist."]) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:  # a zero byte
        raise DataError(repr(path.name[:80]), ["is no name that a file can have."]) from error
    if not stat.S_ISREG(mode):
        raise DataError(path.name, ["is a folder; name a file." if stat.S_ISDIR(mode) else "is no regular file."])


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path.name[:80], [f"cannot be read: {(error.strerror or 'no reason given').lower()}."])


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and put it there, so that it is there whole or not at all, for its owner to read.

    What was written of one that cannot be finished is removed: it may name patients.
    """
    fresh = _written_beside(path, content)
    try:
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that mean nothing without each other: all of them, or none, and then the earlier ones stay.

    The last one vouches for the others. It goes first and comes last, so that a process that is killed in between
    leaves none that others contradict. What such a process left beside them is swept.

    Raises
    ------
    OSError
        If one cannot be put in its place.
    """
    for path in files:
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
            raise OSError(errno.EEXIST, "is there, and is no file", str(path))
        for left in path.parent.glob(f".{glob.escape(path.name)}-*{_UNFINISHED}"):
            left.unlink()
    fresh: dict[Path, Path] = {}
    aside: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for path, content in files.items():
            fresh[path] = _written_beside(path, content)
        for path in reversed([path for path in files if path.exists()]):
            aside[path] = path.replace(path.with_name(f".{path.name}-earlier{_UNFINISHED}"))
        for path, written in fresh.items():
            placed.append(written.replace(path))
    except BaseException:
        for path in placed:
            path.unlink()
        for path, earlier in reversed(aside.items()):
            earlier.replace(path)
        raise
    finally:
        for left in (*fresh.values(), *aside.values()):
            left.unlink(missing_ok=True)


@contextmanager
def room_for(place: Path) -> Iterator[None]:
    """Name the place where no space is left, which the system does not."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        msg = f"no space is left for {place}; what was there before is kept. Free some, or name another place."
        raise ConfigError(msg) from error


def _written_beside(path: Path, content: bytes) -> Path:
    prefix = f".{path.name}-"
    with (
        room_for(path),
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=prefix, suffix=_UNFINISHED, delete=False) as file,
    ):
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return Path(file.name)


def file_digest(path: Path, *, salt: bytes = b"") -> str:
    """Digest a file as ``sha256sum`` does, without reading it as a whole; a `salt` is digested before it.

    Raises
    ------
    DataError
        If it is no regular file.
    """
    expect_file(path)
    sha = hashlib.sha256(salt)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return sha.hexdigest()


def named_digest(digests: Mapping[str, str]) -> str:
    """Digest several things under their names, from the digest of each, so that nothing can move between them.

    It is the SHA-256 of one JSON object: names as keys in order, without spaces.

    Examples
    --------
    >>> named_digest({"a": "0", "b": "1"}) == hashlib.sha256(b'{"a":"0","b":"1"}').hexdigest()
    True
    """
    return hashlib.sha256(compact_json(dict(digests))).hexdigest()


def cohort_digest(table: Path, labels: Path | None = None) -> str:
    """Digest a cohort's file; with a file of labels beside it, both under ``"cohort"`` and ``"labels"``."""
    if labels is None:
        return file_digest(table)
    return named_digest({"cohort": file_digest(table), "labels": file_digest(labels)})


def is_linked(root: Path, name: str) -> bool:
    """Say whether a path inside a folder goes through a link, which may lead out of it."""
    place = root / name
    return any(part.is_symlink() for part in (place, *place.parents) if part != root and part.is_relative_to(root))


def released_files(path: Path) -> dict[str, Path]:
    """Return the files of a model by their place in its folder; of a folder with a part `RELEASE`, those in there.

    Raises
    ------
    DataError
        If there are none, or something is not a file of its own: what a link leads to is not in the folder.

    Examples
    --------
    >>> sorted(released_files(Path(__file__)))
    ['files.py']
    """
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        problem = "is not a file or a folder." if os.path.lexists(path) else "does not exist."
        raise DataError(path.name, [problem])
    found, odd = sort_out(release_part(path))
    if odd:
        readable = odd[0].encode(errors="replace").decode()
        raise DataError(path.name, [f"'{readable}' in it is not a file with a name in UTF-8, or is a link."])
    if not found:
        raise DataError(path.name, ["is an empty folder."])
    return found


def release_part(folder: Path) -> Path:
    """Return the part of a model's folder that may leave the house, or the folder if it has no parts.

    Raises
    ------
    DataError
        If the part is a link.
    """
    part = folder / RELEASE
    if part.is_symlink():
        raise DataError(folder.name, [f"'{RELEASE}' in it is a link; what it leads to is not in the folder."])
    return part if part.is_dir() else folder


def sort_out(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Walk a folder; return its files by their places, and the places of links and whatever else is no file or folder.

    Links are not followed. A name that is not UTF-8 counts as no file, as it cannot be written down.
    """
    found: dict[str, Path] = {}
    odd: list[str] = []
    for entry in sorted(root.rglob("*")):
        name = entry.relative_to(root).as_posix()
        if entry.is_symlink() or name.encode(errors="replace").decode() != name:
            odd.append(name)
        elif entry.is_file():
            found[name] = entry
        elif not entry.is_dir():
            odd.append(name)
    return found, odd


def content_digest(path: Path) -> str:
    """Digest a file, or the files of a model's folder under their places in it."""
    if path.is_file():
        return file_digest(path)
    return named_digest({name: file_digest(file) for name, file in released_files(path).items()})


def code_digest(*parts: str) -> str:
    """Digest what this package does: source, templates, styles, scripts, and the policies that come along.

    Compiled files, documentation and schemas, which do nothing, are left out, so that a checkout and the package
    installed from it have one digest.

    Parameters
    ----------
    parts
        Names of folders and modules at the package's top; none: all of it, with the policies.

    Examples
    --------
    >>> code_digest() != code_digest("errors.py") != code_digest("contracts.py")
    True
    """
    package = Path(__file__).parent
    found = {path.relative_to(package): path for path in package.rglob("*") if path.is_file()}
    acting = {
        place.as_posix(): file_digest(path)
        for place, path in found.items()
        if "__pycache__" not in place.parts and place.suffix not in _INERT and place.parts[0] != SHIPPED
        if not parts or place.parts[0] in parts
    }
    policies = () if parts else (shipped_folder() / "policies").glob("*.toml")
    return named_digest({**acting, **{f"policies/{path.name}": file_digest(path) for path in policies}})


def shipped_folder() -> Path:
    """Return the folder of what comes along: inside an installed package, beside a checkout."""
    package = Path(__file__).parent
    inside = package / SHIPPED
    return inside if inside.is_dir() else package.parent / SHIPPED
