import logging
import shutil
import subprocess
import sys

import pytest

from genoaudit.errors import ConfigError
from genoaudit.folders import check_folder, recover, scratch_beside, whole_folder

REPLACE = """
import os, sys
from pathlib import Path
from genoaudit.folders import whole_folder
put, place, last = Path.rename, Path(sys.argv[1]), sys.argv[2]

def rename(self, target):
    if self.name == last:
        os.kill(os.getpid(), 9)
    return put(self, target)

Path.rename = rename
with whole_folder(place) as fresh:
    (fresh / "report").write_text("new")
    if last == "writing":
        os.kill(os.getpid(), 9)
"""


@pytest.fixture
def place(tmp_path):
    """A folder with an earlier run."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report").write_text("old")
    return tmp_path / "run"


def killed(place, when):
    """Replace a folder in a process that is killed before it moves the folder of this name, or while writing."""
    done = subprocess.run([sys.executable, "-c", REPLACE, place, when], check=False)
    assert done.returncode == -9
    assert list(place.parent.glob(".run.partial-*"))


def test_a_folder_takes_the_place_of_an_earlier_one_and_leaves_nothing_beside(place):
    with whole_folder(place) as fresh:
        (fresh / "report").write_text("new")
        assert (place / "report").read_text() == "old"
    assert (place / "report").read_text() == "new"
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("which", ["writing", "moving the earlier one", "moving the new one"])
def test_the_earlier_folder_stays_where_anything_goes_wrong(place, monkeypatch, which):
    put = type(place).rename

    def rename(self, target):
        if self.name == {"moving the earlier one": "run", "moving the new one": "new"}.get(which):
            raise OSError(28, "No space left on device")
        return put(self, target)

    def write():
        with whole_folder(place) as fresh:
            (fresh / "report").write_text("new")
            if which == "writing":
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(place), "rename", rename)
    with pytest.raises(ConfigError, match="no space is left"):
        write()
    assert (place / "report").read_text() == "old"
    assert list(place.parent.iterdir()) == [place]


def test_the_only_copy_is_kept_where_it_can_neither_be_replaced_nor_put_back(place, monkeypatch):
    put = type(place).rename

    def rename(self, target):
        if target == place:
            raise PermissionError(13, "Permission denied")
        return put(self, target)

    def write():
        with whole_folder(place):
            pass

    with monkeypatch.context() as patch:
        patch.setattr(type(place), "rename", rename)
        with pytest.raises(PermissionError):
            write()
        with pytest.raises(ConfigError, match=r"killed while writing it; .* holds what it left: Permission denied"):
            recover(place)
    assert not place.exists()
    [old] = place.parent.glob(".run.partial-*/old")
    assert (old / "report").read_text() == "old"
    recover(place)
    assert place.exists()


@pytest.mark.parametrize("look", [recover, lambda place: check_folder(place, holds={"report"}, whose="a run's")])
def test_killed_between_the_two_moves_the_new_folder_is_put_in_its_place(place, caplog, look):
    killed(place, "new")
    assert not place.exists()
    look(place)
    assert (place / "report").read_text() == "new"
    assert list(place.parent.iterdir()) == [place]
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "was gone: a process was killed while replacing it. The new one" in said.getMessage()
    look(place)
    assert len(caplog.records) == 1


def test_without_a_new_one_the_earlier_one_is_put_back(place, caplog):
    killed(place, "new")
    [scratch] = place.parent.glob(".run.partial-*")
    shutil.rmtree(scratch / "new")
    recover(place)
    assert (place / "report").read_text() == "old"
    assert "The earlier one is there now" in caplog.text


@pytest.mark.parametrize("when", ["writing", "run"])
def test_killed_earlier_its_remains_are_swept(place, caplog, when):
    killed(place, when)
    recover(place)
    assert (place / "report").read_text() == "old"
    assert list(place.parent.iterdir()) == [place]
    assert "Swept what a process that was killed left beside" in caplog.text


def test_the_next_write_puts_right_what_was_left(place):
    killed(place, "new")
    with whole_folder(place) as fresh:
        (fresh / "report").write_text("newer")
        assert (place / "report").read_text() == "new"
    assert (place / "report").read_text() == "newer"
    assert list(place.parent.iterdir()) == [place]


def test_what_a_living_process_writes_or_is_not_ours_is_left_alone(place, monkeypatch, caplog):
    with scratch_beside(place) as scratch:
        recover(place)
        assert scratch.is_dir()
    assert not scratch.exists()
    killed(place, "new")
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    recover(place)
    assert not place.exists()
    assert not caplog.records


def test_a_link_is_no_remainder(place, tmp_path):
    aim = tmp_path / "aim"
    (aim / "old").mkdir(parents=True)
    (tmp_path / ".run.partial-link").symlink_to(aim)
    shutil.rmtree(place)
    recover(place)
    assert not place.exists()
    assert (aim / "old").is_dir()


@pytest.mark.parametrize("path", ["/", ".", "..", "no\0where", "nowhere/at/all", "[a]*"])
def test_any_path_may_be_asked_about(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recover(type(tmp_path)(path))
    assert not list(tmp_path.iterdir())
