"""README's commands as they stand there, on the files that the repository ships beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import latentopt as lo

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INSTALLING = ("python3 -m venv", "pip install", "ruff check")  # .ci/run does what these lines say
LONG = re.compile(r"latentopt (train|tune|evaluate|direction|optimize .*--(input|maximize))\b")  # minutes, on two cores


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """Return the lines of a block that a reader types to use latentopt."""
    return [line for line in block.splitlines() if line.strip() and not line.startswith(INSTALLING)]


SHELL = [commands for commands in map(commands, blocks("sh")) if commands]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, in which all commands run one after the other."""
    return shutil.copytree(REPOSITORY / "examples", tmp_path_factory.mktemp("reader") / "examples")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell whose `latentopt` is the code that is tested, without a network."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "latentopt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m latentopt "$@"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(lo.__file__).parents[1]),
        "HF_HUB_OFFLINE": "1",
    }


def test_there_is_something_to_run() -> None:
    verbs = {verb for lines in SHELL for line in lines for verb in re.findall(r"latentopt (\w+)", line)}
    assert verbs >= {"optimize", "direction", "apply", "encode", "decode", "train", "fit", "evaluate"}
    assert blocks("python")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(lines, marks=pytest.mark.slow if LONG.search("\n".join(lines)) else (), id=lines[0][:50])
        for lines in SHELL
    ],
)
def test_the_commands_of_a_block_work(lines: list[str], desk: Path, environment: dict[str, str]) -> None:
    for line in lines:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], cwd=desk, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
        if into := re.search(r"--json > (\S+)", line):
            assert json.loads((desk / into[1]).read_text())["version"] in (1, 2)
        elif "--output" not in line and "--figures" not in line:
            assert done.stdout.strip(), f"{line} printed nothing"


@pytest.mark.slow
@pytest.mark.parametrize("program", blocks("python"))
def test_the_program_works(program: str, desk: Path, environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=desk, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert lo.load_head(desk / "heads/likes", lo.LatentSpace.from_pretrained()).name == "likes"
