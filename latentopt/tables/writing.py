"""Rows with named columns to csv, jsonl, parquet or txt, and to JSON."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.tables.atomic import atomic_write

if TYPE_CHECKING:
    import pandas


WRITTEN = (".csv", ".jsonl", ".parquet", ".txt")


def suffix(path: str | Path) -> str:
    """Return the suffix that says the format of a file to write; LatentoptError when it says none."""
    found = Path(path).suffix.lower()
    if found not in WRITTEN:
        raise LatentoptError(f"{path}: the name must end in {', '.join(WRITTEN[:-1])} or {WRITTEN[-1]}")
    return found


def write_table(frame: pandas.DataFrame, path: str | Path) -> None:
    """Write a frame without its index, in the format of the suffix, whole or not at all.

    A cell may hold a latent, an array (d,): in parquet and jsonl. In txt, which holds one column, a line break inside
    a text becomes a space, with a warning. Raises LatentoptError for what the format cannot hold.
    """
    kind = suffix(path)[1:]
    if kind in ("csv", "txt") and (lists := [name for name in frame.columns if _holds_lists(frame[name])]):
        raise LatentoptError(f"{path}: {kind} cannot hold the latents in {lists[0]!r}; write .parquet or .jsonl")
    if kind == "txt" and len(frame.columns) != 1:
        raise LatentoptError(f"{path}: txt holds one column, not {', '.join(frame.columns)}; write .csv or .jsonl")
    with atomic_write(path) as temporary:
        if kind == "parquet":
            frame.to_parquet(temporary, index=False)
        elif kind == "csv":
            frame.to_csv(temporary, index=False, quoting=csv.QUOTE_NONNUMERIC)  # a lone \r needs its quotes
        elif kind == "jsonl":
            _write_lines(temporary, [json_line(row) for row in frame.to_dict("records")])
        else:
            texts = [str(text) for text in frame.iloc[:, 0]]
            if broken := sum("\n" in text for text in texts):
                warnings.warn(f"{path}: line breaks inside {broken:,} texts were written as spaces", stacklevel=2)
            _write_lines(temporary, [text.replace("\n", " ") for text in texts])


def json_line(row: Mapping[Any, Any]) -> str:
    """Return a row as one line of JSON: texts readable, latents as lists, what is missing as null."""
    missing = {name: None for name, value in row.items() if isinstance(value, float) and value != value}
    return json.dumps({**row, **missing}, ensure_ascii=False, default=jsonable)


def jsonable(value: Any) -> Any:
    """Return a numpy value as JSON knows it; float32 in the fewest digits that give it back exactly."""
    import numpy as np

    if isinstance(value, np.ndarray | np.generic) and value.dtype == np.float32:
        return [jsonable(item) for item in value] if isinstance(value, np.ndarray) else float(str(value))
    try:
        return value.tolist()
    except AttributeError:
        raise TypeError(f"{type(value).__name__} is no JSON value") from None


def _holds_lists(column: pandas.Series[Any]) -> bool:
    import numpy as np

    return any(isinstance(value, list | np.ndarray) for value in column.head(1))


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
