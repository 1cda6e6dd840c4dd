"""What the command line says: data to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    import pandas
    from matplotlib.figure import Figure
    from rich.console import Console

    from latentopt.tables import Table

SHOWN_ROW_ERRORS = 10
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # what breaks a line, or speaks to the terminal


@cache
def stderr() -> Console:
    """Return the console for progress bars and notes to a person."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@cache
def stdout() -> Console:
    """Return the console for tables that are the result."""
    from rich.console import Console

    return Console(highlight=False)


def in_a_line(message: str) -> str:
    """A message as one line, whatever stood in the names and texts that it quotes."""
    return CONTROLS.sub(" ", message)


def warn(message: str) -> None:
    """Print `warning: message` to standard error."""
    click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {in_a_line(message)}", err=True)


def report_row_errors(table: Table) -> None:
    """Warn of the rows that were left out, the first ten each in a line of its own."""
    for error in table.errors[:SHOWN_ROW_ERRORS]:
        warn(f"{table.name}, row {error.row}: {error.message}")
    if (more := len(table.errors) - SHOWN_ROW_ERRORS) > 0:
        warn(f"{table.name}: {more:,} more rows were left out")


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document; texts stay readable, and a number that JSON cannot hold is a bug, not a NaN."""
    from latentopt.tables import jsonable

    click.echo(json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False, default=jsonable))


def print_lines(lines: Iterable[str]) -> None:
    """Print one text a line, a line break inside a text as a space."""
    for line in lines:
        click.echo(" ".join(line.splitlines()))


def draw(figure: Figure, path: Path) -> None:
    """Write a figure to a file, of the kind that its name ends in."""
    from latentopt.tables import atomic_write

    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)


def write(frame: pandas.DataFrame, path: Path) -> None:
    """Write a result to a file and say so; txt takes the column "text" alone."""
    from latentopt.tables import write_table

    write_table(frame[["text"]] if path.suffix.lower() == ".txt" else frame, path)
    click.echo(f"wrote {len(frame):,} rows to {path}", err=True)


def digits(value: float) -> str:
    """Three significant digits: a prediction has no more."""
    if not math.isfinite(value):
        return "any number"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
