import sys
import textwrap

import pytest


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """Write a module that can be imported in this test only."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written = []

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)
