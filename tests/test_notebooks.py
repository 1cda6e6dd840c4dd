"""The notebooks in examples/: kept with what they print and draw, and executed again by a slow test."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests import snippets

nbformat = pytest.importorskip("nbformat")
NOTEBOOKS = sorted((snippets.REPOSITORY / "examples").glob("*.ipynb"))


def cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def outputs(path: Path) -> list:
    return [output for cell in cells(path) for output in cell.outputs]


def test_there_are_four_and_readme_names_them() -> None:
    readme = (snippets.REPOSITORY / "examples/README.md").read_text()
    assert [path.stem for path in NOTEBOOKS] == ["latent_map", "own_data", "tone_changer", "tweet_optimizer"]
    assert [path.name for path in NOTEBOOKS if path.name not in readme] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_kept_as_they_ran_from_top_to_bottom(path: Path) -> None:
    assert [cell.execution_count for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    found = outputs(path)
    assert any("image/png" in output.get("data", {}) for output in found), "no figure is kept"
    assert [output for output in found if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert str(Path.home()) not in path.read_text()


def test_one_says_how_to_open_it_in_colab() -> None:
    """In words: a badge would need a public address of the notebook, and one to Colab's own page opens nothing."""
    book = nbformat.read(snippets.REPOSITORY / "examples/tweet_optimizer.ipynb", as_version=4)
    assert "Upload notebook" in book.cells[0].source
    assert "colab.research.google.com" not in book.cells[0].source
    archive = re.search(r"git archive --output (\S+)", book.cells[0].source)
    assert archive
    assert f"%pip install -q /content/{archive[1]}" in book.cells[1].source


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    for name, value in snippets.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    desk = shutil.copytree(snippets.REPOSITORY / "examples", tmp_path / "examples")
    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(book, timeout=900, kernel_name="python3", resources={"metadata": {"path": desk}}).execute()
    figures = [o for cell in book.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert figures
