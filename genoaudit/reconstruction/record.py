"""What people should know of a reconstruction attack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sight = Literal["gradients", "parameters"]
"""What the adversary sees: updates of single patients or batches, or the released model alone."""


@dataclass(frozen=True)
class ReconstructionAttack:
    """A reconstruction attack as people read it; its function lies beside it.

    Parameters
    ----------
    name, title
        What it is called in configurations, and by people.
    sees
        What the adversary sees.
    threat_model
        What the adversary sees, knows and does, in words.
    cost
        What it takes.
    reference
        Where it comes from.
    caveat
        What it is blind to.
    """

    name: str
    title: str
    sees: Sight
    threat_model: str
    cost: str
    reference: str
    caveat: str
