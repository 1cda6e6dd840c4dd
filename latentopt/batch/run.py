"""Many rows -> records in a file: in chunks, kept as they are made, gone on with after whatever stopped them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from latentopt import __version__
from latentopt.batch.finishing import finish
from latentopt.batch.journal import Journal, Record, chunks_of, job_of, plain
from latentopt.batch.work import LATENT, Work
from latentopt.errors import LatentoptError, differences
from latentopt.tables import (
    Reading,
    Row,
    atomic_write,
    digest_of,
    of_another_encoding,
    read_rows,
    rows_of_arguments,
    sources_of,
    warn_of_encoding,
)

SHOWN = 10  # row errors that a report names
Make = Callable[[], Work]
Engine = Callable[[Make, Iterator[list[Row]], bool], Iterator[list[Record]]]


@dataclass(frozen=True)
class Input:
    """Rows to work on: those of files, as `latentopt.tables.read_table` takes them, or the texts themselves.

    columns: those that must be there. shard: (i, n), every n-th row from the i-th on, counted from 1.
    """

    path: str | Path | None
    texts: Sequence[str] = ()
    columns: Sequence[str] = ("text",)
    reading: Reading = Reading()  # noqa: RUF009 (frozen)
    shard: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Report:
    """What came of a run.

    rows: of the input, those of other shards left out. records: written. resumed: rows that were done before. errors:
    the first rows with an error. faulty: how many there are. fresh: whether there was anything to do.
    """

    rows: int = 0
    records: int = 0
    resumed: int = 0
    faulty: int = 0
    errors: list[Row] = field(default_factory=list)
    fresh: bool = True


def run(
    make: Make,
    source: Input,
    output: Path,
    *,
    settings: Mapping[str, Any],
    chunk: int = 64,
    resume: bool = False,
    engine: Engine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Work on all rows of an input, and write a csv, jsonl, parquet or txt file.

    Until all is done, what is done lies in OUTPUT.part, synced chunk by chunk; OUTPUT itself, and an earlier file of
    that name, is touched in one step at the end. Memory does not grow with the number of rows.

    Args:
        make: makes the work, in the process or on the machine that does it.
        source: the rows.
        output: the file.
        settings: plain data that says what is done; what was begun with others is not gone on with.
        chunk: rows that are worked on together, and lost together when the process is killed.
        resume: go on with what is in OUTPUT.part; what is finished stays as it is.
        engine: where chunks are worked on; None: here, one after the other.
        progress: is told how many rows are done, and of how many.

    Raises:
        LatentoptError: if OUTPUT.part is of another job, or there without `resume`; if no row could be worked on; what
            `make` raises.
        OSError: if the output cannot be written; what was done before is kept.
    """
    sources = [] if source.path is None else sources_of(source.path, any_name=source.reading.format is not None)

    def rows() -> Iterator[Row]:
        if source.path is None:
            found = rows_of_arguments(source.texts)
        else:
            found = read_rows(sources, columns=source.columns, reading=source.reading)
        first, step = source.shard
        return itertools.islice(found, first - 1, None, step)

    job = {
        "latentopt": __version__,
        "settings": dict(settings),
        "input": {
            "content": digest_of(sources) if sources else list(source.texts),
            "columns": list(source.columns),
            "reading": asdict(source.reading),
            "shard": list(source.shard),
        },
        "chunk": chunk,
    }
    part, done = part_of(output), output.with_name(f".{output.name}.done")
    if part.exists():
        if not resume:
            raise LatentoptError(
                f"{part} holds what an interrupted run has done; --resume goes on with it, or remove it to begin anew"
            )
    elif resume and output.exists():
        _check_finished(output, job_of(done), job)
        return Report(fresh=False)
    total = _counted(rows())
    first, step = source.shard
    if total == 0 and first > 1:
        raise LatentoptError(f"shard {first}/{step} has no row: the input has fewer than {first:,}; take fewer shards")
    many = len(sources) > 1
    with Journal(part, job) as journal:
        before = min(journal.chunks * chunk, total)
        chunks = itertools.islice(_chunks(rows(), chunk), journal.chunks, None)
        if progress is not None:
            progress(before, total)
        try:
            for place, records in enumerate((engine or in_this_process)(make, chunks, many), start=journal.chunks + 1):
                journal.append(records)
                if progress is not None:
                    progress(min(place * chunk, total), total)
        except LatentoptError:
            if not journal.chunks:  # such as a head that is not there: nothing is kept, and nothing in the way
                part.unlink()
            raise
        report = _report(journal, total, before, name="arguments" if source.path is None else _named(source.path))
        if report.faulty == total:
            part.unlink()
            shown = "".join(f"; {row.file}, row {row.number}: {row.error}" for row in report.errors[:3])
            raise LatentoptError(f"no row is left to work on{shown}; give at least one text that is not empty")
        if resume:
            with atomic_write(done) as temporary:
                temporary.write_bytes(part.open("rb").readline())
        else:
            done.unlink(missing_ok=True)
        finish(output, journal.records, latents=[LATENT])
        part.unlink()
    return report


def part_of(output: Path) -> Path:
    """Where the results lie until all of them are there."""
    return output.with_name(f"{output.name}.part")


def in_this_process(make: Make, chunks: Iterator[list[Row]], many: bool) -> Iterator[list[Record]]:
    """Work on chunks one after the other."""
    work: Work | None = None
    for rows in chunks:
        work = work or make()
        yield work.records(rows, file=many)


def kept_rows(output: Path) -> int:
    """How many rows an interrupted run has done."""
    chunks = chunks_of(part_of(output)) if part_of(output).exists() else iter(())
    return sum(len({(record.get("file"), record["row"]) for record in records}) for records in chunks)


def _check_finished(output: Path, was: Mapping[str, Any] | None, job: Mapping[str, Any]) -> None:
    differs = ["what it is of is not known"] if was is None else differences(was, plain(job))
    if differs:
        raise LatentoptError(
            f"{output} is there, and there is nothing to go on with: {'; '.join(differs)}; name another --output, or "
            "leave --resume out to write it anew"
        )


def _chunks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while chunk := list(itertools.islice(rows, size)):
        yield chunk


def _counted(rows: Iterator[Row]) -> int:
    """Number of rows, having looked whether they are in the encoding in which they are read."""
    total, strange = 0, None
    for row in rows:
        total += 1
        if strange is None and of_another_encoding(row):
            strange = row
    if strange is not None:
        warn_of_encoding(strange)
    return total


def _named(path: str | Path) -> str:
    return "standard input" if str(path) == "-" else str(path)


def _report(journal: Journal, total: int, resumed: int, *, name: str) -> Report:
    records = faulty = 0
    errors: list[Row] = []
    for record in journal.records():
        records += 1
        if record["error"] is not None:
            faulty += 1
            if len(errors) < SHOWN:
                errors.append(Row(record["row"], error=record["error"], file=record.get("file", name)))
    return Report(total, records, resumed, faulty, errors)
