"""Pairs typed alike: what differs between their sides is then in the words.

Collections of pairs often have one side tokenised and lowercased, and the other as people type. A direction mined from
these is about the space before a full stop more than about what was said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from latentopt.space.texts import SPACED_MARK, closed_up

HABITS = {  # of typing, by what a reader calls them
    "have a space before a mark": SPACED_MARK.search,
    "begin with a capital": re.compile(r"[A-Z]").match,
    "end in a full stop": re.compile(r"\.\s*$").search,
}
TELLING = 0.4  # difference of the shares of both sides, from where a habit is worth a word


def typed_alike(source: str, target: str) -> tuple[str, str]:
    """Both sides closed up, and the target with the capitals and the full stop at the end that the source has."""
    source, target = closed_up(source), closed_up(target)
    if source == source.lower():
        target = target.lower()
    elif source[:1].isupper() and target[:1].islower():
        target = target[:1].upper() + target[1:]
    ends = source.rstrip()[-1:]
    if ends == "." and target.rstrip()[-1:].isalnum():
        target = target.rstrip() + "."
    elif ends.isalnum() and target.rstrip().endswith(".") and not target.rstrip().endswith(".."):
        target = target.rstrip()[:-1]
    return source, target


def pairs_typed_alike(source: Sequence[str], target: Sequence[str]) -> tuple[list[str], list[str]]:
    """Both sides of n pairs, each typed alike."""
    pairs = [typed_alike(a, b) for a, b in zip(source, target, strict=True)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def telling_habits(source: Sequence[str], target: Sequence[str]) -> list[str]:
    """What the typing of two sides differs by, in words; none where they are typed much the same."""
    found = []
    for habit, has in HABITS.items():
        shares = [sum(has(text) is not None for text in side) / len(side) for side in (source, target)]
        if abs(shares[0] - shares[1]) > TELLING:
            found.append(f"{shares[0]:.0%} of the sources and {shares[1]:.0%} of the targets {habit}")
    return found
