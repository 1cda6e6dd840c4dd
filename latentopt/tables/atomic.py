"""Writing so that a reader never meets half a file: a temporary name, synced to disk, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there becomes `path` when the block ends.

    Missing parent folders are made. When the block raises, the temporary file is removed and an earlier `path`
    stays as it was. The temporary name keeps the suffix, for writers that choose the format by it.
    """
    path = Path(path)
    temporary = _beside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.touch()  # what forbids writing here is said before the work of making the content
    except OSError as error:
        error.filename = str(path)  # the name that the caller knows
        raise
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`; it becomes `path`, whole, when the block ends.

    An earlier folder at `path` is replaced: it is moved aside, and removed once the new one stands. When the block
    raises, the temporary folder is removed and the earlier one stays.
    """
    path = Path(path)
    temporary, earlier = _beside(path), _beside(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _sync(Path(folder, name))
            _sync(Path(folder))
        if path.exists():
            os.rename(path, earlier)  # a folder with content cannot be replaced in one step
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if earlier.exists() and not path.exists():
            os.rename(earlier, path)
        raise
    _sync(path.parent)
    shutil.rmtree(earlier, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
