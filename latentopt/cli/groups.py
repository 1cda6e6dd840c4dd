"""Groups of texts, such as those of one account or of one test: columns that name them, and for which is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from latentopt.cli.output import digits

if TYPE_CHECKING:
    from latentopt.tables import Table


typical_option = click.option(
    "--typical",
    type=click.FloatRange(min=0),
    help="Predict for a group (an account, a test) whose texts typically get this. [default: the one of its fit]",
)


def whose_texts(typical: float) -> str:
    """A group by what its texts typically get."""
    return f"a group (an account, a test) whose texts typically get {digits(typical)}"


def group_columns(words: str | None) -> list[str]:
    """The columns that the option names."""
    return [] if words is None else [column.strip() for column in words.split(",")]


def groups_of(table: Table, columns: Sequence[str]) -> list[str]:
    """The group of each row: what the columns say together. Rows without a value there are left out by `read_table`."""
    return ["|".join(map(str, entries)) for entries in table.frame[list(columns)].itertuples(index=False)]
