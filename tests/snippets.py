"""Commands and programs of README and docs as they stand there, and a shell to run them in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import latentopt as lo

REPOSITORY = Path(__file__).parents[1]
INSTALLING = ("python3 -m venv", "pip install", "ruff check", "sphinx-build")  # .ci/run does what these lines say
MINUTES = re.compile(  # on two cores
    r"(latentopt|-m latentopt) (train|tune|evaluate|direction|apply .*--input|optimize .*(--input|--maximize))\b"
)


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """Return the lines of a block that a reader types to use latentopt; a line that ends in \\ goes on in the next."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [line for line in lines if line.strip() and not line.startswith(INSTALLING)]


def slow(lines: list[str]) -> Sequence[pytest.MarkDecorator]:
    """The marks of a test of these commands: slow where one of them takes minutes."""
    return [pytest.mark.slow] if MINUTES.search("\n".join(lines)) else []


def environment(folder: Path) -> dict[str, str]:
    """The environment of a shell whose `latentopt` is the code that is tested, without a network."""
    command = folder / "latentopt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m latentopt "$@"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(lo.__file__).parents[1]),
        "HF_HUB_OFFLINE": "1",
    }


def type_commands(lines: list[str], desk: Path, environment: dict[str, str]) -> None:
    """Run commands one after the other, as a reader types them: each ends well and gives something."""
    for line in lines:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], cwd=desk, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
        if into := re.search(r"--json > (\S+)", line):
            assert json.loads((desk / into[1]).read_text())["version"] in (1, 2)
        elif not re.search(r"--output|--figures|>|^(mkdir|cp|cd) |^eval ", line):
            assert done.stdout.strip(), f"{line} printed nothing"


def run_program(program: str, desk: Path, environment: dict[str, str]) -> str:
    """Run a program where a reader would, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=desk, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
