"""One seed tree: every random draw has a path, and a path always gives the same stream.

Nothing seeds a global generator. A draw for model 17 does not depend on how many models there are or on which process
trains them, so an audit can grow, resume and run in parallel without changing a number.
"""

from __future__ import annotations

import hashlib

import numpy as np


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
