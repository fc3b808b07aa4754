"""Files: read with a limit, written whole or not at all, and known by the digest of their bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from genoaudit.errors import ConfigError, DataError

RELEASE = "release"
"""The part of a model's folder that may leave the house."""

_BLOCK = 1 << 20
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
    with (
        _room(path),
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp", delete=False) as file,
    ):
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def _room(place: Path) -> Iterator[None]:
    """Name the place where no space is left, which the system does not."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        msg = f"no space is left for {place}; what was there before is kept. Free some, or name another place."
        raise ConfigError(msg) from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a fresh folder to write to, which takes the place of `folder` at the end, or is thrown away on an error.

    It lies beside `folder` meanwhile and can be read by its owner only. Whether what is there may be replaced is for
    the caller to have checked.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _room(folder), tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.partial-") as scratch:
        fresh, old = Path(scratch) / "new", Path(scratch) / "old"
        fresh.mkdir(mode=0o700)
        yield fresh
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)


def check_folder(folder: Path, *, holds: Collection[str], whose: str) -> Path:
    """Return where a folder of files may be written, links followed.

    One that holds nothing but such files may be replaced, anything else may not. Called before training, so that hours
    of work do not end in a refusal.

    Parameters
    ----------
    folder
        As named by ``--out``.
    holds
        Names of the files and folders that it will hold.
    whose
        What they belong to, for messages: ``"an audit's"``.

    Raises
    ------
    ConfigError
        If something else is there, or nothing can be written.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        msg = f"--out {folder} is a file; name a folder."
        raise ConfigError(msg)
    if Path.cwd().is_relative_to(folder):
        msg = f"--out {folder} is the folder you are in, or holds it; name another one."
        raise ConfigError(msg)
    if folder.is_dir():
        foreign = [path.name for path in sorted(folder.iterdir()) if path.name not in holds]
        if foreign:
            msg = (
                f"--out {folder} holds {len(foreign)} things that are not {whose} (first: '{foreign[0]}'). "
                "Name a new folder."
            )
            raise ConfigError(msg)
    existing = next(parent for parent in folder.parents if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        msg = f"--out {folder} cannot be made: {existing} is not a folder that may be written to."
        raise ConfigError(msg)
    return folder


def file_digest(*paths: Path, salt: bytes = b"") -> str:
    """Digest files one after the other, as ``cat paths | sha256sum`` does, without reading one as a whole.

    A `salt` is digested before them.

    Raises
    ------
    DataError
        If one of them is no regular file.
    """
    sha = hashlib.sha256(salt)
    for path in paths:
        expect_file(path)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                sha.update(block)
    return sha.hexdigest()


def released_files(path: Path) -> dict[str, Path]:
    """Return the files of a model by their place in its folder; of a folder with a part `RELEASE`, those in there.

    Raises
    ------
    DataError
        If there are none, or something is not a file: links to folders would leave out what is behind them.

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
    root = path / RELEASE if (path / RELEASE).is_dir() else path
    found: dict[str, Path] = {}
    for entry in sorted(root.rglob("*")):
        name = entry.relative_to(root).as_posix()
        readable = name.encode(errors="replace").decode()
        if entry.is_file() and readable == name:
            found[name] = entry
        elif entry.is_symlink() or not entry.is_dir():
            raise DataError(path.name, [f"'{readable}' in it is not a file with a name in UTF-8, or is a link."])
    if not found:
        raise DataError(path.name, ["is an empty folder."])
    return found


def content_digest(path: Path) -> str:
    """Digest a file, or the files of a model's folder one after the other in the order of their names."""
    return file_digest(*released_files(path).values())


def code_digest(*parts: str) -> str:
    """Digest this package's source, or some parts of it: names of folders and modules at its top.

    Examples
    --------
    >>> code_digest() != code_digest("errors.py") != code_digest("contracts.py")
    True
    """
    package = Path(__file__).parent
    sha = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        if not parts or relative.parts[0] in parts:
            sha.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()
