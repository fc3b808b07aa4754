"""A manifest of a private model, made up."""

from __future__ import annotations

from typing import Any

from genoaudit.artefacts.manifest import Commitments, Manifest, Privacy, library_versions
from genoaudit.privacy.mechanism import Mechanism

MECHANISM = Mechanism(clip=0.1 + 0.2, noise_multiplier=1.1, sampling_rate=0.1, steps=10, patients=50, releases=(2.0,))


def privacy(**changes: Any) -> Privacy:
    facts = {
        "mechanisms": (MECHANISM,),
        "delta": 1 / 3,
        "epsilon": 4.0,
        "accountant": "pld",
        "neighbouring": "add/remove",
        "unit": "patient",
        "vacuous": False,
        "end_to_end": True,
        "gaps": (),
        "assumptions": (),
        "randomness": "not recorded",
    }
    return Privacy(**{**facts, **changes})


def manifest(**changes: Any) -> Manifest:
    facts = {
        "genoaudit_version": "1",
        "code_sha256": "0" * 64,
        "libraries": library_versions(),
        "recipe": {},
        "label": "type",
        "classes": ("a", "b"),
        "genes": ("g1", "g2"),
        "scale": "log2",
        "privacy": privacy(),
        "seeded": False,
        "answers_only": False,
        "trusted": (),
        "files": {},
        "commitments": Commitments(members="0" * 64, data="1" * 64),
    }
    return Manifest(**{**facts, **changes})
