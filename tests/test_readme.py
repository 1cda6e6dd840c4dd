"""README's commands as they stand there, on the files that the repository ships beside it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests import snippets

README = snippets.REPOSITORY / "README.md"
SHELL = [lines for lines in map(snippets.commands, snippets.blocks(README, "sh")) if lines]
CASES = [pytest.param(lines, id=lines[0][:50], marks=snippets.slow(lines)) for lines in SHELL]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, in which all commands run one after the other."""
    return shutil.copytree(snippets.REPOSITORY / "examples", tmp_path_factory.mktemp("reader") / "examples")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return snippets.environment(tmp_path_factory.mktemp("bin"))


def test_there_is_something_to_run() -> None:
    verbs = {verb for lines in SHELL for line in lines for verb in re.findall(r"latentopt (\w+)", line)}
    assert verbs >= {"optimize", "direction", "apply", "train", "fit", "evaluate"}  # tests/test_docs.py: all there are
    assert snippets.blocks(README, "python")


@pytest.mark.parametrize("lines", CASES)
def test_the_commands_of_a_block_work(lines: list[str], desk: Path, environment: dict[str, str]) -> None:
    snippets.type_commands(lines, desk, environment)


@pytest.mark.slow
@pytest.mark.parametrize("program", snippets.blocks(README, "python"))
def test_the_program_works(program: str, desk: Path, environment: dict[str, str]) -> None:
    assert snippets.run_program(program, desk, environment).strip()


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (snippets.REPOSITORY / target).exists()] == []
