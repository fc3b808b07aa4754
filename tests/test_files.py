import errno
import hashlib
import os
from pathlib import Path

import pytest

import genoaudit
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import (
    code_digest,
    file_digest,
    read_first,
    read_lines,
    read_whole,
    released_files,
    whole_folder,
    write_whole,
)


def test_a_file_is_read_whole(tmp_path):
    (tmp_path / "m.skops").write_bytes(b"content")
    assert read_whole(tmp_path / "m.skops") == b"content"
    assert read_first(tmp_path / "m.skops", 4) == b"cont"


def test_what_is_no_file_is_refused_by_its_name_alone(tmp_path):
    (tmp_path / "folder.skops").mkdir()
    (tmp_path / "loop.skops").symlink_to(tmp_path / "loop.skops")
    os.mkfifo(tmp_path / "pipe.skops")
    (tmp_path / "device.skops").symlink_to("/dev/zero")
    for name, said in (
        ("folder", "is a folder"),
        ("loop", "cannot be read: too many levels of symbolic links"),
        ("pipe", "is no regular file"),
        ("device", "is no regular file"),
        ("none", "does not exist"),
    ):
        with pytest.raises(DataError, match=rf"^{name}\.skops: {said}"):
            read_whole(tmp_path / f"{name}.skops")


def test_more_than_the_most_is_not_read(tmp_path):
    (tmp_path / "m.ubj").write_bytes(bytes(11))
    assert len(read_whole(tmp_path / "m.ubj", most=11)) == 11
    with pytest.raises(DataError, match="has more than 10 bytes"):
        read_whole(tmp_path / "m.ubj", most=10)


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(DataError, match=r"'a\\x00b': is no name that a file can have"):
        read_whole(Path("a\0b"))


def test_lines_are_utf8_with_or_without_a_mark(tmp_path):
    (tmp_path / "marked").write_bytes("\ufeffone\r\ntwo\n".encode())
    assert read_lines(tmp_path / "marked") == ["one", "two"]
    (tmp_path / "latin").write_bytes("Müller".encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_lines(tmp_path / "latin")


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is no regular file"):
        file_digest(tmp_path / "pipe")


def test_a_file_has_the_digest_that_sha256_gives_its_bytes(tmp_path):
    content = bytes(range(256)) * 5000  # more than one block
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    assert file_digest(tmp_path / "file", tmp_path / "file") == hashlib.sha256(2 * content).hexdigest()


def test_the_code_is_told_apart_by_every_module_and_only_by_the_parts_asked_for():
    expected = hashlib.sha256()
    package = Path(genoaudit.__file__).parent
    expected.update(b"errors.py\0" + (package / "errors.py").read_bytes() + b"\0")
    assert code_digest("errors.py") == expected.hexdigest()
    assert len({code_digest(), code_digest("privacy"), code_digest("privacy", "errors.py")}) == 3


def test_where_no_space_is_left_is_named_and_what_was_there_stays(tmp_path, monkeypatch):
    def full(_number):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "run").mkdir()
    said = r"no space is left for .*{}; .*is kept\. Free some"
    with pytest.raises(ConfigError, match=said.format("run")), whole_folder(tmp_path / "run"):
        full(0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=said.format("file")):
        write_whole(tmp_path / "file", b"after")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]
    assert (tmp_path / "file").read_bytes() == b"before"


def test_a_salt_stands_in_front_of_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert file_digest(tmp_path / "file", salt=b"salt") == hashlib.sha256(b"saltcontent").hexdigest()


def test_the_released_part_of_a_model_s_folder_is_taken_in_the_order_of_its_names(tmp_path):
    for name in ("release/b", "release/a/c", "confidential/members.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(released_files(tmp_path)) == ["a/c", "b"]
    assert released_files(tmp_path / "release" / "b") == {"b": tmp_path / "release" / "b"}
    (tmp_path / "release" / "linked").symlink_to(tmp_path / "release" / "b")
    assert list(released_files(tmp_path)) == ["a/c", "b", "linked"]


@pytest.mark.parametrize("kind", ["link to a folder", "link to nowhere", "link to itself", "pipe", "name"])
def test_what_is_no_plain_file_in_a_model_s_folder_is_refused(tmp_path, kind):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").touch()
    if kind == "pipe":
        os.mkfifo(folder / "odd")
    elif kind == "name":
        (folder / os.fsdecode(b"odd\xff")).touch()
    else:
        aims = {"link to a folder": tmp_path, "link to nowhere": tmp_path / "nowhere", "link to itself": folder / "odd"}
        (folder / "odd").symlink_to(aims[kind])
    with pytest.raises(DataError, match=r"model: 'odd.?' in it is not a file"):
        released_files(folder)
