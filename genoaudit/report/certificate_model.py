"""The model that a certificate is about, compared with the one at hand, and the list of members that lies beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from genoaudit.artefacts.folder_files import CONFIDENTIAL, MANIFEST, MEMBERS, read_ids, read_record
from genoaudit.artefacts.manifest import (
    ConfidentialManifest,
    Manifest,
    commitment_to_data,
    commitment_to_members,
)
from genoaudit.errors import ArtefactError, DataError
from genoaudit.files import file_digest, release_part, sort_out
from genoaudit.inputs import TARGET
from genoaudit.report.certificate import MODEL, member_lines, model_digests
from genoaudit.report.certificate_checks import LINK, NOT_NAMED, AtHand, Check

_LIST = f"{CONFIDENTIAL}/{MEMBERS}"
_KEPT = f"{CONFIDENTIAL}/{MANIFEST}"


def check_model(hand: AtHand, given: Path | None) -> Iterator[Check]:
    """Compare every file of the model; one too many is as bad as one too few, because it may be read with them."""
    signed = {subject.name: subject.value for subject in hand.statement.subject if subject.is_model}
    if not signed:
        if given is not None:
            yield Check("model", "differs", "the certificate is about no model")
        return
    place = given
    if place is None and hand.statement.predicate.model == "audited":
        place = next((path for path in hand.paths(TARGET) if path.exists()), None)
    if place is None:
        yield Check("model", "not checked", "say where it is with --model")
        return
    try:
        found, odd = _digests(place)
    except (DataError, OSError) as error:
        yield Check("model", "differs", error.problems[0] if isinstance(error, DataError) else "cannot be read")
        return
    for name in sorted({*signed, *found, *odd}):
        if name in odd:
            yield Check(name, "differs", LINK)
        elif name not in found:
            yield Check(name, "differs", "is missing")
        elif name not in signed:
            yield Check(name, "differs", NOT_NAMED)
        else:
            yield Check(name, "agrees" if found[name] == signed[name] else "differs")
    if place.is_dir() and os.path.lexists(place / CONFIDENTIAL):
        name = f"{MODEL}{MANIFEST}"
        yield from _confidential(hand, place, manifest_is_signed=name in found and found[name] == signed.get(name))


def _digests(place: Path) -> tuple[dict[str, str], set[str]]:
    """Digest the files of a model by their names in a certificate; name links and what is no file."""
    if not place.is_dir():
        return model_digests(place), set()
    found, odd = sort_out(release_part(place))
    return {f"{MODEL}{name}": file_digest(path) for name, path in found.items()}, {f"{MODEL}{name}" for name in odd}


def _confidential(hand: AtHand, place: Path, *, manifest_is_signed: bool) -> Iterator[Check]:
    """Compare what stays in the house with what the signed files are committed to; the certificate does not name it."""
    folder = place / CONFIDENTIAL
    if folder.is_symlink() or not folder.is_dir():
        yield Check(CONFIDENTIAL, "differs", LINK)
        return
    found, odd = sort_out(folder)
    kept, manifest = None, None
    try:
        if manifest_is_signed:
            manifest = read_record(release_part(place) / MANIFEST, Manifest)
        if manifest is not None and MANIFEST in found:
            kept = read_record(found[MANIFEST], ConfidentialManifest)
            yield _kept_manifest(place, manifest, kept)
    except ArtefactError as error:
        yield Check(_KEPT, "differs", str(error).removesuffix("."))
    if MEMBERS in found:
        yield _member_list(hand, found[MEMBERS], manifest, kept)
    for name in sorted(odd):
        yield Check(f"{CONFIDENTIAL}/{name}", "differs", LINK)
    compared = {MEMBERS} if manifest is None else {MEMBERS, MANIFEST}
    for name in sorted({*found} - compared):
        yield Check(f"{CONFIDENTIAL}/{name}", "not checked", "nothing that is signed speaks of it")


def _kept_manifest(place: Path, manifest: Manifest, kept: ConfidentialManifest) -> Check:
    if kept.release_sha256 != file_digest(release_part(place) / MANIFEST):
        return Check(_KEPT, "differs", "it belongs to another model")
    if commitment_to_data(kept.data_salt, kept.data_sha256) != manifest.commitments.data:
        return Check(_KEPT, "differs", "the released manifest is committed to other data")
    return Check(_KEPT, "agrees", "in model and data; nothing that is signed speaks of the rest")


def _member_list(hand: AtHand, file: Path, manifest: Manifest | None, kept: ConfidentialManifest | None) -> Check:
    """Compare the list of members with each commitment to them that can be opened."""
    try:
        ids = read_ids(file)
    except ArtefactError as error:
        return Check(_LIST, "differs", str(error).removesuffix("."))
    certificate, opened = hand.statement.predicate, []
    if "members" in hand.salts and (certificate.model == "audited" or certificate.audit == "release"):
        # Otherwise the certificate is committed to the members of a recipe's many models, and this is another one.
        if hand.opened("members", lambda: member_lines([ids])).outcome == "differs":
            return Check(_LIST, "differs", "they are not the members that the certificate is committed to")
        opened.append("the certificate")
    if manifest is not None and kept is not None:
        if commitment_to_members(kept.members_salt, ids) != manifest.commitments.members:
            return Check(_LIST, "differs", "they are not the members that the released manifest is committed to")
        opened.append("the released manifest")
    if not opened:
        return Check(_LIST, "not checked", "give the run of the audited model, whose salts open the commitment")
    return Check(_LIST, "agrees", f"with the commitment of {' and '.join(opened)}")
