"""A model that ``genoaudit train`` made: its own recipe, genes, classes, scale and members are in its folder."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from genoaudit.artefacts.folder_files import MANIFEST
from genoaudit.contracts import BoolArray
from genoaudit.data.membership import Membership
from genoaudit.data.target import Target, same_members
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import RELEASE, content_digest
from genoaudit.phrases import count
from genoaudit.release.asking import target_of

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def read_trained(folder: Path, cohort: Cohort, given: Membership | None, *, trusted: Collection[str] = ()) -> Target:
    """Read a folder of ``genoaudit train``.

    Parameters
    ----------
    folder
        The whole folder, or its ``release`` part alone; then somebody has to say who the members are.
    cohort
        The members and other patients, on the scale that the model was trained on.
    given
        Who the members are by another account, which must agree with the folder's own.
    trusted
        Full names of types of other libraries that may be made.

    Raises
    ------
    DataError
        If the folder does not go with the cohort, or the two accounts disagree.
    ConfigError
        If nobody says who the members are.
    """
    name = folder.name
    released = folder / RELEASE if (folder / RELEASE).is_dir() else folder
    if not (released / MANIFEST).is_file():
        raise DataError(name, [f"is a folder, but none that genoaudit train made: it has no {RELEASE}/{MANIFEST}."])
    from genoaudit.artefacts.model_folder import read_model

    stored = read_model(folder, trusted=trusted)
    if stored.scale != cohort.scale:
        problem = f"was trained on values of scale {stored.scale!r}, and the cohort declares {cohort.scale!r}."
        raise DataError(name, [problem])
    manifest: Literal["agrees", "none"] = "none"
    if stored.members is not None:
        own = _patients(stored.members, cohort, name)
        if given is not None:
            same_members(own, given, name, "its own list")
        given, manifest = Membership(own, "the list beside the model" if given is None else given.given_by), "agrees"
    if given is None:
        msg = f"target.members is missing: {name} has no confidential part that names the members."
        raise ConfigError(msg)
    labels = [stored.classes[int(code)] for code in stored.recipe.classes_]
    found = target_of(stored.recipe, cohort, given, classes=labels, genes=stored.genes, source=name, kind="genoaudit")
    return replace(
        found,
        sha256=content_digest(folder),
        manifest=manifest,
        mechanisms=tuple(stored.manifest.mechanisms),
        delta=stored.manifest.delta,
        seeded=stored.manifest.seeded,
    )


def _patients(ids: tuple[str, ...], cohort: Cohort, name: str) -> BoolArray:
    code_of = {patient: code for code, patient in enumerate(cohort.patient_ids)}
    absent = sum(patient not in code_of for patient in ids)
    if absent:
        problem = (
            f"was trained on {count(len(ids), 'patient')}, of whom {absent:,} are not in the cohort. Audit it on a "
            "cohort that holds all of its members."
        )
        raise DataError(name, [problem])
    members = np.zeros(cohort.n_patients, dtype=np.bool_)
    members[[code_of[patient] for patient in ids]] = True
    return members
