"""Whether the noise of a private model can be drawn again, by every file of its folder that says so.

Noise that can be drawn again can be taken off. It counts as such if any of the statements says so, and a folder whose
statements contradict each other was edited, so that none of them is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genoaudit.artefacts.folder_files import CONFIDENTIAL, MANIFEST, RECIPE
from genoaudit.artefacts.manifest import ConfidentialManifest, Manifest
from genoaudit.errors import ArtefactError


def check_noise(manifest: Manifest, tree: Any, kept: ConfidentialManifest | None = None) -> None:
    """Compare what the files of a model say of the origin of its noise.

    Parameters
    ----------
    manifest
        That goes with the model: ``seeded`` and ``privacy.randomness``.
    tree
        The recipe as it stands in ``recipe.json``: ``releasable`` of each of its private networks. That one network is
        releasable says nothing of the other steps, which may have been seeded.
    kept
        That stays in the house: ``seed``.

    Raises
    ------
    ArtefactError
        If they contradict each other, naming what each says.
    """
    privacy = manifest.privacy
    of_privacy = None if privacy is None else privacy.randomness == "reproducible, not releasable"
    seeded = {f"seeded in {MANIFEST}": manifest.seeded, f"privacy.randomness in {MANIFEST}": of_privacy}
    if any(not facts["releasable"] and _has_noise(facts) for facts in _private_facts(tree)):
        seeded[f"releasable in {RECIPE}"] = True
    if kept is not None and kept.seed is not None and privacy is not None:
        seeded[f"seed in {CONFIDENTIAL}/{MANIFEST}"] = True
    if len(set(seeded.values())) > 1:
        said = "; ".join(f"{where}: {_WORDS[answer]}" for where, answer in seeded.items())
        raise ArtefactError(
            f"the folder contradicts itself on whether the noise of its training can be drawn again ({said}). It was "
            "changed after it was written: fetch the model again, or train it again."
        )


_WORDS = {True: "it can", False: "it cannot", None: "trained without DP"}


def _private_facts(node: Any) -> Iterator[dict[str, Any]]:
    """Walk the tree of a recipe for what `genoaudit.artefacts.networks.private_facts` wrote."""
    if isinstance(node, dict):
        if isinstance(node.get("private"), dict) and "class" in node:
            yield node["private"]
        for inside in node.values():
            yield from _private_facts(inside)
    elif isinstance(node, list):
        for inside in node:
            yield from _private_facts(inside)


def _has_noise(facts: dict[str, Any]) -> bool:
    """Say whether there is noise to be drawn again: without any a network is not releasable either."""
    return all(mechanism["noise_multiplier"] > 0 for mechanism in facts["mechanisms"])
