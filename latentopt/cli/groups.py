"""Groups of texts, such as those of one account or of one test: columns that name them, and for which is predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from latentopt.cli.output import digits

if TYPE_CHECKING:
    from latentopt.heads.property import Typical
    from latentopt.tables import Table


def _typical(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Typical | None:
    """One value for all properties, or those of some by their names."""
    found: dict[str, float] = {}
    for words in given:
        name, sign, value = words.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (sign and not name):
            raise click.BadParameter(f"{words}: write a number, or NAME=VALUE, such as likes=200")
        if name in found or (found and "" in (name, *found)):
            raise click.BadParameter(f"{words}: give one value for all, or one for each NAME=VALUE")
        found[name] = number
    return found.get("", found or None)


typical_option = click.option(
    "--typical",
    multiple=True,
    callback=_typical,
    metavar="[NAME=]VALUE",
    help="Predict for a group (an account, a test) whose texts typically get this; with a NAME, of this property. "
    "Repeatable. [default: the one of its fit]",
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
