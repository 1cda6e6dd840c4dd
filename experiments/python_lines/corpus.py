"""Single Python statements, cut from the standard library of the running interpreter and its installed packages."""

from __future__ import annotations

import ast
import random
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path

LONGEST = 32  # characters
HELD_OUT = 20  # one file in so many gives validation statements and none to train on
SIMPLE = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Expr,
    ast.Return,
    ast.Raise,
    ast.Assert,
    ast.Delete,
    ast.Import,
    ast.ImportFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Pass,
    ast.Break,
    ast.Continue,
)


@dataclass(frozen=True)
class Lines:
    """Different statements, shuffled; no statement is in both lists."""

    train: list[str]
    valid: list[str]
    description: dict[str, int]


def python_files() -> list[Path]:
    """The .py files of the standard library and of the installed packages, tests of neither left out, sorted."""
    paths = sysconfig.get_paths()
    roots = {Path(paths[name]) for name in ("stdlib", "purelib", "platlib")}
    return sorted({file for root in roots for file in root.rglob("*.py")})


def statements(source: str) -> list[str]:
    """The simple statements of a source file that stand on one line of at most 32 characters, as they are written.

    Strings alone in a line are left out: they are documentation. So is what holds other than printable ASCII.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in other people's strings
        tree = ast.parse(source)
    lines = source.split("\n")  # splitlines() also splits at form feeds, which Python does not
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, SIMPLE) or node.lineno != node.end_lineno or node.end_lineno > len(lines):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        # Offsets count bytes; where the line is ASCII they count characters, too.
        line = lines[node.lineno - 1]
        text = line[node.col_offset : node.end_col_offset]
        if line.isascii() and text.isprintable() and len(text) <= LONGEST:
            found.append(text)
    return found


def read_lines(*, seed: int, train: int, valid: int) -> Lines:
    """Cut statements from files in a random order until there are enough, each statement once.

    No file gives statements to both lists.
    """
    files = python_files()
    random.Random(seed).shuffle(files)
    found: tuple[dict[str, None], dict[str, None]] = ({}, {})
    read = 0
    for number, file in enumerate(files):
        which = int(number % HELD_OUT == 0)
        if len(found[which]) >= (train, valid)[which]:
            if len(found[1 - which]) >= (valid, train)[which]:
                break
            continue
        try:
            found[which].update(dict.fromkeys(statements(file.read_text(encoding="utf-8"))))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue  # files of other versions of Python, and those that are meant to be broken
        read += 1
    lists = [list(found[0]), [text for text in found[1] if text not in found[0]]]
    for texts in lists:
        random.Random(seed).shuffle(texts)
    known, new = lists[0][:train], lists[1][:valid]
    return Lines(known, new, {"files": read, "train": len(known), "valid": len(new)})
