"""Commands and programs of README and docs as they stand there, and a shell to run them in."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

import latentopt as lo
from tests.kill import child

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


def with_little_effort(line: str) -> str:
    """A command that edits, made one that looks at few texts; every other as it stands."""
    return f"{line} --effort 0.1" if line.startswith("latentopt optimize ") and "--effort" not in line else line


def type_commands(lines: list[str], desk: Path, environment: dict[str, str]) -> None:
    """Run commands one after the other, as a reader types them: each ends well and gives something."""
    for line in lines:
        code, printed, said = _typed(line, desk, environment)
        assert code == 0, f"{line}\n{said}"
        assert "Traceback" not in said, f"{line}\n{said}"
        if into := re.search(r"--json > (\S+)", line):
            assert json.loads((desk / into[1]).read_text())["version"] in (1, 2)
        elif not re.search(r"--output|--figures|>|^(mkdir|cp|cd) |^eval ", line):
            assert printed.strip(), f"{line} printed nothing"


def _typed(line: str, desk: Path, environment: dict[str, str]) -> tuple[int | None, str, str]:
    """Run a line in a folder: its exit code, and what it writes to standard output and to standard error.

    A line that asks nothing of the shell but to tell words apart costs no start of Python (`tests.kill.child`).
    """
    if not line.startswith("latentopt ") or re.search(r"[|&;<>()$`*?#~]", line):
        shell = ["bash", "-o", "pipefail", "-c", line]
        done = subprocess.run(shell, cwd=desk, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr
    with tempfile.TemporaryDirectory() as folder:
        printed, said = Path(folder) / "printed", desk / "said"
        printed.touch()
        process = child.start(shlex.split(line)[1:], desk, prepare=partial(_print_to, str(printed)))
        process.join()
        found = process.exitcode, printed.read_text(), said.read_text()
        said.unlink()
        return found


def _print_to(file: str) -> None:
    os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), sys.stdout.fileno())


def run_program(program: str, desk: Path, environment: dict[str, str]) -> str:
    """Run a program where a reader would, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=desk, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
