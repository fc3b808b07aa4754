"""The given model of a release audit: whatever its owner has of it, read and asked, with its members settled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genoaudit.artefacts.archives import ENOUGH, MEBIBYTE, PICKLE, refuse_pickle
from genoaudit.artefacts.given_model import PICKLED, SUFFIXES, Reading, read_given
from genoaudit.data.gene_lists import read_gene_order
from genoaudit.data.membership import Membership
from genoaudit.data.target import TABLES, Target, TargetKind, read_target
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_first, read_whole
from genoaudit.folders import recover
from genoaudit.model_config import MembersByColumn, TargetSection
from genoaudit.release.asking import target_of
from genoaudit.release.members import members_from
from genoaudit.release.trained import read_trained

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_MOST_BYTES = 2048 * MEBIBYTE

_KEYS: Mapping[TargetKind, set[str]] = {
    "scores": {"sample", "member"},
    "sklearn": {"trusted", "classes", "genes"},
    "xgboost": {"classes", "genes"},
    "torch": {"constructor", "arguments", "outputs", "classes", "genes"},
    "genoaudit": {"trusted"},
}
_ONE_AND_MANY: Mapping[TargetKind, tuple[str, str]] = {
    "scores": ("a table of scores", "tables of scores"),
    "sklearn": ("a scikit-learn model", "scikit-learn models"),
    "xgboost": ("an XGBoost model", "XGBoost models"),
    "torch": ("a torch model", "torch models"),
    "genoaudit": ("a folder of genoaudit train", "folders of genoaudit train"),
}


def find_target(section: TargetSection, cohort: Cohort) -> Target:
    """Read what ``[target]`` names: a table of scores, a model's file, or a folder of ``genoaudit train``.

    Raises
    ------
    ConfigError
        If keys are missing or belong to another kind of model.
    DataError
        If the file is not sound, does not go with the cohort, or two accounts of the members disagree.
    """
    recover(section.path)
    kind = _kind(section.path)
    foreign = sorted(section.model_fields_set & set().union(*_KEYS.values()) - _KEYS[kind])
    if foreign:
        fitting = next(other for other, keys in _KEYS.items() if foreign[0] in keys)
        msg = (
            f"target.{foreign[0]} is for {_ONE_AND_MANY[fitting][1]}; {section.path.name} is {_ONE_AND_MANY[kind][0]}, "
            "for which it would change nothing. Leave it out."
        )
        raise ConfigError(msg)
    if kind == "scores" and isinstance(section.members, MembersByColumn) and section.members.column not in cohort.obs:
        column = section.members.column
        msg = (
            f"target.members names a column of the cohort, and the cohort has no {column!r}. For a table of scores "
            f"leave members out and name the table's own column: member = {column!r}"
        )
        raise ConfigError(msg)
    given = None if section.members is None else members_from(section.members, cohort)
    if kind == "scores":
        refuse_pickle(read_first(section.path, ENOUGH), section.path.name)
        found = read_target(section.path, cohort, sample=section.sample, member=section.member, members=given)
    elif kind == "genoaudit":
        found = read_trained(section.path, cohort, given, trusted=section.trusted)
    else:
        found = _from_file(section, kind, cohort, given)
    return replace(found, non_members_from=section.non_members_from)


def _from_file(section: TargetSection, kind: TargetKind, cohort: Cohort, given: Membership | None) -> Target:
    name = section.path.name
    content = read_whole(section.path, most=_MOST_BYTES)
    if not content:
        raise DataError(name, ["is empty."])
    refuse_pickle(content, name)
    ending = SUFFIXES[section.path.suffix.lower()]
    if given is None:
        msg = (
            f"target.members is missing: who was {name} trained on? Write members = {{ column = 'NAME' }}, "
            "{ file = 'PATH' }, { share = 0.5, seed = 0 } or 'all'."
        )
        raise ConfigError(msg)
    reading = Reading(**section.model_dump(include=set(Reading.__dataclass_fields__)))
    outputs = len(section.classes or cohort.classes)
    fitted, notes = read_given(content, name, ending, reading, classes=outputs)
    genes = None if section.genes is None else [cohort.genes[i] for i in read_gene_order(section.genes, cohort.genes)]
    found = target_of(fitted, cohort, given, classes=section.classes, genes=genes, source=name, kind=kind)
    told = tuple(f"{name} warned when read: {note}" for note in notes)
    return replace(found, sha256=hashlib.sha256(content).hexdigest(), notes=told + found.notes)


def _kind(path: Path) -> TargetKind:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-1] if suffixes else ""
    if path.is_dir():
        return "genoaudit"
    if last in SUFFIXES:
        return SUFFIXES[last]
    if last in TABLES or (last == ".gz" and suffixes[-2:-1] != [] and suffixes[-2] in TABLES):
        return "scores"
    if last in PICKLED:
        raise DataError(path.name, [PICKLE])
    refuse_pickle(read_first(path, ENOUGH), path.name)
    problem = (
        f"has an unknown ending. Models: {', '.join(SUFFIXES)}, or a folder of genoaudit train. Tables of scores: "
        f"{', '.join(TABLES)} (text also with .gz)."
    )
    raise DataError(path.name, [problem])
