import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genoaudit
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import (
    code_digest,
    cohort_digest,
    content_digest,
    file_digest,
    read_first,
    read_lines,
    read_whole,
    released_files,
    write_together,
    write_whole,
)
from genoaudit.folders import whole_folder


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
    assert content_digest(tmp_path / "file") == cohort_digest(tmp_path / "file") == file_digest(tmp_path / "file")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_a_table_with_labels_has_a_digest_of_both_by_what_each_is(tmp_path):
    table, labels, both = (tmp_path / name for name in ("table", "labels", "both"))
    for path, content in ((table, b"abc"), (labels, b"def"), (both, b"abcdef")):
        path.write_bytes(content)
    listed = json.dumps({"cohort": sha(b"abc"), "labels": sha(b"def")}, separators=(",", ":"))
    signed = cohort_digest(table, labels)
    assert signed == sha(listed.encode())
    moved = tmp_path / "moved"
    moved.write_bytes(b"abcd")
    labels.write_bytes(b"ef")
    assert signed not in {cohort_digest(moved, labels), cohort_digest(labels, moved), cohort_digest(both)}


def test_a_folder_has_another_digest_when_bytes_move_between_its_files_or_a_file_is_renamed(tmp_path):
    def folder(name, files):
        for file, content in files.items():
            path = tmp_path / name / "release" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return content_digest(tmp_path / name)

    found = {
        folder("as written", {"a": b"12", "b/c": b"34"}),
        folder("moved", {"a": b"123", "b/c": b"4"}),
        folder("renamed", {"a": b"12", "b/d": b"34"}),
        folder("swapped", {"a": b"34", "b/c": b"12"}),
        folder("one", {"a": b"1234"}),
        folder("more", {"a": b"12", "b/c": b"34", "d": b""}),
        sha(b"1234"),
    }
    assert len(found) == 7
    assert content_digest(tmp_path / "as written" / "release") == content_digest(tmp_path / "as written")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that knows itself by its copied place, as a checkout does."""
    checkout = Path(genoaudit.__file__).parents[1]
    for name in ("genoaudit", "data_schemas"):
        shutil.copytree(checkout / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("genoaudit.files.__file__", str(tmp_path / "genoaudit" / "files.py"))
    return tmp_path / "genoaudit"


def test_a_part_of_the_code_is_known_by_its_own_files(package):
    errors = {"errors.py": sha((package / "errors.py").read_bytes())}
    assert code_digest("errors.py") == sha(json.dumps(errors, separators=(",", ":")).encode())
    assert len({code_digest(), code_digest("privacy"), code_digest("privacy", "errors.py")}) == 3


def test_everything_that_shapes_a_report_counts_and_nothing_else(package, monkeypatch):
    monkeypatch.undo()
    before = code_digest()
    monkeypatch.setattr("genoaudit.files.__file__", str(package / "files.py"))
    assert code_digest() == before
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "files.cpython-311.pyc").write_bytes(b"compiled")
    (package / "report" / "README.md").write_text("Read me.")
    (package.parent / "data_schemas" / "report.schema.json").write_text("{}")
    assert code_digest() == before
    found = {before}
    for name in (
        "report/html.py",
        "report/templates/report.html.j2",
        "report/templates/page.css",
        "report/templates/report.js",
        "../data_schemas/policies/strict.toml",
    ):
        with (package / name).open("a") as file:
            file.write(" ")
        found.add(code_digest())
    assert len(found) == 6


def test_an_installed_package_has_the_digest_of_the_checkout_it_was_built_from(package):
    checkout = code_digest()
    (package.parent / "data_schemas").rename(package / "data_schemas")
    assert code_digest() == checkout


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
    (tmp_path / "release").rename(tmp_path / "elsewhere")
    (tmp_path / "release").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="'release' in it is a link"):
        released_files(tmp_path)


@pytest.mark.parametrize(
    "kind", ["link to a file", "link to a folder", "link to nowhere", "link to itself", "pipe", "name"]
)
def test_what_is_no_plain_file_in_a_model_s_folder_is_refused(tmp_path, kind):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").touch()
    if kind == "pipe":
        os.mkfifo(folder / "odd")
    elif kind == "name":
        (folder / os.fsdecode(b"odd\xff")).touch()
    else:
        aims = {
            "link to a file": folder / "weights",
            "link to a folder": tmp_path,
            "link to nowhere": tmp_path / "nowhere",
            "link to itself": folder / "odd",
        }
        (folder / "odd").symlink_to(aims[kind])
    with pytest.raises(DataError, match=r"model: 'odd.?' in it is not a file"):
        released_files(folder)


@pytest.fixture
def pair(tmp_path):
    """Two files that belong together, as an earlier process wrote them."""
    files = {tmp_path / "salts": b"old salts", tmp_path / "certificate": b"old certificate"}
    write_together(files)
    return files


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("failing", range(1, 7))
def test_files_written_together_stay_as_they_were_when_any_step_fails(pair, tmp_path, monkeypatch, failing):
    before, steps = contents(tmp_path), iter(range(1, 100))
    done = {"fsync": os.fsync, "replace": Path.replace}

    def step(name, *arguments):
        if next(steps) == failing:
            raise OSError(28, "No space left on device")
        return done[name](*arguments)

    monkeypatch.setattr("os.fsync", lambda descriptor: step("fsync", descriptor))
    monkeypatch.setattr(Path, "replace", lambda self, target: step("replace", self, target))
    with pytest.raises((ConfigError, OSError), match=r"(?i)no space (is )?left"):
        write_together(dict.fromkeys(pair, b"new"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("replaced", range(4))
def test_a_killed_process_leaves_no_pair_that_contradicts_itself(pair, tmp_path, replaced):
    killed = f"""
import os
from pathlib import Path
from genoaudit.files import write_together
put, done = Path.replace, []

def replace(self, target):
    if len(done) == {replaced}:
        os.kill(os.getpid(), 9)
    done.append(target)
    return put(self, target)

Path.replace = replace
write_together({{Path({str(tmp_path)!r}) / name: b"new" for name in ("salts", "certificate")}})
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9
    left = {name: content for name, content in contents(tmp_path).items() if not name.startswith(".")}
    assert "certificate" not in left or left == {"salts": b"old salts", "certificate": b"old certificate"}
    write_together(pair)
    assert contents(tmp_path) == {"salts": b"old salts", "certificate": b"old certificate"}


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_nothing_is_written_where_one_of_the_places_is_taken(tmp_path, kind):
    place = tmp_path / "certificate"
    {"folder": place.mkdir, "link": lambda: place.symlink_to("x"), "pipe": lambda: os.mkfifo(place)}[kind]()
    with pytest.raises(OSError, match="is there, and is no file"):
        write_together({tmp_path / "salts": b"salts", place: b"certificate"})
    assert [path.name for path in tmp_path.iterdir()] == ["certificate"]
