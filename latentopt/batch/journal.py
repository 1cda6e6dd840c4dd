"""Results that outlive the process that made them: a file to which a line is appended for each chunk of rows.

The first line says of which job they are: its settings, its input, the size of a chunk. Each further line, JSON, holds
the records of one chunk, and is on the disk before the next chunk begins. What a kill or a loss of power leaves of a
line is no line, and cut off when the job goes on.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from datetime import time as datetime_time
from pathlib import Path
from typing import Any

from latentopt.errors import LatentoptError, differences
from latentopt.tables import jsonable

SURROGATE = re.compile("[\ud800-\udfff]")  # no character: what was no UTF-8
Record = dict[str, Any]


class Journal:
    """The journal of one job. Only one process has it open.

    Args:
        path: the file, which is made if it is not there.
        job: what identifies the job, plain data.

    Raises:
        LatentoptError: if another process has the journal open, it is that of another job, or the system has no locks.
        OSError: if it cannot be written.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self.path = path
        self._file = _open_alone(path)
        try:
            self.chunks = self._recover(job)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, records: Sequence[Record]) -> None:
        """Add the records of a chunk; when this returns, they are on the disk. After an error they are not there."""
        self._write(_line(records))
        self.chunks += 1

    def records(self) -> Iterator[Record]:
        """All records, in order."""
        for chunk in chunks_of(self.path):
            yield from chunk

    def _recover(self, job: Mapping[str, Any]) -> int:
        """Number of chunks that are whole; what follows them is cut off. A journal that has not begun is begun."""
        chunks, end = 0, 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file):
                if not _is_whole(line):
                    break
                if number == 0:
                    _check_same(self.path, json.loads(line), job)
                chunks, end = number, end + len(line)
        os.ftruncate(self._file, end)
        if end == 0:
            self._write(_line(job))
            _sync_folder(self.path.parent)
        return chunks

    def _write(self, line: bytes) -> None:
        before = os.fstat(self._file).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except BaseException as error:
            os.ftruncate(self._file, before)
            if isinstance(error, OSError):
                error.filename = str(self.path)
            raise


def _open_alone(path: Path) -> int:
    """Open a journal, which is made if it is not there, and which no other process has open."""
    try:
        import fcntl  # not at the top: Windows has none, and must load `latentopt.batch` without it
    except ImportError as error:
        raise LatentoptError(
            f"{path}: an output needs locks of files (flock), which this system has not (Windows); "
            "use the Windows Subsystem for Linux, or leave out --output and keep what is printed"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise LatentoptError(
            f"{path}: another latentopt is writing this output; wait for it, or name another --output"
        ) from error
    return file


def job_of(path: Path) -> dict[str, Any] | None:
    """The job whose journal a file is; None if it says nothing."""
    try:
        with path.open("rb") as file:
            line = file.readline()
    except FileNotFoundError:
        return None
    found: dict[str, Any] | None = json.loads(line) if _is_whole(line) else None
    return found


def chunks_of(path: Path) -> Iterator[list[Record]]:
    """The chunks of a journal, those that are whole."""
    with path.open("rb") as file:
        file.readline()
        for line in file:
            if not _is_whole(line):
                return
            yield json.loads(line)


def _sync_folder(folder: Path) -> None:
    """Bring a new name in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value as a journal gives it back."""
    found: dict[str, Any] = json.loads(_line(value))
    return found


def _check_same(path: Path, was: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    if differs := differences(was, plain(job)):
        raise LatentoptError(
            f"{path} is of another run: {'; '.join(differs)}; give the same input and options, name another "
            "--output, or remove that file"
        )


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):x}", text).encode() + b"\n"


def _plain(value: Any) -> Any:
    """What JSON knows of a value: numpy's as it is, dates in ISO 8601, bytes and all else in words."""
    if isinstance(value, date | datetime_time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    try:
        return jsonable(value)
    except TypeError:
        return str(value)


def _is_whole(line: bytes) -> bool:
    if not line.endswith(b"\n"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
