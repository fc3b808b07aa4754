"""The script of continuous integration, with stand-ins for what it calls."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "run"


@pytest.fixture
def run(tmp_path):
    """Run the script where only these commands are there, and return what it did and in which order."""

    def go(**commands):
        calls = tmp_path / "calls"
        for name, body in {"sleep": "true", "make": "true", **commands}.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f'#!/bin/sh\necho "{path.name} $* $GENOAUDIT_REQUIRE" >> {calls}\n{body}\n')
            path.chmod(0o755)
        (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
        done = subprocess.run(
            [shutil.which("bash"), SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        return done, calls.read_text().splitlines()

    if not SCRIPT.exists():
        pytest.skip("the script of continuous integration is not part of this copy")
    return go


def test_with_a_browser_the_tests_are_run_and_must_not_skip_it(run):
    done, calls = run(chromium="true")
    assert done.returncode == 0
    assert calls == ["make test browser"]


def test_without_one_root_installs_it_first(run):
    done, calls = run(id="echo 0", apt_get="true")
    assert done.returncode == 0
    assert [call.split()[:2] for call in calls] == [
        ["id", "-u"],
        ["apt-get", "update"],
        ["apt-get", "install"],
        ["make", "test"],
    ]
    assert "--no-install-recommends chromium" in calls[2]
    assert calls[-1] == "make test browser"


def test_an_installation_that_fails_is_tried_once_more(run, tmp_path):
    flaky = f"test -e {tmp_path}/tried || {{ : > {tmp_path}/tried; exit 1; }}"
    done, calls = run(id="echo 0", apt_get=flaky)
    assert done.returncode == 0
    assert [call.split()[0] for call in calls] == ["id", "apt-get", "sleep", "apt-get", "apt-get", "make"]


def test_an_installation_that_fails_twice_ends_in_words_and_runs_nothing(run):
    done, calls = run(id="echo 0", apt_get="exit 100")
    assert done.returncode == 1
    assert "chromium could not be installed" in done.stderr
    assert not [call for call in calls if call.startswith("make")]


def test_whoever_is_not_root_is_told_what_to_do(run):
    done, calls = run(id="echo 1000", apt_get="true")
    assert done.returncode == 1
    assert "only root can install it" in done.stderr
    assert [call.split()[0] for call in calls] == ["id"]
