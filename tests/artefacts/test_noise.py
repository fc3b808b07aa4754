import json
import shutil

import pytest
from sample_manifest import manifest, privacy
from stored_recipes import fitted, training

from genoaudit.artefacts.manifest import ConfidentialManifest
from genoaudit.artefacts.model_folder import read_model, write_model
from genoaudit.artefacts.noise import check_noise
from genoaudit.errors import ArtefactError

SEEDED, FRESH = privacy(randomness="reproducible, not releasable"), privacy()


def tree(*, releasable, noise=1.0):
    network = {"class": "MLPClassifier", "private": {"mechanisms": [{"noise_multiplier": noise}], "delta": 0.1}}
    network["private"]["releasable"] = releasable
    return {"class": "Pipeline", "steps": [["log", {"class": "LogTransform"}], ["classifier", network]]}


def kept(seed):
    text = dict.fromkeys(("release_sha256", "data", "data_sha256", "members_by"), "x")
    salts = dict.fromkeys(("members_salt", "data_salt"), "0" * 64)
    return ConfidentialManifest(**text, **salts, members=2, member_samples=2, seed=seed, left_out=None, notes=())


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("releasable", [True, False])
@pytest.mark.parametrize("promised", [FRESH, SEEDED, None], ids=["not recorded", "reproducible", "without DP"])
@pytest.mark.parametrize("seeded", [True, False, None])
def test_statements_are_believed_only_together(seeded, promised, releasable, seed):
    says_seed = {seeded is True, promised is SEEDED, not releasable, promised is not None and seed is not None}
    whole = (seeded is None) == (promised is None)
    all_agree = says_seed == {False} or (seeded is True and promised is SEEDED)
    facts = manifest(seeded=seeded, privacy=promised)
    if whole and all_agree:
        check_noise(facts, tree(releasable=releasable), kept(seed))
    else:
        with pytest.raises(ArtefactError, match="contradicts itself on whether the noise"):
            check_noise(facts, tree(releasable=releasable), kept(seed))


def test_what_was_trained_without_noise_was_not_trained_on_a_seed():
    check_noise(manifest(), tree(releasable=False, noise=0.0))
    check_noise(manifest(privacy=None, seeded=None), {"class": "LogTransform"}, kept(7))


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(seeded=False),
        lambda facts: (facts.update(seeded=False), facts["privacy"].update(randomness="not recorded")),
        lambda facts: facts["privacy"].update(randomness="not recorded"),
        lambda facts: facts.update(seeded=None, privacy=None),
    ],
)
def test_a_seeded_private_model_cannot_be_passed_off_as_another_in_its_bare_release(tmp_path, change):
    write_model(fitted("mlp, private"), tmp_path / "MODEL", training(privacy=SEEDED, seed=0))
    bare = shutil.copytree(tmp_path / "MODEL" / "release", tmp_path / "bare")
    assert read_model(bare).manifest.seeded is True
    facts = json.loads((bare / "manifest.json").read_text())
    change(facts)
    (bare / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match=r"releasable in recipe\.json: it can\)"):
        read_model(bare)
