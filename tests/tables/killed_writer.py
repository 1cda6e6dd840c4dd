"""Run as a process: a writer that dies without a word after each line of the writer's code, one after the other.

Arguments: "folder", "update" or "file"; an empty folder to work in; and, perhaps, "unable": a file system that cannot
exchange folders. Prints for each line what a reader finds afterwards, as JSON.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from latentopt.tables import atomic, atomic_directory, atomic_update, atomic_write

CODE = {atomic.__file__, __file__}


def write(what: str, path: Path, content: str) -> None:
    """Write two files that belong together, or one."""
    if what == "file":
        with atomic_write(path) as temporary:
            temporary.write_text(content)
        return
    with atomic_directory(path) if what == "folder" else atomic_update(path, void={"density"}) as temporary:
        (temporary / "about").write_text(content)
        (temporary / "weights").write_text(content)


def found(path: Path) -> dict[str, str] | str | None:
    """Return what a reader finds: a file's content, or each content by name, or nothing."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_text() for file in sorted(path.rglob("*")) if file.is_file()}
    return path.read_text() if path.exists() else None


def write_and_die(what: str, path: Path, k: int) -> None:
    """Exit with 9 at the k-th line, with 0 where the writing was done before."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename not in CODE:
            return None
        lines += event == "line"
        if lines == k:
            os._exit(9)
        return trace

    sys.settrace(trace)
    write(what, path, "new")
    os._exit(0)


def unable(*_: object) -> None:
    """Fail as a file system does that cannot exchange folders."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def main() -> None:
    """Print a list with what is found after a death at the first line, the second, ... and after none."""
    what, work = sys.argv[1], Path(sys.argv[2])
    if "unable" in sys.argv:
        atomic.exchange = unable
    after: list[Any] = []
    status = 9
    while status == 9:
        place = work / str(len(after))
        path = place / "likes"
        if what == "file":
            place.mkdir()
            path.write_text("old")
        else:
            (path / "notes").mkdir(parents=True)
            for name in ("about", "weights", "density", "notes/mine"):
                (path / name).write_text("old")
        if (child := os.fork()) == 0:
            write_and_die(what, path, len(after) + 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        after.append(found(path))
        shutil.rmtree(place)
    assert status == 0, status
    json.dump(after, sys.stdout)


if __name__ == "__main__":
    main()
