import io
import zipfile

import numpy as np
import pytest
from bombs import pickle_bomb, zipped
from scipy import sparse

from genoaudit.artefacts.archives import Limits, check_zip, looks_like, refuse_pickle
from genoaudit.errors import DataError

SOUND = zipped([("a.json", b"{}"), ("b.npy", b"\x93NUMPY")])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_known_by_its_first_bytes_whatever_its_name(protocol, tmp_path):
    content = b"\x80" + bytes([protocol]) + pickle_bomb(tmp_path / "ran")[2:]
    with pytest.raises(DataError, match=r"is a pickle.*skops\.io\.dump.*save_model.*safetensors\.torch\.save_file"):
        refuse_pickle(content, "model.skops")
    assert looks_like(content) == "a pickle"


def test_a_sound_archive_gives_its_names():
    assert check_zip(SOUND, "m") == ("a.json", "b.npy")
    assert check_zip(SOUND, "m", stored=True) == ("a.json", "b.npy")


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def encrypted(content):
    central = content.index(b"PK\x01\x02")
    return content[: central + 8] + b"\x01" + content[central + 9 :]


def twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped([("a", b"1"), ("a", b"2")])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"just text", "is no zip archive"),
        (lambda: SOUND[:30], "damaged zip archive"),
        (lambda: SOUND[: len(SOUND) // 2], "damaged zip archive"),
        (lambda: flipped(SOUND, 0), "is no zip archive"),
        (lambda: encrypted(SOUND), "is encrypted"),
        (lambda: zipped([("../../outside", b"")]), "leads out of a folder"),
        (lambda: zipped([("/etc/outside", b"")]), "leads out of a folder"),
        (lambda: zipped([("a\\..\\outside", b"")]), "leads out of a folder"),
        (lambda: zipped([("C:outside", b"")]), "leads out of a folder"),
        (twice, "two files of the same name"),
        (lambda: zipped([("inner.zip", SOUND)]), "an archive within the archive"),
        (lambda: zipped([("x.npz", zipped([("y.npz", SOUND)]))]), "sparse arrays .*an archive within"),
        (lambda: zipped([("a", b"1")], compression=zipfile.ZIP_LZMA), "compressed in a way that is not read"),
    ],
)
def test_an_archive_with_something_wrong_is_refused(make, said):
    with pytest.raises(DataError, match=said):
        check_zip(make(), "m.skops")


def test_a_zip_bomb_is_refused_by_its_directory_alone():
    bomb = zipped([("zeros", bytes(4_000_000))], compression=zipfile.ZIP_DEFLATED)
    check_zip(bomb, "m")  # the default leaves 256 MiB unnoticed
    with pytest.raises(DataError, match=r"unpacks from .* to 4,000,000 bytes"):
        check_zip(bomb, "m", limits=Limits(unnoticed=1_000_000))
    with pytest.raises(DataError, match="unpacks from"):
        check_zip(zipped([("big", bytes(2000))]), "m", limits=Limits(unpacked=1000))
    with pytest.raises(DataError, match="holds 2 files, and at most 1"):
        check_zip(SOUND, "m", limits=Limits(members=1))
    with pytest.raises(DataError, match="compressed in a way that is not read"):
        check_zip(bomb, "m", stored=True)


def test_a_directory_that_lies_about_sizes_is_damaged():
    bomb = bytearray(zipped([("zeros", bytes(4_000_000))], compression=zipfile.ZIP_DEFLATED))
    central = bomb.index(b"PK\x01\x02")
    bomb[central + 24 : central + 28] = (1000).to_bytes(4, "little")
    with pytest.raises(DataError, match="damaged zip archive"):
        check_zip(bytes(bomb), "m", limits=Limits(unnoticed=1_000_000))


def test_sparse_arrays_are_an_archive_within_and_are_checked_alike():
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_matrix(np.eye(3)))
    check_zip(zipped([("1.npz", buffer.getvalue())]), "m")
    bomb = zipped([("data.npy", bytes(4_000_000))], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="sparse arrays in a file that unpacks from"):
        check_zip(zipped([("1.npz", bomb)]), "m", limits=Limits(unnoticed=1_000_000))
    several = zipped([(f"{number}.npz", bomb) for number in range(4)])
    with pytest.raises(DataError, match=r"unpacks to .* bytes, which no model needs"):
        check_zip(several, "m", limits=Limits(unpacked=10_000_000))
