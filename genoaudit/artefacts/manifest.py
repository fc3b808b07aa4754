"""What stands beside a model's weights: facts that anybody may read, and facts that stay in the house.

The first never say who the members were, how many, or from which seed. What they say of members and data is a
commitment: a digest over a random salt that stays behind, so that a guess cannot be confirmed without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genoaudit.commitments import commitment
from genoaudit.contracts import Scale
from genoaudit.privacy.mechanism import Mechanism

MANIFEST_VERSION: Literal["1.0"] = "1.0"

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "opacus", "dp-accounting", "xgboost", "skops", "safetensors")
"""Libraries that decide what a model is and how its files read."""


class Record(BaseModel):
    """A frozen piece of a manifest; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredFile(Record):
    """A file as it was written."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Privacy(Record):
    """What training with DP guarantees, and what it does not."""

    mechanisms: tuple[Mechanism, ...] = Field(description="All that was released of the patients; composed below.")
    delta: float
    epsilon: float | None = Field(description="Of all mechanisms together; null: no finite epsilon holds.")
    accountant: Literal["pld", "rdp"]
    neighbouring: Literal["add/remove"]
    unit: Literal["patient"]
    vacuous: bool = Field(description="Epsilon is so large that it excludes no attack.")
    end_to_end: bool = Field(description="The guarantee covers all that the recipe did with the patients.")
    gaps: tuple[str, ...]
    assumptions: tuple[str, ...]
    randomness: Literal["not recorded", "reproducible, not releasable"] = Field(
        description="Whether noise and batches can be drawn again. Noise that can be drawn again can be taken off."
    )


class Commitments(Record):
    """SHA-256 over a salt of 32 random bytes, which stays in the house, and what is committed to."""

    members: str = Field(
        pattern="^[0-9a-f]{64}$", description="Over the members' ids: sorted, as a JSON array in ASCII without spaces."
    )
    data: str = Field(pattern="^[0-9a-f]{64}$", description="Over the cohort's content digest, in hexadecimal.")


class Manifest(Record):
    """Facts of a model that go with it; none of them tells of a patient, or how many there were."""

    schema_version: Literal["1.0"] = MANIFEST_VERSION
    genoaudit_version: str
    code_sha256: str = Field(description="Digest of genoaudit's code, templates and policies.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that decide the numbers.")
    recipe: dict[str, Any] = Field(description="Classes and parameters, without seeds.")
    label: str = Field(description="What is predicted.")
    classes: tuple[str, ...] = Field(description="Names of the classes; a class code is a place in this list.")
    genes: tuple[str, ...] = Field(description="Names of the inputs, in their order.")
    scale: Scale = Field(description="How expression must be given.")
    privacy: Privacy | None = Field(description="Null: trained without DP.")
    seeded: bool | None = Field(
        description="With DP: whether its random numbers can be drawn again. Null without DP: nothing hangs on it."
    )
    answers_only: bool = Field(
        description="Its protection acts on answers: serve them, and do not hand these files out."
    )
    trusted: tuple[str, ...] = Field(
        description="Types in model.skops that a reader must name as trusted; they come from other libraries."
    )
    files: dict[str, StoredFile] = Field(description="The files that decide answers. The card is for people to edit.")
    commitments: Commitments

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """All that was released of the patients with DP; empty without."""
        return () if self.privacy is None else self.privacy.mechanisms

    @property
    def delta(self) -> float | None:
        """Delta of the guarantee; None without DP."""
        return None if self.privacy is None else self.privacy.delta


class LeftOut(Record):
    """How well the model classifies the patients that it was not trained on."""

    patients: int
    samples: int
    accuracy: float
    accuracy_low: float = Field(description="Two-sided 95 % limits over patients.")
    accuracy_high: float
    balanced_accuracy: float | None
    macro_f1: float | None
    auroc: float | None


class ConfidentialManifest(Record):
    """Facts of a model that stay in the house: they name its members, or let a guess be confirmed."""

    schema_version: Literal["1.0"] = MANIFEST_VERSION
    release_sha256: str = Field(description="Digest of the manifest that goes with the model.")
    members_salt: str = Field(pattern="^[0-9a-f]{64}$")
    data_salt: str = Field(pattern="^[0-9a-f]{64}$")
    data: str = Field(description="Name of the cohort's file, without folders.")
    data_sha256: str = Field(description="Digest of the cohort's content.")
    members: int
    member_samples: int
    members_by: str
    seed: int | None = Field(
        description="Every random number came from it. Null: with DP, they came from the operating system and are lost."
    )
    left_out: LeftOut | None = Field(description="Null: nobody was left out.")
    notes: tuple[str, ...]


def commitment_to_members(salt: str, patient_ids: Iterable[str]) -> str:
    """Commit to a set of patients, whatever their order.

    Examples
    --------
    >>> one, other = (commitment_to_members("00" * 32, ids) for ids in (["p1", "p2"], ["p2", "p1", "p1"]))
    >>> one == other, one == commitment_to_members("01" + "00" * 31, ["p1", "p2"])
    (True, False)
    """
    written = json.dumps(sorted(set(patient_ids)), separators=(",", ":"))
    return commitment(bytes.fromhex(salt), written.encode())


def commitment_to_data(salt: str, digest: str) -> str:
    """Commit to a cohort by the digest of its content (`genoaudit.data.cohort.Cohort.digest`)."""
    return commitment(bytes.fromhex(salt), digest.encode())


def library_versions() -> dict[str, str]:
    """Return the installed version of each of `LIBRARIES`."""
    return {name: version(name) for name in LIBRARIES}


def manifest_text(manifest: Record) -> str:
    """Serialise with sorted keys and every digit: a mechanism is accounted for as it was, not as it rounds."""
    content = manifest.model_dump(mode="json")
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
