"""One seed tree: every random draw has a path, and a path always gives the same stream.

Nothing seeds a global generator. A draw for model 17 does not depend on how many models there are or on which process
trains them, so an audit can grow, resume and run in parallel without changing a number.
"""

from __future__ import annotations

import hashlib
import os
import secrets

import numpy as np

from genoaudit.contracts import FloatArray, IntArray

_BITS = 52  # of a uniform number, so that it and a half more are exact in double precision


def _words(part: str | int) -> int:
    if isinstance(part, str):
        return int.from_bytes(hashlib.sha256(part.encode()).digest()[:4], "little")
    return part


def seed_sequence(seed: int, *path: str | int) -> np.random.SeedSequence:
    """Return the seed sequence at `path` below `seed`.

    Examples
    --------
    >>> seed_sequence(0, "shadow", 17).generate_state(1) == seed_sequence(0, "shadow", 17).generate_state(1)
    array([ True])
    """
    return np.random.SeedSequence(seed, spawn_key=tuple(_words(part) for part in path))


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return a fresh generator for the draw at `path`."""
    return np.random.default_rng(seed_sequence(seed, *path))


def random_state(seed: int, *path: str | int) -> int:
    """Return a 31-bit integer for libraries that take ``random_state``."""
    return int(seed_sequence(seed, *path).generate_state(1)[0] >> 1)


def entropy_uniform(size: int) -> FloatArray:
    """Draw from the cryptographic generator of the operating system what nobody can draw again.

    Returns
    -------
    The centres of 2^52 equal cells of (0, 1), [size]: never 0 or 1, symmetric, and every one exact in float64.

    Examples
    --------
    >>> bool(((0 < (drawn := entropy_uniform(100))) & (drawn < 1)).all())
    True
    """
    words = np.frombuffer(os.urandom(8 * size), dtype=np.uint64) >> np.uint64(64 - _BITS)
    uniform: FloatArray = (words.astype(np.float64) + 0.5) * 2.0**-_BITS
    return uniform


def entropy_permutation(size: int) -> IntArray:
    """Shuffle 0 to `size` - 1 by the cryptographic generator of the operating system: nobody can draw it again.

    Examples
    --------
    >>> sorted(entropy_permutation(4).tolist())
    [0, 1, 2, 3]
    """
    return np.array(secrets.SystemRandom().sample(range(size), size), dtype=np.intp)
