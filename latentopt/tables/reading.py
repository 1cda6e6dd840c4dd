"""Rows with named columns, from csv, jsonl, parquet, txt or standard input; one bad row costs one row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.tables.numbers import number
from latentopt.tables.parsing import READERS, NumberedRows, RowError, fault, sniff, suffix

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Table:
    """The good rows and what was wrong with the others.

    `frame` has exactly the columns asked for, and as its index the row each came from: the line on which it begins
    in csv, jsonl and txt (a header is line 1), the row counted from 1 in parquet and among arguments.
    """

    frame: pandas.DataFrame
    errors: list[RowError] = field(default_factory=list)
    name: str = "input"

    def __len__(self) -> int:
        return len(self.frame)

    def checked(self, column: str, faults: Sequence[str | None]) -> Table:
        """Return the table without the rows that have a fault ("is empty"), which become errors in row order."""
        rows = zip(self.frame.index.tolist(), faults, strict=True)
        bad = [RowError(row, f"{column} {why}") for row, why in rows if why]
        frame = self.frame.loc[[why is None for why in faults]]
        return replace(self, frame=frame, errors=sorted([*self.errors, *bad], key=lambda error: error.row))

    def only_texts(self, column: str) -> Table:
        """Return the table without the rows whose value is no text, or a text that no model can take."""
        values = self.frame[column].tolist()
        return self.checked(column, [fault(v) if isinstance(v, str) else f"is {v!r}, not a text" for v in values])


def read_table(path: str | Path, *, columns: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Read the named columns of a csv, jsonl, parquet or txt file; "-" is standard input, its format found by looking.

    A row is an error, and the others are kept, when it has too few or too many fields, is no JSON, is not UTF-8, or
    when a value asked for is missing, blank or holds a NUL byte. A txt file has one text a line, in the column "text".
    csv values are strings; jsonl and parquet values keep their types (see `Table.only_texts`, `numeric_column`).
    Values of the columns that are also named in `optional` may be missing or blank.

    Raises LatentoptError for a missing file, a file of another kind, and a column that is not there.
    """
    name, content = _content(path)
    kind = sniff(content, columns) if str(path) == "-" else suffix(path)[1:]
    try:
        rows, errors = READERS[kind](content, columns)
    except LatentoptError as error:
        raise LatentoptError(f"{name}: {error}") from error
    return _table(name, rows, errors, columns, optional)


def read_texts(arguments: Sequence[str], file: str | Path | None, column: str = "text") -> Table:
    """Return the texts of a command in the column "text": its arguments, else a file's column, else standard input.

    Raises as `read_table`. Texts that are blank, hold a NUL byte or are no Unicode are errors of their row.
    """
    if arguments:
        return _table("arguments", [(n, (text,)) for n, text in enumerate(arguments, start=1)], [], ["text"])
    table = read_table("-" if file is None else file, columns=[column]).only_texts(column)
    return replace(table, frame=table.frame.set_axis(["text"], axis=1))


def numeric_column(table: Table, name: str, *, decimal_comma: bool = False) -> Table:
    """Return the table with a column as float64, without the rows whose value is not a finite number (see `number`)."""
    values = table.frame[name].tolist()
    found = [number(value, decimal_comma=decimal_comma) for value in values]
    faults = [f"is {v!r}, not a finite number" if n is None else None for v, n in zip(values, found, strict=True)]
    kept = table.checked(name, faults)
    numbers = [n for n in found if n is not None]
    return replace(kept, frame=kept.frame.assign(**{name: numbers}).astype({name: "float64"}))


def is_number(value: Any) -> bool:
    """Whether a value, perhaps a string, is a finite number."""
    return number(value) is not None


def _content(path: str | Path) -> tuple[str, bytes]:
    if str(path) == "-":
        return "standard input", sys.stdin.buffer.read()
    suffix(path)
    try:
        return str(path), Path(path).read_bytes()
    except OSError as error:
        raise LatentoptError(f"{path}: {error.strerror}; give a file that can be read") from error


def _table(
    name: str, rows: NumberedRows, errors: list[RowError], columns: Sequence[str], optional: Sequence[str] = ()
) -> Table:
    """Build the frame, sorting out the values that no column can use."""
    import pandas

    good: NumberedRows = []
    bad = list(errors)
    for row, values in rows:
        faults = [
            f"{column} {why}"
            for column, value in zip(columns, values, strict=True)
            if column not in optional and (why := fault(value))
        ]
        if faults:
            bad.append(RowError(row, "; ".join(faults)))
        else:
            good.append((row, values))
    index = pandas.Index([row for row, _ in good], name="row", dtype="int64")
    frame = pandas.DataFrame([values for _, values in good], index=index, columns=list(columns))
    return Table(frame, sorted(bad, key=lambda error: error.row), name)
