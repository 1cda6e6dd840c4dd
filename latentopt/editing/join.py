"""Join edits of one text that change different words of it."""

from __future__ import annotations

import difflib
import re
from itertools import combinations, product
from typing import NamedTuple

from latentopt.editing.edit import WORD

PIECE = re.compile(rf"{WORD.pattern}|\s+")


class _Replaced(NamedTuple):
    """Pieces of the source from start to before end, and what stands in their place."""

    start: int
    end: int
    now: list[str]


def joined(source: str, texts: list[str]) -> list[tuple[int, int, str]]:
    """What two of several edits of a source are together, where more than spaces stands between what each has changed.

    Returns:
        Places of the two in texts, in the order of texts, and the text that they make.
    """
    pieces = PIECE.findall(source)
    replaced = [_replaced(pieces, PIECE.findall(text)) for text in texts]
    found = []
    for (i, one), (k, other) in combinations(enumerate(replaced), 2):
        if all(_apart(pieces, *sorted(both)) for both in product(one, other)):
            found.append((i, k, _with(pieces, sorted([*one, *other]))))
    return found


def _replaced(before: list[str], after: list[str]) -> list[_Replaced]:
    codes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return [_Replaced(i, j, after[k:m]) for kind, i, j, k, m in codes if kind != "equal"]


def _apart(pieces: list[str], before: _Replaced, after: _Replaced) -> bool:
    return any(piece.strip() for piece in pieces[before.end : after.start])


def _with(pieces: list[str], order: list[_Replaced]) -> str:
    made, at = [], 0
    for start, end, now in order:
        made += [*pieces[at:start], *now]
        at = end
    return "".join([*made, *pieces[at:]])
