"""A trained model as a folder: ``release/``, which may leave the house, and ``confidential/``, which may not.

::

    MODEL/release/       model.safetensors, model.ubj, model.skops (those that the recipe needs), recipe.json,
                         manifest.json, README.md
    MODEL/confidential/  members.csv, manifest.json

It is written beside its place, read back and compared with what was trained, and then put there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.artefacts.card import model_card
from genoaudit.artefacts.facts import facts
from genoaudit.artefacts.folder_files import (
    ARRAYS,
    BOOSTER,
    CARD,
    CONFIDENTIAL,
    HOLDS,
    MANIFEST,
    MEMBERS,
    PARTS,
    RECIPE,
    about,
    checked_bytes,
    read_arrays,
    read_ids,
    read_record,
    read_tree,
    write_ids,
)
from genoaudit.artefacts.manifest import (
    Commitments,
    ConfidentialManifest,
    LeftOut,
    Manifest,
    Privacy,
    StoredFile,
    commitment_to_data,
    commitment_to_members,
    library_versions,
    manifest_text,
)
from genoaudit.artefacts.noise import check_noise
from genoaudit.artefacts.parts import Told, read_parts, told_by, untrusted_types, write_parts
from genoaudit.artefacts.recipe_file import Packed, inputs_of_parts, pack, unpack
from genoaudit.commitments import new_salt
from genoaudit.contracts import BoolArray, FloatArray, Recipe, Scale
from genoaudit.errors import ArtefactError, ConfigError
from genoaudit.files import RELEASE, code_digest, file_digest
from genoaudit.folders import check_folder, recover, whole_folder
from genoaudit.models.answers import log_probabilities

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class StoredModel:
    """A model read back from its folder.

    Parameters
    ----------
    recipe
        Fitted; takes samples [samples, genes] on `scale` and answers for class codes.
    genes
        Names of its inputs, in their order.
    classes
        Names of the classes; a class code is a place in here.
    scale
        How expression must be given.
    manifest
        What may be told of it.
    members
        Ids of the patients it was trained on, sorted; None where the confidential part is not there.
    confidential
        What may not be told of it; None where that part is not there.
    """

    recipe: Recipe
    genes: tuple[str, ...]
    classes: tuple[str, ...]
    scale: Scale
    manifest: Manifest
    members: tuple[str, ...] | None = None
    confidential: ConfidentialManifest | None = None


@dataclass(frozen=True, eq=False)
class Training:
    """What is written of a training beside the fitted recipe.

    Parameters
    ----------
    cohort
        Where the members came from.
    members
        Which of its patients; bool [patients].
    members_by
        How that was said, in words without ids.
    described
        The recipe as `genoaudit.models.descriptions.describe_recipe` gives it, without seeds.
    steps
        Names of its steps.
    privacy
        What is guaranteed; None without DP.
    seed
        Source of all random numbers; None if they cannot be drawn again.
    left_out
        How well it does on the other patients; None if there are none.
    notes
        What the owner should know, in plain language.
    """

    cohort: Cohort
    members: BoolArray
    members_by: str
    described: Mapping[str, Any]
    steps: tuple[str, ...]
    privacy: Privacy | None = None
    seed: int | None = None
    left_out: LeftOut | None = None
    notes: tuple[str, ...] = ()


def check_model_out(folder: Path) -> Path:
    """Return where a model may be written, or raise a `ConfigError`; an earlier model may be replaced."""
    folder = check_folder(folder, holds=tuple(HOLDS), whose="a model's")
    for part, names in HOLDS.items():
        if (folder / part).exists():
            check_folder(folder / part, holds=names, whose="a model's")
    return folder


def write_model(fitted: Recipe, folder: Path, training: Training) -> StoredModel:
    """Write a fitted recipe and what is to be known of it, whole or not at all.

    Parameters
    ----------
    fitted
        Trained on the class codes of the members; left as it is.
    folder
        MODEL; an earlier model there is replaced, and nothing else ever is. The folder and its confidential part can be
        read by their owner only.
    training
        What it was trained on, and how.

    Returns
    -------
    What reading the folder gives: the same answers to the bit, which is checked before the folder is put in its place.

    Raises
    ------
    ConfigError
        If something else is at `folder`, or the recipe does not know every class of the cohort.
    ArtefactError
        If no safe file can hold the recipe, a file would hold members' profiles, or what was read back answers
        otherwise.
    """
    folder = check_model_out(folder)
    cohort = training.cohort
    if [int(code) for code in fitted.classes_] != list(range(len(cohort.classes))):
        msg = f"the recipe knows {len(fitted.classes_)} of {len(cohort.classes)} classes; every class needs members."
        raise ConfigError(msg)
    packed = pack(fitted)
    contents = _contents(packed)
    rows = training.members[cohort.patients]
    told: tuple[str, ...] = ()
    if packed.parts:
        found = told_by(contents[PARTS], inputs_of_parts(fitted, cohort.X[np.flatnonzero(rows)]))
        refuse_profiles(found)
        told = facts(found)
    with whole_folder(folder) as fresh:
        _write(contents, fresh, training, told, answers_only=_defends_answers(packed.tree))
        trusted = _trusted(contents)
        stored = read_model(fresh, trusted=trusted)
        _compare(stored.recipe, fitted, cohort.X[np.flatnonzero(rows)[:256]])
    return stored


def read_model(folder: str | Path, *, trusted: Collection[str] = ()) -> StoredModel:
    """Read a model, checking every file against the manifest before it is parsed.

    Parameters
    ----------
    folder
        MODEL, or its ``release`` part alone, under whatever name it came.
    trusted
        Full names of types of other libraries that may be made; the manifest lists those that the model needs.

    Raises
    ------
    ArtefactError
        If a file is missing, truncated, changed, foreign or unsafe, holds a value that is not finite, the confidential
        part belongs to another model, or files contradict each other on where the noise of a private model came from.
    """
    folder = Path(folder)
    recover(folder)
    release = folder / RELEASE if (folder / RELEASE).is_dir() else folder
    manifest = read_record(release / MANIFEST, Manifest)
    unknown = sorted(set(manifest.files) - {ARRAYS, BOOSTER, PARTS, RECIPE})
    if unknown or RECIPE not in manifest.files:
        raise ArtefactError(f"{release.name}/{MANIFEST} lists {unknown[0] if unknown else 'no ' + RECIPE!r}.")
    data = {name: checked_bytes(release / name, stored) for name, stored in manifest.files.items()}
    packed = Packed(
        tree=about(release / RECIPE, lambda: read_tree(data[RECIPE])),
        arrays=about(release / ARRAYS, lambda: read_arrays(data[ARRAYS])) if ARRAYS in data else {},
        parts=about(release / PARTS, lambda: read_parts(data[PARTS], trusted=trusted)) if PARTS in data else (),
        booster=data.get(BOOSTER),
    )
    recipe = about(release / RECIPE, lambda: unpack(packed))
    about(release / RECIPE, lambda: _try_out(recipe, genes=len(manifest.genes), classes=len(manifest.classes)))
    confidential, members = None, None
    if release != folder and (folder / CONFIDENTIAL).is_dir():
        confidential, members = _read_confidential(folder, manifest)
    check_noise(manifest, packed.tree, confidential)
    return StoredModel(
        recipe, manifest.genes, manifest.classes, manifest.scale, manifest, members=members, confidential=confidential
    )


def verify_members(stored: StoredModel, patient_ids: Iterable[str]) -> bool:
    """Say whether these patients, all of them and nobody else, are those that the model is committed to.

    Raises
    ------
    ArtefactError
        If the confidential part, which has the salt, is not there.
    """
    return commitment_to_members(_salts(stored).members_salt, patient_ids) == stored.manifest.commitments.members


def verify_data(stored: StoredModel, cohort: Cohort) -> bool:
    """Say whether this is the cohort that the model is committed to.

    Raises
    ------
    ArtefactError
        If the confidential part, which has the salt, is not there.
    """
    return commitment_to_data(_salts(stored).data_salt, cohort.digest()) == stored.manifest.commitments.data


def refuse_profiles(told: Told) -> None:
    """Raise if a file would hold the profiles of members.

    Raises
    ------
    ArtefactError
        Naming what holds them.
    """
    if told.profiles:
        msg = (
            f"{', '.join(sorted(told.profiles))}: this kind of model keeps the expression profiles of patients as they "
            "are. To hand it out is to hand them out; choose another kind."
        )
        raise ArtefactError(msg)


def _contents(packed: Packed) -> dict[str, bytes]:
    """Return the files that decide answers."""
    from safetensors.numpy import save

    recipe = json.dumps(packed.tree, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    contents = {RECIPE: recipe.encode()}
    if packed.arrays:
        contents[ARRAYS] = save(dict(sorted(packed.arrays.items())))
    if packed.parts:
        contents[PARTS] = write_parts(packed.parts)
    if packed.booster is not None:
        contents[BOOSTER] = packed.booster
    return contents


def _trusted(contents: Mapping[str, bytes]) -> tuple[str, ...]:
    return untrusted_types(contents[PARTS]) if PARTS in contents else ()


def _write(
    contents: Mapping[str, bytes], folder: Path, training: Training, told: Sequence[str], *, answers_only: bool
) -> None:
    release, confidential = folder / RELEASE, folder / CONFIDENTIAL
    release.mkdir()
    confidential.mkdir(mode=0o700)
    cohort, data_sha256 = training.cohort, training.cohort.digest()
    ids = [cohort.patient_ids[code] for code in np.flatnonzero(training.members)]
    members_salt, data_salt = new_salt().hex(), new_salt().hex()
    privacy = training.privacy
    manifest = Manifest(
        genoaudit_version=version("genoaudit"),
        code_sha256=code_digest(),
        libraries=library_versions(),
        recipe=dict(training.described),
        label=cohort.label,
        classes=cohort.classes,
        genes=cohort.genes,
        scale=cohort.scale,
        privacy=privacy,
        seeded=None if privacy is None else privacy.randomness == "reproducible, not releasable",
        answers_only=answers_only,
        trusted=_trusted(contents),
        files={
            name: StoredFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            for name, content in sorted(contents.items())
        },
        commitments=Commitments(
            members=commitment_to_members(members_salt, ids), data=commitment_to_data(data_salt, data_sha256)
        ),
    )
    for name, content in contents.items():
        (release / name).write_bytes(content)
    (release / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
    (release / CARD).write_text(model_card(manifest, training.steps, told), encoding="utf-8")
    kept = ConfidentialManifest(
        release_sha256=file_digest(release / MANIFEST),
        members_salt=members_salt,
        data_salt=data_salt,
        data=cohort.source,
        data_sha256=data_sha256,
        members=len(ids),
        member_samples=int(training.members[cohort.patients].sum()),
        members_by=training.members_by,
        seed=training.seed,
        left_out=training.left_out,
        notes=training.notes,
    )
    write_ids(confidential / MEMBERS, ids)
    (confidential / MANIFEST).write_text(manifest_text(kept), encoding="utf-8")


def _read_confidential(folder: Path, manifest: Manifest) -> tuple[ConfidentialManifest, tuple[str, ...]]:
    """Read who the members were, and check that the model is committed to them."""
    kept = read_record(folder / CONFIDENTIAL / MANIFEST, ConfidentialManifest)
    if kept.release_sha256 != file_digest(folder / RELEASE / MANIFEST):
        raise ArtefactError(f"{CONFIDENTIAL}/{MANIFEST} belongs to another model than {RELEASE}/{MANIFEST}.")
    members = read_ids(folder / CONFIDENTIAL / MEMBERS)
    if commitment_to_members(kept.members_salt, members) != manifest.commitments.members:
        raise ArtefactError(f"{CONFIDENTIAL}/{MEMBERS} does not list the patients that the model is committed to.")
    return kept, members


def _salts(stored: StoredModel) -> ConfidentialManifest:
    if stored.confidential is None:
        raise ArtefactError(f"what the model is committed to can be checked with its {CONFIDENTIAL} part alone.")
    return stored.confidential


def _defends_answers(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("class") == "DefendedOutputs" or any(map(_defends_answers, node.values()))
    return isinstance(node, list) and any(map(_defends_answers, node))


def _try_out(recipe: Recipe, *, genes: int, classes: int) -> None:
    """Ask a recipe that was read about two invented samples: whatever does not fit together shows in the answers."""
    samples = np.stack([np.ones(genes), np.linspace(0.1, 2.0, genes)]).astype(np.float32)
    if [int(code) for code in recipe.classes_] != list(range(classes)):
        raise ArtefactError(f"the recipe knows other classes than the {classes} of the manifest.")
    try:
        proba = np.asarray(recipe.predict_proba(samples))
    except Exception as error:
        raise ArtefactError(f"the recipe cannot answer ({type(error).__name__}: {error}).") from error
    if proba.shape != (2, classes) or not np.isfinite(proba).all() or not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        raise ArtefactError("the recipe's answers are no probabilities.")


def _compare(stored: Recipe, fitted: Recipe, X: Any) -> None:
    def answers(recipe: Recipe) -> FloatArray:
        return log_probabilities(recipe, np.ascontiguousarray(X))

    if not np.array_equal(answers(stored), answers(fitted)):
        msg = "the model that was read back answers otherwise than the one that was trained; it cannot be stored."
        raise ArtefactError(msg)
