import hashlib
import struct

import numpy as np
import pytest
from safetensors.numpy import save
from sample_manifest import manifest

from genoaudit.artefacts.folder_files import (
    checked_bytes,
    read_arrays,
    read_ids,
    read_record,
    read_tree,
    write_ids,
)
from genoaudit.artefacts.manifest import Manifest, StoredFile, manifest_text
from genoaudit.errors import ArtefactError


def stored(content):
    return StoredFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def test_bytes_are_believed_only_if_they_are_those_that_were_written(tmp_path):
    path = tmp_path / "model.ubj"
    path.write_bytes(b"weights")
    assert checked_bytes(path, stored(b"weights")) == b"weights"
    for other, says in ((b"weight", "has 6 bytes; 7 were written"), (b"weighty", "its digest is another")):
        path.write_bytes(other)
        with pytest.raises(ArtefactError, match=says):
            checked_bytes(path, stored(b"weights"))
    path.unlink()
    with pytest.raises(ArtefactError, match="is missing"):
        checked_bytes(path, stored(b"weights"))
    path.mkdir()
    with pytest.raises(ArtefactError, match="is missing, or no file"):
        checked_bytes(path, stored(b"weights"))


def test_arrays_come_back_in_memory_of_their_own():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(3), "c": np.array([True, False])}
    again = read_arrays(save(arrays))
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype
        assert again[name].flags.owndata
        assert again[name].flags.writeable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 200) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}     ',
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}      ' + b"\x00" * 4,
        save({"a": np.zeros(3)})[:-1],
        save({"a": np.zeros(3)}) + b"x",
    ],
    ids=range(9),
)
def test_what_is_no_safetensors_file_is_refused(data):
    with pytest.raises(ArtefactError, match="no safetensors file"):
        read_arrays(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a": 1, "a": 2}', "given twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_tree_that_is_no_plain_json_is_refused(data, says):
    with pytest.raises(ArtefactError, match=says):
        read_tree(data)


IMPOSSIBLE = manifest_text(manifest()).replace('"noise_multiplier": 1.1', '"noise_multiplier": -1').encode()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"schema_version": "9.9"}', b"\xff\xfe", b"[" * 100_000, IMPOSSIBLE], ids=range(6)
)
def test_what_is_no_manifest_is_refused(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"manifest\.json is no manifest"):
        read_record(path, Manifest)


IDS = ["p-1", "a, b", 'say "x"', "two\nlines", " spaces ", "é", "=cmd()", "patient_id"]


def test_ids_of_any_kind_come_back(tmp_path):
    write_ids(tmp_path / "members.csv", IDS)
    assert read_ids(tmp_path / "members.csv") == tuple(sorted(IDS))
    assert (tmp_path / "members.csv").read_text().startswith("patient_id\np-1\n")


@pytest.mark.parametrize("content", [b"", b"p-1\np-2\n", b"patient_id\na,b\n", b"\xff", b"id\np-1\n"])
def test_what_is_no_list_of_ids_is_refused_without_naming_anybody(tmp_path, content):
    (tmp_path / "members.csv").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"members\.csv") as refused:
        read_ids(tmp_path / "members.csv")
    assert "p-1" not in str(refused.value)
