"""Texts as people hold them in Python: lists, tuples, arrays, columns of a data frame; and as they type them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Set
from numbers import Number
from typing import Any, Protocol, runtime_checkable

from latentopt.errors import LatentoptError

SPACED_MARK = re.compile(r"(?<=\w) +(?=[.,!?;:](?:\s|$))")
SPACED_ENDING = re.compile(r"(?<=\w) +(?=(?:n[’']t|[’'](?:s|m|re|ve|ll|d|t))\b)", re.IGNORECASE)


@runtime_checkable
class Shaped(Protocol):
    """What has rows and perhaps columns: arrays, series, data frames, tensors."""

    @property
    def ndim(self) -> int: ...


def checked_texts(texts: object) -> list[str]:
    """Return n texts as a list of n plain strings.

    Args:
        texts: a list, a tuple, a numpy array (n,), or a pandas Series such as `frame["text"]`.

    Raises:
        LatentoptError: for one string instead of many, for what has no order or is no row of texts, and for a text
            that is blank, missing (None, NaN) or no string; the message has its position.
    """
    if isinstance(texts, str | bytes):
        raise LatentoptError("texts must be a list of strings, got one string; write [text] instead of text")
    one_row = not isinstance(texts, Shaped) or texts.ndim == 1  # a data frame would give the names of its columns
    if not isinstance(texts, Collection) or isinstance(texts, Mapping | Set) or not one_row:
        raise LatentoptError(
            f"texts must be a list, a tuple, an array (n,) or a column of a data frame, got a {type(texts).__name__}; "
            'write list(texts), or frame["text"]'
        )
    rows: list[Any] = list(texts)
    faults = [(i, fault) for i, text in enumerate(rows) if (fault := _fault(text))]
    if faults:
        (i, fault), more = faults[0], len(faults) - 1
        raise LatentoptError(
            f"a text must be a string with a visible character, but text {i} {fault}"
            + (f", and {more:,} more are none" if more else "")
            + "; the first text is text 0; leave such rows out"
        )
    return [str(text) for text in rows]  # numpy's own strings, too, are plain ones from here on


def closed_up(text: str) -> str:
    """A text without the spaces that a tokeniser puts before marks and endings: "it 's late ." is "it's late."."""
    return SPACED_ENDING.sub("", SPACED_MARK.sub("", text))


def _fault(text: Any) -> str | None:
    if isinstance(text, str):
        return None if text.strip() else "is empty"
    if text is None or str(text) in ("nan", "<NA>", "NaT"):  # as numpy and pandas write what is not there
        return f"is missing ({text})"
    if isinstance(text, Number):
        return f"is a number ({text})"
    return f"is a {type(text).__name__}"
