"""Records of a journal -> a csv, jsonl, parquet or txt file, whole or not at all; a few records are held at a time."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from latentopt.batch.journal import Record
from latentopt.tables import atomic_write, json_line, suffix

GROUP = 4096  # records of a row group


def finish(path: Path, records: Callable[[], Iterable[Record]], *, latents: Sequence[str] = ()) -> None:
    """Write records to a file, in the format of its suffix.

    Columns are all that some record has, in the order in which they come up. A txt file has the column "text" of the
    records that have no error, one a line, a line break in it as a space.

    Args:
        path: the file. records: gives them all, from the first on, as often as it is asked.
        latents: columns of vectors, float32 in parquet.
    """
    write = {".csv": _write_csv, ".jsonl": _write_jsonl, ".txt": _write_txt}.get(suffix(path))
    with atomic_write(path) as temporary:
        if write is None:
            _write_parquet(temporary, records, latents)
        else:
            write(temporary, records)


def _write_jsonl(path: Path, records: Callable[[], Iterable[Record]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{json_line(record)}\n" for record in records())


def _write_txt(path: Path, records: Callable[[], Iterable[Record]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records():
            if record.get("error") is None:
                file.write(" ".join(str(record["text"]).splitlines()) + "\n")


def _write_csv(path: Path, records: Callable[[], Iterable[Record]]) -> None:
    columns = list(dict.fromkeys(name for record in records() for name in record))
    with path.open("w", encoding="utf-8", newline="") as file:
        # A lone \r needs its quotes.
        writer = csv.DictWriter(file, columns, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writeheader()
        for record in records():
            writer.writerow({name: _cell(value) for name, value in record.items()})


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write_parquet(path: Path, records: Callable[[], Iterable[Record]], latents: Sequence[str]) -> None:
    import pyarrow
    import pyarrow.parquet

    schema, as_text = _schema(records(), latents)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(records()):
            arrays = [
                pyarrow.array([_text(record.get(field.name)) for record in group], pyarrow.string())
                if field.name in as_text
                else pyarrow.array([record.get(field.name) for record in group], field.type)
                for field in schema
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _schema(records: Iterable[Record], latents: Sequence[str]) -> tuple[Any, set[str]]:
    """The types of all columns, and which of them hold values of several types, and are therefore written as text."""
    import pyarrow

    types: dict[str, Any] = {}
    as_text: set[str] = set()
    for group in _groups(records):
        for name in dict.fromkeys(name for record in group for name in record):
            if name in as_text:
                continue
            try:
                wanted = pyarrow.list_(pyarrow.float32()) if name in latents else None
                new = _array([record.get(name) for record in group], wanted).type
                old = types.get(name, pyarrow.null())
                fields = [pyarrow.schema([(name, old)]), pyarrow.schema([(name, new)])]
                types[name] = pyarrow.unify_schemas(fields, promote_options="permissive").field(name).type
            except (pyarrow.ArrowException, OverflowError, TypeError):
                types[name] = None  # its place
                as_text.add(name)
    types |= dict.fromkeys(as_text, pyarrow.string())
    return pyarrow.schema(list(types.items())), as_text


def _array(values: list[Any], wanted: Any) -> Any:
    """Values as an array of the type that is wanted, if they can be."""
    import pyarrow

    try:
        return pyarrow.array(values, wanted)
    except (pyarrow.ArrowException, TypeError):
        return pyarrow.array(values)


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    records = iter(records)
    while group := list(itertools.islice(records, GROUP)):
        yield group


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
