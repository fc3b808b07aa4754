import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.training.outputs import ModelOutputs
from genoaudit.training.store import fingerprint, open_store


def outputs(seed=0):
    rng = np.random.default_rng(seed)
    return ModelOutputs(
        rng.normal(size=(1, 5)),
        rng.random((5, 3), dtype=np.float32),
        rng.integers(0, 3, size=(1, 5)).astype(np.int16),
        ("W: slow",),
        influence=rng.normal(size=5),
    )


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
    store = open_store(tmp_path, {"a": 1})
    store.save(3, outputs())
    back = store.load(3)
    assert (back.logit == outputs().logit).all()
    assert (back.proba == outputs().proba).all()
    assert (back.label == outputs().label).all()
    assert (back.influence == outputs().influence).all()
    assert back.grad_norm is None
    assert back.warnings == ("W: slow",)
    assert store.missing(range(5)) == [0, 1, 2, 4]


def test_any_changed_ingredient_opens_another_store(tmp_path):
    base = {"cohort": "x", "recipe": {"lr": 0.1}, "libraries": {"numpy": "2.0"}}
    open_store(tmp_path, base).save(0, outputs())
    changes = [{"cohort": "y"}, {"recipe": {"lr": 0.2}}, {"libraries": {"numpy": "2.1"}}]
    for change in changes:
        assert open_store(tmp_path, {**base, **change}).missing(range(1)) == [0]
    assert open_store(tmp_path, dict(reversed(base.items()))).missing(range(1)) == []


def test_the_cache_may_be_named_by_text(tmp_path):
    open_store(str(tmp_path), {"a": 1}).save(0, outputs())
    assert open_store(tmp_path, {"a": 1}).missing(range(1)) == []


def test_fingerprints_do_not_depend_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 2, "b": 1})


@pytest.mark.parametrize("damage", ["truncated", "one byte", "empty", "of another model", "of another recipe"])
def test_a_damaged_file_counts_as_missing(tmp_path, caplog, damage):
    store = open_store(tmp_path, {})
    store.save(0, outputs())
    path = store.path(0)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "one byte":
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "of another model":
        store.save(1, outputs(1))
        store.path(1).replace(path)
    else:
        other = open_store(tmp_path, {"recipe": "another"})
        other.save(0, outputs(1))
        other.path(0).replace(path)
    assert store.load(0) is None
    assert "is damaged or of another recipe; it is trained again" in caplog.text


@pytest.mark.parametrize("kind", ["a folder", "a pipe"])
def test_what_is_no_file_in_a_models_place_is_named_and_nothing_waits_for_it(tmp_path, kind):
    store = open_store(tmp_path, {})
    if kind == "a folder":
        store.path(5).mkdir()
    else:
        os.mkfifo(store.path(5))
    with pytest.raises(ConfigError, match=r"model-00005.npz is no file.*--cache-dir"):
        store.missing(range(8))


def test_fresh_forgets_what_was_there(tmp_path):
    open_store(tmp_path, {}).save(0, outputs())
    assert open_store(tmp_path, {}, fresh=True).missing(range(1)) == [0]


def test_abandoned_scraps_are_swept_away_and_young_ones_left(tmp_path):
    store = open_store(tmp_path, {})
    old, young = store.folder / ".model-old.tmp", store.folder / ".model-young.tmp"
    for scrap in (old, young):
        scrap.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    open_store(tmp_path, {})
    assert not old.exists()
    assert young.exists()


def test_a_process_killed_while_saving_leaves_whole_files_only(tmp_path):
    """A child saves the same model over and over and is killed at many moments; the file must always be whole."""
    script = (
        "import sys, numpy as np, pathlib\n"
        "from genoaudit.training.outputs import ModelOutputs\n"
        "from genoaudit.training.store import open_store\n"
        "store = open_store(pathlib.Path(sys.argv[1]), {})\n"
        "big = ModelOutputs(np.zeros((1, 200_000)), np.zeros((200_000, 3)), np.zeros((1, 200_000), int))\n"
        "store.save(0, big); print('ready', flush=True)\n"
        "while True: store.save(0, big)\n"
    )
    store = open_store(tmp_path, {})
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(0.01 * attempt)
            child.send_signal(signal.SIGKILL)
        assert store.load(0) is not None


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_stored_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    store, sprung = open_store(tmp_path, {}), tmp_path / "sprung"
    store.save(0, outputs())
    array = np.empty(1, dtype=object)
    array[0] = Trap(sprung)
    np.savez(store.path(0), allow_pickle=True, logit=array, digest=np.zeros(32, np.uint8))
    assert store.missing(range(1)) == [0]
    assert not sprung.exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(ConfigError, match=r"cannot be kept in .*--cache-dir"):
        open_store(tmp_path / "cache", {"a": 1})


def test_a_store_can_be_read_by_its_owner_only(tmp_path):
    store = open_store(tmp_path / "cache", {"seed": 1})
    store.save(0, outputs())
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert store.path(0).stat().st_mode & 0o777 == 0o600
