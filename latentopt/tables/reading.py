"""Rows with named columns, from files, folders of shards or standard input; one bad row costs one row."""

from __future__ import annotations

import itertools
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.tables.formats import Reading, dialect_of
from latentopt.tables.numbers import number
from latentopt.tables.parsing import READERS, UNDECODED, Row, RowError, fault, missing_column, pick
from latentopt.tables.sources import Source, sources_of

if TYPE_CHECKING:
    import pandas

LOOKED_AT = 1000  # rows among which a column must be


@dataclass(frozen=True)
class Table:
    """The good rows and what was wrong with the others.

    `frame` has exactly the columns asked for, and as its index the row each came from: the line on which it begins
    in csv, jsonl and txt (a header is line 1), the row counted from 1 in json, parquet and among arguments.
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


def read_rows(sources: Sequence[Source], *, columns: Sequence[str], reading: Reading = Reading()) -> Iterator[Row]:  # noqa: B008 (frozen)
    """All rows of sources, in order, with all their columns; a few are held at a time.

    Args:
        sources: from `sources_of`.
        columns: those that are asked for, which must be there; a.b is b in the object a.
        reading: what is said of the files.

    Raises:
        LatentoptError: for a file of another kind, a damaged one, and a column that is not there.
    """
    for source in sources:
        try:
            dialect = dialect_of(source, reading, columns)
            rows = READERS[dialect.format](source, dialect, columns)
            head = list(itertools.islice(rows, LOOKED_AT))
            _check_seen(head, columns)
            for row in itertools.chain(head, rows):
                yield Row(row.number, row.values, row.error, source.name)
        except LatentoptError as error:
            shown = str(error)
            raise LatentoptError(shown if shown.startswith(source.name) else f"{source.name}: {shown}") from error
        except UnicodeError as error:
            raise LatentoptError(f"{source.name}: {error}; say the file's encoding with --encoding") from error
        except (EOFError, zlib.error, OSError) as error:
            raise LatentoptError(
                f"{source.name}: cannot be read to its end ({error}); the file may be damaged or cut off"
            ) from error


def faults_of(row: Row, columns: Sequence[str], *, optional: Sequence[str] = ()) -> str | None:
    """Why a row cannot be used, as in "text is empty; likes has no value"; None where nothing is wrong."""
    if row.error is not None:
        return row.error
    faults = [
        f"{column} {why}" for column in columns if column not in optional and (why := fault(pick(row.values, column)))
    ]
    return "; ".join(faults) or None


def of_another_encoding(row: Row) -> bool:
    """Whether a row, or the name of a column, holds bytes that are no UTF-8, in a file of text."""
    parquet = row.file.lower().endswith(".parquet") or row.file == "arguments"
    return not parquet and any(isinstance(v, str) and UNDECODED.search(v) for v in (*row.values, *row.values.values()))


def warn_of_encoding(row: Row) -> None:
    """Say which option reads a file that is no UTF-8."""
    warnings.warn(
        f"{row.file}: row {row.number} is not UTF-8; if the file is of an older program, --encoding cp1252 (or "
        "latin-1) reads it",
        stacklevel=2,
    )


def read_table(
    path: str | Path,
    *,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    reading: Reading = Reading(),  # noqa: B008 (frozen)
) -> Table:
    """Read the named columns of a csv, tsv, json, jsonl, parquet or txt file, of a glob or a folder of such files.

    "-" is standard input. Files may be gz or zst. What a file is, its suffix says, or, of standard input, a look at it;
    see `Reading` for what can be said. A row is an error, and the others are kept, when it has too few or too many
    fields, is no JSON, is not UTF-8, or when a value asked for is missing, blank or holds a NUL byte. A txt file has
    one text a line, in the column "text". csv values are strings; json and parquet values keep their types (see
    `Table.only_texts`, `numeric_column`). Values of the columns that are also named in `optional` may be missing or
    blank.

    Raises:
        LatentoptError: for a missing file, a file of another kind, and a column that is not there.
    """
    sources = sources_of(path, any_name=reading.format is not None)
    name = "standard input" if str(path) == "-" else str(path)
    rows = read_rows(sources, columns=columns, reading=reading)
    return _table(name, rows, columns, optional, many=len(sources) > 1)


def read_texts(
    arguments: Sequence[str],
    file: str | Path | None,
    column: str = "text",
    reading: Reading = Reading(),  # noqa: B008 (frozen)
) -> Table:
    """Return the texts of a command in the column "text": its arguments, else a file's column, else standard input.

    Raises as `read_table`. Texts that are blank, hold a NUL byte or are no Unicode are errors of their row.
    """
    if arguments:
        return _table("arguments", rows_of_arguments(arguments), ["text"])
    table = read_table("-" if file is None else file, columns=[column], reading=reading).only_texts(column)
    return replace(table, frame=table.frame.set_axis(["text"], axis=1))


def rows_of_arguments(arguments: Sequence[str]) -> Iterator[Row]:
    """The texts of a command line as rows, numbered from 1."""
    return (Row(n, {"text": text}, file="arguments") for n, text in enumerate(arguments, start=1))


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


def _check_seen(head: Sequence[Row], columns: Sequence[str]) -> None:
    """Raise LatentoptError when none of the first rows has a column; such as it may lack some."""
    seen: dict[str, None] = {}
    for row in head:
        seen.update(dict.fromkeys(row.values))
    for column in columns if seen else ():
        if column not in seen and all(pick(row.values, column) is None for row in head):
            raise missing_column(seen, column)


def _table(
    name: str, rows: Iterator[Row], columns: Sequence[str], optional: Sequence[str] = (), *, many: bool = False
) -> Table:
    """Build the frame, sorting out the values that no column can use."""
    import pandas

    good: list[tuple[Any, ...]] = []
    numbers: list[int] = []
    bad: list[RowError] = []
    warned = False
    for row in rows:
        why = faults_of(row, columns, optional=optional)
        if why is None:
            numbers.append(row.number)
            good.append(tuple(pick(row.values, column) for column in columns))
            continue
        bad.append(RowError(row.number, f"{why} ({row.file})" if many else why))
        if not warned and of_another_encoding(row):
            warned = True
            warn_of_encoding(row)
    index = pandas.Index(numbers, name="row", dtype="int64")
    frame = pandas.DataFrame(good, index=index, columns=list(columns))
    return Table(frame, sorted(bad, key=lambda error: error.row), name)
