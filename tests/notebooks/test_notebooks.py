"""Every notebook, executed as a person would; none of them keeps outputs."""

from pathlib import Path

import jupytext
import nbclient
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_and_shows_something(source, tmp_path):
    notebook = jupytext.read(source)
    folder = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=folder).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("text/html" in output.get("data", {}) for output in shown)
    assert not [output for output in shown if output.output_type == "stream" and output.name == "stderr"]


def test_only_sources_are_kept_and_each_is_described():
    kept = {path.name for path in NOTEBOOKS.iterdir() if path.name != "__pycache__"}
    assert kept == {path.name for path in SOURCES} | {"README.md", "images"}
    readme = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in readme for path in SOURCES)
