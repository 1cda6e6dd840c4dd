"""Files that lie elsewhere: s3://, gs://, hdfs:// and what else Arrow's file systems know."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, cast

from latentopt.errors import LatentoptError

SCHEME = re.compile(r"(s3|gs|gcs|hdfs|abfss?|file):/+")  # a path has lost one of two strokes
SIGNS = re.compile(r"[*?\[]")


def is_remote(path: str | Path) -> bool:
    """Whether a path says on which file system it is."""
    return SCHEME.match(str(path)) is not None


def remote_files(path: str | Path) -> list[tuple[str, Callable[[], BinaryIO]]]:
    """Return the files that a URI names, a file, a folder or a pattern: what each is called, and what opens it.

    Raises:
        LatentoptError: if the file system cannot be reached, or there is no such file.
    """
    import pyarrow
    import pyarrow.fs

    uri = SCHEME.sub(lambda found: f"{found[1]}://" + "/" * (found[1] == "file"), str(path), count=1)
    try:
        system, place = pyarrow.fs.FileSystem.from_uri(uri)
        if sign := SIGNS.search(place):
            folder = place[: sign.start()].rpartition("/")[0]
            infos = system.get_file_info(pyarrow.fs.FileSelector(folder, recursive="**" in place))
            infos = [info for info in infos if fnmatch(info.path, place)]
        else:
            infos = [system.get_file_info(place)]
            if infos[0].type is pyarrow.fs.FileType.Directory:
                infos = system.get_file_info(pyarrow.fs.FileSelector(place, recursive=True))
        places = sorted(info.path for info in infos if info.is_file)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise LatentoptError(f"{uri}: cannot be reached: {' '.join(str(error).split())}") from error
    if not places:
        raise LatentoptError(f"{uri}: there is no such file")
    return [(f"{uri.partition('://')[0]}://{place}", _opening(system, place)) for place in places]


def _opening(system: Any, place: str) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, io.BufferedReader(system.open_input_file(place)))
