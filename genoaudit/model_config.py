"""Configuration of one model: who it is trained on, and how one that is given is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Discriminator, Field, Tag

from genoaudit.toml_file import Section


class MembersByColumn(Section):
    """Members by a column of the cohort that says yes or no of every sample."""

    column: str


class MembersByFile(Section):
    """Members by a text file with one patient or sample id in a line."""

    file: Path


class MembersByDraw(Section):
    """Members drawn as a share of the patients, stratified by class."""

    share: float = Field(gt=0, lt=1, strict=True)
    seed: int = Field(ge=0, lt=2**63, strict=True)


def _way_of_members(given: object) -> str | None:
    """Name the way by its keys, so that a mistake is told once and not for every way; None: it is none of them."""
    if given == "all":
        return "(all)"
    keys = set(given) if isinstance(given, Mapping) else set(getattr(type(given), "model_fields", ()))
    ways = {"(column)": {"column"}, "(file)": {"file"}, "(drawn)": {"share", "seed"}}
    return next((way for way, own in ways.items() if own == keys), None)


Members = Annotated[
    Annotated[Literal["all"], Tag("(all)")]
    | Annotated[MembersByColumn, Tag("(column)")]
    | Annotated[MembersByFile, Tag("(file)")]
    | Annotated[MembersByDraw, Tag("(drawn)")],
    Discriminator(
        _way_of_members,
        custom_error_type="members",
        custom_error_message="must be 'all', { column = 'NAME' }, { file = 'PATH' } or { share = 0.5, seed = 0 }",
    ),
]
"""Who a model is trained on: everybody, or some patients by one of three ways."""


class TargetSection(Section):
    """A given model, or what it said: the release audit of this one model instead of its recipe."""

    path: Path = Field(
        description="skops, ubj, json, safetensors, pt or pth: a model. A folder of genoaudit train. csv, tsv, txt or "
        "parquet: a row per sample with id, membership and a column per class."
    )
    members: Members | None = Field(
        default=None, description="Who it was trained on; default: the table's member column, the folder's own list."
    )
    non_members_from: str | None = Field(default=None, description="Where the other patients came from, in free words.")
    sample: str | None = Field(default=None, description="Tables: column with the sample ids; default: the first.")
    member: str = Field(default="member", description="Tables: column that says whether a sample was trained on.")
    trusted: tuple[str, ...] = Field(default=(), description="Types and functions of libraries that may be made.")
    constructor: str | None = Field(default=None, description="torch: 'module:function' giving the module.")
    arguments: dict[str, Any] = Field(default={}, description="torch: keywords of the constructor.")
    outputs: Literal["logits", "probabilities"] = Field(default="logits", description="torch: what the module gives.")
    classes: tuple[str, ...] | None = Field(
        default=None, description="The cohort's classes in the order of the model's outputs; default: by their names."
    )
    genes: Path | None = Field(
        default=None,
        description="Text file with the model's genes in its order, one in a line; default: its own names, or the "
        "cohort's order where it has none.",
    )


TargetT = TypeVar("TargetT", bound=TargetSection)


class TrainSection(Section):
    """The one model that ``genoaudit train`` makes for release; an audit takes no notice of it."""

    members: Members = Field(description="Patients to train on: 'all', or some by a column, a file or a draw.")
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        strict=True,
        description="Default: drawn anew. Leave it out with DP: noise that can be drawn again protects nobody.",
    )


def located_members(members: Members, folder: Path) -> Members:
    """Return the same with its file, if it names one, taken relative to a folder."""
    if isinstance(members, MembersByFile):
        return members.model_copy(update={"file": folder / members.file})
    return members


def located_target(target: TargetT, folder: Path) -> TargetT:
    """Return the same with its paths taken relative to a folder."""
    found: dict[str, Any] = {"path": folder / target.path}
    if target.members is not None:
        found["members"] = located_members(target.members, folder)
    if target.genes is not None:
        found["genes"] = folder / target.genes
    return target.model_copy(update=found)
