"""Sources of each format -> their rows one after the other, and what was wrong with those that cannot be read.

A reader takes `(source, dialect, columns)` and yields a Row for each row of the source, in order and without holding
more than a few. It raises LatentoptError for what makes the whole file useless, such as a header without a column
that is asked for.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TextIO

from latentopt.errors import LatentoptError
from latentopt.tables import numbers
from latentopt.tables.formats import Dialect, Format
from latentopt.tables.sources import Source

UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are no UTF-8, as surrogateescape gives them
BLOCK = 1 << 16  # characters of JSON that are read at a time
MOST_JSON = 1 << 26  # characters that one JSON value may have
BATCH = 1024  # rows of parquet that are read at a time


@dataclass(frozen=True)
class RowError:
    """A row that was left out: its number in the file, and why."""

    row: int
    message: str


@dataclass(frozen=True)
class Row:
    """A row of a file: its number there, all its values by column, and why it cannot be used (None: it can)."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    file: str = ""


Reader = Callable[[Source, Dialect, Sequence[str]], Iterator[Row]]


def read_csv(source: Source, dialect: Dialect, columns: Sequence[str]) -> Iterator[Row]:
    """Read delimited rows below a header. Rows are numbered by the line on which they begin; the header is 1."""
    with source.open() as stream:
        lines = _Lines(_text(stream, dialect, newline=""))
        header: list[str] = []
        number, rows = 1, _fields(lines, dialect)
        while True:
            lines.taken.clear()
            try:
                fields = next(rows, None)
            except csv.Error as error:
                if not header:
                    raise LatentoptError(f"the header, line {number}, is broken csv: {error}") from error
                yield Row(number, error=f"broken csv: {error}")
                lines.give_back()  # a quote that is never closed takes its own line with it, not the rest of the file
                number, rows = number + 1, _fields(lines, dialect)
                continue
            if fields is None:
                break
            begin, number = number, number + len(lines.taken)
            if not fields:  # a blank line
                continue
            if not header:
                header = _header(fields, dialect, columns)
                if dialect.header:
                    continue
            if len(fields) == len(header):
                yield Row(begin, dict(zip(header, fields, strict=True)))
            else:
                what = "the header" if dialect.header else "the first row"
                yield Row(begin, error=f"{len(fields)} fields, and {what} has {len(header)}")
        if not header:
            raise LatentoptError("the file is empty; a csv file begins with a line of column names")


def read_jsonl(source: Source, dialect: Dialect, columns: Sequence[str]) -> Iterator[Row]:
    """Read one JSON object a line. Rows are numbered by line; blank lines are passed over."""
    with source.open() as stream:
        for number, line in enumerate(_text(stream, dialect), start=1):
            if line.strip():
                try:
                    yield _record(number, json.loads(line))
                except (ValueError, RecursionError) as error:
                    yield Row(number, error=f"not JSON: {error}")


def read_json(source: Source, dialect: Dialect, columns: Sequence[str]) -> Iterator[Row]:
    """Read the objects of a JSON array, or JSON objects one after the other. Rows are numbered from 1.

    In an archive of Twitter, `window.YTD.tweets.part0 = [` before the array is passed over, objects are taken out of
    their envelope ("tweet"), and `full_text` is the column "text". One object that has an array of objects in it, as
    programs answer, gives the rows of that.
    """
    with source.open() as stream:
        values = _json_values(_text(stream, dialect))
        first = list(itertools.islice(values, 2))
        if len(first) == 1 and first[0].error is None:
            first = _inner(first[0], columns, source.name)
        for row in itertools.chain(first, values):
            yield _unwrapped(row, columns)


def read_parquet(source: Source, dialect: Dialect, columns: Sequence[str]) -> Iterator[Row]:
    """Read a Parquet file. Rows are numbered from 1."""
    import pyarrow
    import pyarrow.parquet

    with source.open_seekable() as stream:
        try:
            file = pyarrow.parquet.ParquetFile(stream)
            names = list(file.schema_arrow.names)
            for column in columns:
                if column not in names and column.split(".")[0] not in names:
                    raise missing_column(names, column)
            number = 0
            for batch in file.iter_batches(batch_size=BATCH):
                for values in zip(*(_values(column) for column in batch.columns), strict=True):
                    number += 1
                    yield Row(number, dict(zip(names, values, strict=True)))
        except (pyarrow.ArrowException, OSError) as error:
            said = " ".join(str(error).split())  # Arrow's words may be several lines
            raise LatentoptError(f"not a Parquet file that can be read: {said}") from error


def read_txt(source: Source, dialect: Dialect, columns: Sequence[str]) -> Iterator[Row]:
    """Read one text a line, as the column "text". Rows are numbered by line; blank lines at the end are passed over."""
    _check_columns(["text"], columns)
    blank: list[Row] = []
    with source.open() as stream:
        for number, line in enumerate(_text(stream, dialect), start=1):
            row = Row(number, {"text": line.removesuffix("\n").removesuffix("\r")})
            if not line.strip():
                blank.append(row)
                continue
            yield from blank
            blank.clear()
            yield row


READERS: dict[Format, Reader] = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "txt": read_txt,
}


def pick(values: Mapping[str, Any], column: str) -> Any:
    """The value of a column; of a.b, what is called b in the object a. None where there is none."""
    if column in values:
        return values[column]
    here: Any = values
    for part in column.split("."):
        if isinstance(here, Mapping):
            here = here.get(part)
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return here


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
            except UnicodeEncodeError:  # bytes that are no UTF-8, or half of a \ud83d\ude00 in JSON
                return "is not valid UTF-8"
    return None


def missing_column(there: Iterable[str], column: str) -> LatentoptError:
    """The error that says that there is no such column, which there are, and what may help."""
    names = list(there)
    shown = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    advice = ""
    if any(map(UNDECODED.search, names)):
        advice = "; if the file is of an older program, --encoding cp1252 (or latin-1) reads it"
    elif names and names[0].startswith("sep="):
        advice = "; its first line is a note to Excel: take it out"
    elif len(names) == 1 and any(sign in names[0] for sign in ",;\t|:^~"):
        advice = "; --delimiter says what stands between its fields"
    elif any(numbers.number(name) is not None for name in names) and not all(name.isdecimal() for name in names):
        advice = "; if that is no header, --no-header numbers the columns: --column 1"
    elif column == "text":
        advice = "; --column names the one with the texts"
    return LatentoptError(f"there is no column {column!r}; the file has {shown or 'no columns'}{advice}")


class _Lines:
    """Lines of which those that were taken last can be given back, but for the first."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        self._back.extendleft(reversed(self.taken[1:]))


def _text(stream: BinaryIO, dialect: Dialect, *, newline: str = "\n") -> TextIO:
    """The characters of a stream; each byte that is no UTF-8 is a lone surrogate, by which `fault` knows its row."""
    lenient = "surrogateescape" if dialect.encoding.startswith("utf-8") else "strict"
    return io.TextIOWrapper(stream, encoding=dialect.encoding, errors=lenient, newline=newline)


def _fields(lines: _Lines, dialect: Dialect) -> Iterator[list[str]]:
    if dialect.quoted:
        return csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)


def _header(fields: list[str], dialect: Dialect, columns: Sequence[str]) -> list[str]:
    """The names of the columns: those of a header, or numbers; "text" where there is but one."""
    if not dialect.header:
        names = ["text"] if list(columns) == ["text"] and len(fields) == 1 else [*map(str, range(1, len(fields) + 1))]
        _check_columns(names, columns)
        return names
    _check_columns(fields, columns)
    seen: dict[str, int] = {}
    names = []
    for name in fields:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _check_columns(there: Sequence[str], columns: Sequence[str]) -> None:
    """Raise LatentoptError when a column is not there, or there twice."""
    for column in columns:
        if column not in there:
            raise missing_column(there, column)
        if there.count(column) > 1:
            raise LatentoptError(f"the column {column!r} is there {there.count(column)} times; rename all but one")


def _record(number: int, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(number, value)
    if isinstance(value, str):
        return Row(number, {"text": value})
    return Row(number, error=f"a JSON {type(value).__name__}, not an object with named columns")


def _json_values(stream: TextIO) -> Iterator[Row]:
    """The elements of one array, or values that follow each other, each parsed as soon as it is whole."""
    decoder = json.JSONDecoder()
    text = stream.read(BLOCK).removeprefix("\ufeff").lstrip()
    if text.startswith("window."):
        text = text.partition("=")[2].lstrip()
    array, closed = text.startswith("["), False
    text, number = text[array:], 0
    while True:
        rest = text.lstrip(" \t\r\n," if array else " \t\r\n")
        if array and rest.startswith("]"):
            closed, rest = True, rest[1:].lstrip(" \t\r\n;")
        if closed or not rest:
            more = stream.read(BLOCK)
            if more:
                text = rest + more
                if closed and text.strip(" \t\r\n;"):
                    yield Row(number + 1, error="something follows the end of the JSON array")
                    return
                continue
            if rest or (array and not closed):
                what = "something follows the end of the JSON array" if closed else "the JSON array has no end"
                yield Row(number + 1, error=f"{what}; the file may have been cut off")
            return
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            more = stream.read(max(BLOCK, len(rest))) if len(rest) < MOST_JSON else ""
            if more:
                text = rest + more
                continue
            yield Row(number + 1, error=f"not JSON, from here to the end: {error}")
            return
        if end == len(rest) and (more := stream.read(BLOCK)):  # 12 may be the beginning of 123
            text = rest + more
            continue
        number, text = number + 1, rest[end:]
        yield _record(number, value)


def _inner(row: Row, columns: Sequence[str], name: str) -> list[Row]:
    """The rows in the one array of objects that a lone object has; the object itself if it is a row."""
    lists = {
        key: value
        for key, value in row.values.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    }
    if len(lists) != 1 or all(pick(row.values, column) is not None for column in columns):
        return [row]
    ((key, found),) = lists.items()
    warnings.warn(f"{name}: the rows are those in {key!r}", stacklevel=2)
    return [_record(number, value) for number, value in enumerate(found, start=1)]


def _unwrapped(row: Row, columns: Sequence[str]) -> Row:
    """A tweet out of its envelope {"tweet": {...}}, with its full_text as "text"."""
    values = row.values
    if len(values) == 1 and columns and pick(values, columns[0]) is None:
        ((_, inner),) = values.items()
        values = inner if isinstance(inner, dict) else values
    if "text" in columns and "text" not in values and "full_text" in values:
        values = {"text" if name == "full_text" else name: value for name, value in values.items()}
    return row if values is row.values else Row(row.number, values, row.error)


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
