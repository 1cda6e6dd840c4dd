"""The option --group COLUMN[,COLUMN]: who wrote each text, as all verbs read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentopt.tables import Table


def group_columns(words: str | None) -> list[str]:
    """The columns that the option names."""
    return [] if words is None else [column.strip() for column in words.split(",")]


def groups_of(table: Table, columns: Sequence[str]) -> list[str]:
    """The group of each row: what the columns say together. Rows without a value there are left out by `read_table`."""
    return ["|".join(map(str, entries)) for entries in table.frame[list(columns)].itertuples(index=False)]
