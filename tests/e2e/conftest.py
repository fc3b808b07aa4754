import signal
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Watched, started

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def command():
    """The installed command."""
    return Path(sys.executable).with_name("genoaudit")


@pytest.fixture(scope="session")
def genoaudit(command):
    """Run the installed command and return what it did."""

    def run(*arguments, cwd=None, check=None):
        done = subprocess.run(
            [command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=1200, check=False
        )
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def refused(capfd, monkeypatch):
    """Run what the installed command runs, in this process: imports are what a refusal takes longest over."""
    from genoaudit.cli.app import main

    def run(*arguments, cwd=None, check=3):
        monkeypatch.setattr(sys, "argv", ["genoaudit", *map(str, arguments)])
        if cwd is not None:
            monkeypatch.chdir(cwd)
        before = signal.getsignal(signal.SIGTERM)
        capfd.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, before)
        said = capfd.readouterr()
        done = subprocess.CompletedProcess(arguments, ended.value.code, said.out, said.err)
        assert done.returncode == check, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def write_config(tmp_path):
    """Write an audit's TOML file from nested dicts and return its path."""

    def write(name="audit.toml", **sections):
        text = "\n".join(
            f"[{section}]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items())
            for section, keys in sections.items()
        )
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


@pytest.fixture(scope="session")
def small_h5ad(tmp_path_factory):
    """A cohort small enough to audit in seconds, on disk."""
    from genoaudit import simulate_cohort

    path = tmp_path_factory.mktemp("cohort") / "small.h5ad"
    simulate_cohort(patients=90, genes=120, classes=3, seed=5).to_anndata().write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def cohorts():
    """The folder of real cohorts, or a skip with the reason."""
    if not DATA.is_dir():
        pytest.skip("the real cohorts are not beside this checkout")
    return DATA


@pytest.fixture(scope="session")
def chromium():
    """The browser, or a skip with the reason."""
    with started() as browser:
        yield browser


@pytest.fixture
def browse(chromium, tmp_path):
    """Open HTML in the browser; at the end nothing may have been loaded but the page, and nothing complained of."""
    opened = []

    def open_page(content, **context):
        path = content if isinstance(content, Path) else tmp_path / f"page-{len(opened)}.html"
        if not isinstance(content, Path):
            path.write_text(content, encoding="utf-8")
        opened.append(Watched(chromium, path, **context))
        return opened[-1].page

    yield open_page
    for watched in opened:
        strangers, complaints = watched.close()
        assert strangers == []
        assert complaints == []
