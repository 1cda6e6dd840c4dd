"""Writing so that a reader never meets half of it: a temporary name, synced to disk, then put in place in one step.

A process that is killed leaves at most something temporary behind, under a name that begins with a point.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from latentopt.tables.exchange import exchange

OS_ERROR = re.compile(r" \(os error (\d+)\)")  # how Rust, in which safetensors is written, tells the system's code
UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)  # what systems say that cannot exchange folders


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there becomes `path` when the block ends.

    Missing parent folders are made. When the block raises, the temporary file is removed and an earlier `path`
    stays as it was. The temporary name keeps the suffix, for writers that choose the format by it. The mode follows
    the umask, whatever the writer gives its files.
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
        mode = temporary.stat().st_mode
        with _as_of_the_system(path):
            yield temporary
        temporary.chmod(mode)
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yield a new temporary folder; it becomes `path`, whole, when the block ends, and an earlier `path` is gone.

    Missing parent folders are made. When the block raises, the temporary folder is removed and the earlier one stays.
    Modes follow the umask. Interrupted at any point, `path` is the earlier folder whole or the new one whole. Two
    places know no such step: file systems that cannot exchange folders (for a moment there is none), and folders that
    cannot be renamed, which are mount points, the working folder, and those in a parent that may not be written
    (there, entries are exchanged one by one).
    """
    with _new_folder(path, kept=lambda name: False) as temporary:
        yield temporary


@contextmanager
def atomic_update(path: str | Path, *, void: Collection[str] = ()) -> Iterator[Path]:
    """As `atomic_directory`, but what else lies in the earlier folder stays there.

    Args:
        path: the folder, such as that of a model, in which heads, checkpoints and a person's notes may lie, too.
        void: names of entries that belong to the earlier content: they are gone where the block does not write them.
    """
    with _new_folder(path, kept=lambda name: name not in void) as temporary:
        yield temporary


@contextmanager
def _new_folder(path: str | Path, *, kept: Callable[[str], bool]) -> Iterator[Path]:
    where = Path(path).resolve()  # of a link, what it leads to is replaced
    if where.exists() and not where.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "there is a file of this name where a folder shall be", str(path))
    fixed = where.exists() and _cannot_be_renamed(where)
    temporary = _beside(where / where.name if fixed else where)
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with _as_of_the_system(path):
            yield temporary
        _follow_umask(temporary)
        new = {entry.name for entry in temporary.iterdir()}
        old = [entry for entry in where.iterdir() if entry != temporary] if where.exists() else []
        staying = [entry for entry in old if entry.name not in new and kept(entry.name)]
        if not fixed:
            for entry in staying:
                _give_second_name(entry, temporary / entry.name)
        _sync_all(temporary)
        if fixed:
            for name in sorted(new):
                _put(temporary / name, where / name)
            for entry in old:
                if entry.name not in new and entry not in staying:
                    os.rename(entry, temporary / entry.name)
        else:
            _put(temporary, where)
        _sync(where if fixed else where.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # the new content, or the earlier one


@contextmanager
def _as_of_the_system(path: str | Path) -> Iterator[None]:
    """Let a writer of safetensors fail as every other does, with an OSError, where the disk is full, say."""
    try:
        yield
    except SafetensorError as error:
        what = str(error).removeprefix("Error while serializing: ").removeprefix("I/O error: ")
        code = OS_ERROR.search(what)
        raise OSError(errno.EIO if code is None else int(code[1]), OS_ERROR.sub("", what), str(path)) from error


def _cannot_be_renamed(folder: Path) -> bool:
    return folder.is_mount() or folder == Path.cwd() or not os.access(folder.parent, os.W_OK | os.X_OK)


def _put(new: Path, path: Path) -> None:
    """Bring what is new to its place; an earlier folder goes to the place of the new one, or is removed."""
    if not path.is_dir():
        os.replace(new, path)
        return
    try:
        exchange(new, path)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
        earlier = _beside(path)
        os.rename(path, earlier)
        try:
            os.rename(new, path)
        except BaseException:
            os.rename(earlier, path)
            raise
        shutil.rmtree(earlier, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")


def _give_second_name(path: Path, name: Path) -> None:
    """Let a file, or all files of a folder, be in two places; copies where the file system has no such thing."""

    def link(source: str | Path, copy: str | Path) -> None:
        try:
            os.link(source, copy, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, copy, follow_symlinks=False)

    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, name, symlinks=True, copy_function=link)
    else:
        link(path, name)


def _follow_umask(folder: Path) -> None:
    """Give all files the mode that a plain open() gives them; safetensors, for one, writes for the owner alone."""
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.chmod(mode)


def _sync_all(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for file in (Path(place, name) for name in names):
            if not file.is_symlink():
                _sync(file)
        _sync(Path(place))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
