"""Folders that are written whole or not at all, also where the process is killed at any moment.

A fresh folder is written beside its place, in a hidden one that its writer holds a lock on. At the end the earlier
folder is moved in there and the fresh one out. If the process is killed between the two moves, nothing is in its place,
and both lie whole in the hidden folder, which nobody holds any more: whoever looks next puts that right (`recover`).
"""

from __future__ import annotations

import fcntl
import glob
import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genoaudit.errors import ConfigError
from genoaudit.files import room_for

log = logging.getLogger(__name__)

_NEW, _OLD = "new", "old"


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a fresh folder to write to, which takes the place of `folder` at the end, or is thrown away on an error.

    It lies beside `folder` meanwhile and can be read by its owner only. Whether what is there may be replaced is for
    the caller to have checked.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    with room_for(folder), scratch_beside(folder) as scratch:
        fresh, old = scratch / _NEW, scratch / _OLD
        fresh.mkdir(mode=0o700)
        yield fresh
        try:
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise


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
    recover(folder)
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


@contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """Give a hidden folder beside another one, locked while it is in use, so that nobody takes it for a remainder."""
    scratch, held = _claimed(folder)
    try:
        yield scratch
    finally:
        if os.path.lexists(folder) or not os.path.lexists(scratch / _OLD):  # else it holds the only one there is
            shutil.rmtree(scratch)
        os.close(held)


def _claimed(folder: Path) -> tuple[Path, int]:
    """Make a scratch folder and hold it; return it with the descriptor of its lock."""
    while True:
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_prefix(folder)))
        with suppress(FileNotFoundError):  # swept before it was locked
            held = os.open(scratch, os.O_RDONLY)
            _lock(held, wait=True)  # a file system without locks does without: nobody sweeps there
            if scratch.exists():
                return scratch, held
            os.close(held)


def recover(folder: Path) -> None:
    """Put a folder in its place that a killed process left beside it, and sweep what else such a process left there.

    What is held by a living process or belongs to somebody else is left alone. What was done is logged as a warning.

    Parameters
    ----------
    folder
        Where it should be; links are followed.

    Raises
    ------
    ConfigError
        If it lies beside its place and cannot be put there.
    """
    try:
        folder = folder.resolve()
    except (OSError, RuntimeError, ValueError):
        return  # no place; whoever reads it says so
    if not folder.name:
        return
    for scratch in sorted(folder.parent.glob(f"{glob.escape(_prefix(folder))}*")):
        with _abandoned(scratch) as abandoned:
            if abandoned:
                _put_right(folder, scratch)


def _put_right(folder: Path, scratch: Path) -> None:
    fresh, old = scratch / _NEW, scratch / _OLD
    try:
        # The earlier one is only ever moved away when the new one is complete.
        if old.is_dir() and not os.path.lexists(folder):
            kept, which = (fresh, "new one, which was complete,") if fresh.is_dir() else (old, "earlier one")
            kept.rename(folder)
            log.warning("%s was gone: a process was killed while replacing it. The %s is there now.", folder, which)
        else:
            log.warning("Swept what a process that was killed left beside %s.", folder)
        shutil.rmtree(scratch)
    except OSError as error:
        msg = f"{folder}: a process was killed while writing it; {scratch} holds what it left: {error.strerror}."
        raise ConfigError(msg) from error


@contextmanager
def _abandoned(scratch: Path) -> Iterator[bool]:
    """Say whether a scratch folder of ours is held by nobody; hold it meanwhile."""
    try:
        held = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        yield os.fstat(held).st_uid == os.geteuid() and _lock(held)
    finally:
        os.close(held)


def _lock(descriptor: int, *, wait: bool = False) -> bool:
    """Take the lock, or say that somebody has it; it ends with the process, however that ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _prefix(folder: Path) -> str:
    return f".{folder.name}.partial-"
