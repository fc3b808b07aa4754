"""Commitments: digests over random salts, which say nothing to whoever has no salt and cannot be opened otherwise.

A plain digest of what can be guessed confirms the guess. These hide, because nobody can try out 2^256 salts, and they
bind, because salts have one length and SHA-256 no known collisions.
"""

from __future__ import annotations

import hashlib
import secrets

SALT_BYTES = 32


def new_salt() -> bytes:
    """Draw a salt from the operating system."""
    return secrets.token_bytes(SALT_BYTES)


def commitment(salt: bytes, *content: bytes) -> str:
    """Commit to some bytes: SHA-256 over the salt and then the bytes, in hexadecimal.

    Examples
    --------
    >>> commitment(bytes(32), b"members") == hashlib.sha256(bytes(32) + b"members").hexdigest()
    True
    """
    sha = hashlib.sha256(salt)
    for part in content:
        sha.update(part)
    return sha.hexdigest()
