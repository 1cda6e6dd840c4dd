"""Where rows come from: a file, standard input, a glob or a folder of shards; gz and zst are unpacked on the way."""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from latentopt.errors import LatentoptError
from latentopt.tables.remote import is_remote, remote_files

PACKED = (".gz", ".zst")
GZ, ZST = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # how such files begin
DATA = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt", ".js")


@dataclass(frozen=True)
class Source:
    """Bytes that can be read from their beginning as often as needed, one reader at a time.

    name: what messages call it. suffix: what its name ends in, without .gz and .zst; empty where that says nothing.
    raw: opens the bytes as they lie.
    """

    name: str
    suffix: str
    raw: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        """The bytes, unpacked where they are gz or zst, whatever their name says."""
        raw = self.raw()
        head = raw.read(4)
        raw.seek(0)
        if head.startswith(GZ):
            return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        if head == ZST:
            import pyarrow

            unpacked: Any = pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, mode="r"), "zstd")
            return cast(BinaryIO, io.BufferedReader(unpacked))
        return raw

    def open_seekable(self) -> BinaryIO:
        """The same, for readers that jump about; what is packed goes to a temporary file first."""
        stream = self.open()
        return stream if isinstance(stream, io.BufferedReader) and stream.seekable() else _spooled(stream)


def sources_of(path: str | Path, *, any_name: bool = False) -> list[Source]:
    """Return what a path names: "-" is standard input, a folder the files of data in it, a glob what it matches.

    Args:
        path: the path. any_name: whether the names of files may end in anything.

    Raises:
        LatentoptError: if there is no such file, or none that can hold rows.
    """
    if str(path) == "-":
        stdin = _spooled(sys.stdin.buffer)
        return [Source("standard input", "", lambda: _again(stdin))]
    if is_remote(path):
        found = [Source(name, suffix_of(Path(name)), raw) for name, raw in remote_files(path)]
        sources = found if any_name or len(found) == 1 else [source for source in found if source.suffix in DATA]
        if not sources or (sources[0].suffix not in DATA and not any_name):
            raise LatentoptError(f"{path}: no file there ends in {_either(DATA)}; or say what it is with --format")
        return sources
    place = Path(path)
    if place.is_dir():
        files = [file for file in sorted(place.rglob("*")) if _holds_data(file, place)]
        if not files:
            raise LatentoptError(f"{path}: the folder holds no file that ends in {_either(DATA)}, perhaps with .gz")
    elif not place.exists() and any(sign in str(path) for sign in "*?["):
        files = sorted(Path(found) for found in glob.glob(str(path), recursive=True) if Path(found).is_file())
        if not files:
            raise LatentoptError(f"{path}: no file matches; put quotes around the pattern, and look at it with ls")
    else:
        files = [place]
    return [_file(file, any_name=any_name) for file in files]


def digest_of(sources: Iterable[Source]) -> str:
    """What identifies the content of sources: SHA-256 of their bytes as they lie, 16 digits."""
    found = hashlib.sha256()
    for source in sources:
        with source.raw() as raw:
            while block := raw.read(1 << 16):
                found.update(block)
            found.update(b"\0end of a file\0")
    return found.hexdigest()[:16]


def suffix_of(path: Path) -> str:
    """Return what a name ends in, in small letters, .gz and .zst left aside."""
    return Path(path.stem if path.suffix.lower() in PACKED else path.name).suffix.lower()


def _file(path: Path, *, any_name: bool) -> Source:
    suffix = suffix_of(path)
    regular = path.is_file()
    if suffix not in DATA and not any_name and (regular or not path.exists()):
        raise LatentoptError(
            f"{path}: the name must end in {_either(DATA)}, perhaps with .gz or .zst; or say what it is with --format"
        )
    try:
        opened = path.open("rb")
    except OSError as error:
        raise LatentoptError(f"{path}: {error.strerror}; give a file that can be read") from error
    if regular:
        opened.close()
        return Source(str(path), suffix, lambda: path.open("rb"))
    with opened:  # a pipe, as of `<(command)`: it can be read but once
        spooled = _spooled(opened)
    return Source(str(path), suffix if suffix in DATA else "", lambda: _again(spooled))


def _holds_data(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)  # _SUCCESS, .part-0.crc
    return suffix_of(file) in DATA and not hidden and file.is_file()


def _spooled(stream: BinaryIO) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the source)
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return cast(BinaryIO, file)


def _again(file: BinaryIO) -> BinaryIO:
    again = open(file.fileno(), "rb", closefd=False)  # noqa: SIM115 (the caller closes it, and the file stays)
    again.seek(0)
    return again


def _either(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"
