"""What a certificate says: an in-toto statement about a model, its reports and the verdict on them.

What it proves
    That somebody with the signing key states: this code, in this version, gave this verdict by this policy on an audit
    whose reports, members, data and configuration are the ones committed to, for a model of these bytes. Whoever has
    the public key can check the statement, and compare with it every file at hand (`genoaudit.verify_certificate`).

What it does not prove
    That the signer is honest, or that the audit was run as its record says: the key owner could sign anything. That the
    risk is low: that is the verdict's business, and a certificate may say hold. Where ``model`` is ``"stated"``, that
    the audit was of this very file: the signer says so. The date is the signer's clock.

What it gives away
    It may be shared with the model. Digests of what may be public stand in it as they are. A plain digest of anything
    else could be confirmed by guessing: whoever has all but one of the patients can try both answers. So members, data,
    configuration and every confidential file are committed to with SHA-256 over a random salt of 32 bytes, one for
    each, followed by their bytes. The salts are in ``salts.json`` of the confidential run, a file of its own because
    ``run.json`` is itself committed to; without them the commitments say nothing, and deleting it closes them for good.
    A certificate of a model that is *not* released names a digest of that model, from which a deterministic training
    could be confirmed; share it as you would share the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from genoaudit.files import file_digest, released_files
from genoaudit.json_text import compact_json, strict_json
from genoaudit.report.sections import Part

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["urn:genoaudit:certificate:1.0"] = "urn:genoaudit:certificate:1.0"

MODEL = "model/"
"""Files of a model's folder begin so among the subjects."""

SALTED: Literal["saltedSha256"] = "saltedSha256"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SALTS = TypeAdapter(dict[str, Sha256])  # a salt is as long as a digest


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        msg = "must be a path inside the folder"
        raise ValueError(msg)
    return name


Inside = Annotated[str, AfterValidator(_inside)]
"""A path of which nothing leads out of the folder that it is relative to."""


class Subject(Part):
    """A file that the certificate is about: of the model or of the run."""

    name: Inside = Field(description="'model' or 'model/PATH' for the model, else the path in the folder of the run.")
    digest: dict[Literal["sha256", "saltedSha256"], Sha256] = Field(
        min_length=1,
        max_length=1,
        description="sha256 of what may be public; saltedSha256 of the rest: SHA-256 over the salt and then the file.",
    )

    @property
    def value(self) -> str:
        """The digest, whichever it is."""
        [value] = self.digest.values()
        return value

    @property
    def is_model(self) -> bool:
        """Whether this is a file of the model rather than of the run."""
        return self.name == "model" or self.name.startswith(MODEL)


class PolicyUsed(Part):
    """The policy that gave the verdict."""

    name: str
    sha256: Sha256


class Certificate(Part):
    """The predicate of the statement: who judged what by which rules, and commitments to what stays confidential."""

    audit: Literal["recipe", "release"] = Field(description="Whether a recipe was audited or one given model.")
    model: Literal["audited", "stated", "none"] = Field(
        description="How the model belongs to the audit: its bytes were audited; the signer states it; there is none."
    )
    decision: Literal["release", "hold", "undecidable"]
    policy: PolicyUsed
    genoaudit_version: str
    code_sha256: Sha256 = Field(
        description="Digest of genoaudit's code, templates and policies, for audit and verdict."
    )
    libraries: dict[str, str] = Field(description="Versions of the libraries that the audit ran with.")
    signed_on: date = Field(description="By the signer's clock, UTC.")
    commitments: dict[str, Sha256] = Field(
        description="SHA-256 over a salt and then: the ids of each model's members, the digest of the data, the "
        "configuration, the digest of every other file that was read."
    )
    salts_sha256: Sha256 = Field(description="Digest of salts.json, which stays with the confidential run.")


class Statement(Part):
    """An in-toto statement, version 1, whose predicate is a certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["urn:genoaudit:certificate:1.0"] = Field(default=PREDICATE_TYPE, alias="predicateType")
    predicate: Certificate

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        if len({subject.name for subject in self.subject}) < len(self.subject):
            msg = "a subject is named twice"
            raise ValueError(msg)
        return self

    def to_bytes(self) -> bytes:
        """Return the statement as compact JSON with sorted keys."""
        return compact_json(self.model_dump(mode="json"))


def salts_bytes(salts: Mapping[str, bytes]) -> bytes:
    """Return what ``salts.json`` holds: every salt in hexadecimal by the name of what it belongs to."""
    return (json.dumps({name: salt.hex() for name, salt in salts.items()}, indent=2, sort_keys=True) + "\n").encode()


def read_salts(content: bytes) -> dict[str, bytes]:
    """Read what `salts_bytes` wrote.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    salts = {name: bytes.fromhex(salt) for name, salt in _SALTS.validate_python(strict_json(content)).items()}
    if salts_bytes(salts) != content:
        msg = "not written as salts are"
        raise ValueError(msg)
    return salts


def member_lines(members_of_models: Iterable[Iterable[str]]) -> bytes:
    r"""Return the bytes that stand for the members: for each model a line of JSON with their sorted ids.

    Examples
    --------
    >>> member_lines([["P2", "P1"]])
    b'["P1","P2"]\n'
    """
    return b"".join(compact_json(sorted(members)) + b"\n" for members in members_of_models)


def model_digests(place: Path) -> dict[str, str]:
    """Return the digest of every file of a model, by the name it has in a certificate.

    Raises
    ------
    DataError
        As `genoaudit.files.released_files` says.
    """
    files = released_files(place)
    if place.is_file():
        return {"model": file_digest(place)}
    return {f"{MODEL}{name}": file_digest(path) for name, path in files.items()}
