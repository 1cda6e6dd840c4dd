"""Bytes of a csv, jsonl, parquet or txt file -> rows of the columns asked for, and what was wrong with the others.

Each reader takes `(content, columns)` and returns `(rows, errors)`: rows are `(row number, values)`, values in the
order of the columns. It raises LatentoptError for what makes the whole file useless.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentopt.errors import LatentoptError

NumberedRows = list[tuple[int, tuple[Any, ...]]]


@dataclass(frozen=True)
class RowError:
    """A row that was left out: its number in the file, and why."""

    row: int
    message: str


Reader = Callable[[bytes, Sequence[str]], tuple[NumberedRows, list[RowError]]]


def read_csv(content: bytes, columns: Sequence[str]) -> tuple[NumberedRows, list[RowError]]:
    """Read comma-separated rows below a header. Rows are numbered by the line on which they begin; the header is 1."""
    lines = list(io.StringIO(_decode(content), newline=""))
    rows: NumberedRows = []
    errors: list[RowError] = []
    start = 0  # lines before the row to read next
    header: list[str] = []
    places: list[int] = []
    while start < len(lines):
        begin = start
        reader = csv.reader((lines[line] for line in range(begin, len(lines))), strict=True)
        try:
            for fields in reader:
                row, start = start + 1, begin + reader.line_num
                if not header:
                    header = fields
                    places = _places(header, columns) if fields else []
                elif len(fields) == len(header):
                    rows.append((row, tuple(fields[place] for place in places)))
                elif fields:  # not a blank line
                    errors.append(RowError(row, f"{len(fields)} fields, and the header has {len(header)}"))
        except csv.Error as error:
            if not header:
                raise LatentoptError(f"the header, line {start + 1}, is broken csv: {error}") from error
            errors.append(RowError(start + 1, f"broken csv: {error}"))
            start += 1  # a quote that is never closed takes its own line with it, not the rest of the file
    if not header:
        raise LatentoptError("the file is empty; a csv file begins with a line of column names")
    return rows, errors


def read_jsonl(content: bytes, columns: Sequence[str]) -> tuple[NumberedRows, list[RowError]]:
    """Read one JSON object a line. Rows are numbered by line; blank lines are passed over."""
    rows: NumberedRows = []
    errors: list[RowError] = []
    seen: dict[str, None] = {}
    for row, line in _lines(content):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            errors.append(RowError(row, f"not JSON: {error}"))
            continue
        if not isinstance(record, dict):
            errors.append(RowError(row, f"a JSON {type(record).__name__}, not an object with named columns"))
            continue
        seen.update(dict.fromkeys(record))
        rows.append((row, tuple(record.get(column) for column in columns)))
    if rows:
        _places(list(seen), columns)
    return rows, errors


def read_parquet(content: bytes, columns: Sequence[str]) -> tuple[NumberedRows, list[RowError]]:
    """Read the columns of a Parquet file. Rows are numbered from 1."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        _places(file.schema_arrow.names, columns)
        table = file.read(columns=list(columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise LatentoptError(f"not a Parquet file that can be read: {error}") from error
    values = [_values(table.column(column)) for column in columns]
    return list(enumerate(zip(*values, strict=True), start=1)), []


def read_txt(content: bytes, columns: Sequence[str]) -> tuple[NumberedRows, list[RowError]]:
    """Read one text a line, as the column "text". Rows are numbered by line; blank lines at the end are passed over."""
    _places(["text"], columns)
    lines = _lines(content)
    while lines and not lines[-1][1].strip():
        lines.pop()
    return [(row, (line,) * len(columns)) for row, line in lines], []


READERS: dict[str, Reader] = {"csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet, "txt": read_txt}
SUFFIXES = tuple(f".{name}" for name in READERS)


def suffix(path: str | Path) -> str:
    """Return the suffix that says a file's format; LatentoptError when it says none."""
    found = Path(path).suffix.lower()
    if found not in SUFFIXES:
        raise LatentoptError(f"{path}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    return found


def sniff(content: bytes, columns: Sequence[str]) -> str:
    """Return the format that content without a file name seems to have.

    Doubts are settled by the columns: lines of plain text are enough only where the column "text" is asked for.
    """
    if content.startswith(b"PAR1"):
        return "parquet"
    first = next((line for _, line in _lines(content) if line.strip()), "")
    plain = list(columns) == ["text"]
    if first.lstrip().startswith("{") and not (plain and '"text"' not in first):
        return "jsonl"
    try:
        header = next(csv.reader([first]), [])
    except csv.Error:
        header = []
    return "txt" if plain and "text" not in header else "csv"


def fault(value: Any) -> str | None:
    """Return what makes a value unusable whatever it is for, as in "text is empty"; None for a sound one."""
    if value is None or (isinstance(value, float) and value != value):
        return "has no value"
    if isinstance(value, str):
        if not value.strip():
            return "is empty"
        if "\0" in value:
            return "holds a NUL byte"
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:  # bytes that _decode could not read, or half of a \ud83d\ude00 in JSON
                return "is not valid UTF-8"
    return None


def _decode(content: bytes) -> str:
    """Decode UTF-8, each undecodable byte as a lone surrogate, by which `fault` knows its row."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LatentoptError("the file is UTF-16; save it as UTF-8")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="surrogateescape")


def _lines(content: bytes) -> list[tuple[int, str]]:
    """Split at line feeds, with or without a carriage return; a text may hold what else str.splitlines splits at."""
    return [(n, line.removesuffix("\r")) for n, line in enumerate(_decode(content).split("\n"), start=1)]


def _places(there: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Return the position of each column; LatentoptError when one is not there, or there twice."""
    for column in columns:
        if column not in there:
            shown = ", ".join(repr(name) for name in there[:20]) + (", ..." if len(there) > 20 else "")
            raise LatentoptError(f"there is no column {column!r}; the file has {shown or 'no columns'}")
        if there.count(column) > 1:
            raise LatentoptError(f"the column {column!r} is there {there.count(column)} times; rename all but one")
    return [there.index(column) for column in columns]


def _values(column: Any) -> list[Any]:
    """Return the Python values of a pyarrow column; strings that are no UTF-8 come back with lone surrogates."""
    import pyarrow

    kinds = pyarrow.types
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        column.validate(full=True)  # pyarrow trusts a file's strings until told to look
    except pyarrow.ArrowInvalid as error:
        if not (kinds.is_string(column.type) or kinds.is_large_string(column.type)):
            raise LatentoptError(f"a column that cannot be read: {error}") from error
        raw = column.cast(pyarrow.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", errors="surrogateescape") for value in raw]
    values: list[Any] = column.to_pylist()
    return values
