"""What identifies code and files: SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


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


def file_digest(*paths: Path) -> str:
    """Digest files one after the other, as ``cat paths | sha256sum`` does, without reading one as a whole."""
    sha = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                sha.update(block)
    return sha.hexdigest()
