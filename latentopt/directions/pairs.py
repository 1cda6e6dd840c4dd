"""Which pairs can be learned from, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

TOO_LONG, LOST = "longer than the model reads", "with characters that the model's tokenizer loses"
SAME, AGAIN = "of a text with itself", "that are there twice"


@dataclass(frozen=True)
class Usable:
    """Pairs, or texts of two kinds, that can be learned from.

    source: n texts. target: m texts, the partners of pairs. given: pairs, or texts, that came in. left_out: how many
    of them were left out, by why.
    """

    source: list[str]
    target: list[str]
    given: int
    left_out: dict[str, int]

    @property
    def wording(self) -> str:
        """What was left out, in words; empty where nothing was."""
        return ", ".join(f"{count:,} {why}" for why, count in self.left_out.items())

    def to_json(self) -> dict[str, Any]:
        """What was counted."""
        return {"given": self.given, "left_out": self.left_out}


def usable_pairs(space: LatentSpace, source: Collection[str], target: Collection[str]) -> Usable:
    """The pairs that can be learned from.

    Raises:
        LatentoptError: if the two sides differ in number, if a text is blank, missing or no string, or if no pair is
            left.
    """
    source, target = checked_texts(source), checked_texts(target)
    if len(source) != len(target):
        raise LatentoptError(f"pairs need a target for every source, got {len(source)} sources, {len(target)} targets")
    lost = _lost(space, [*source, *target])
    faults: list[str | None] = []
    seen: set[tuple[str, str]] = set()
    for i, (a, b) in enumerate(zip(source, target, strict=True)):
        same, again = a.split() == b.split(), (a, b) in seen
        seen.add((a, b))
        faults.append(SAME if same else AGAIN if again else lost[i] or lost[len(source) + i])
    kept = [i for i, fault in enumerate(faults) if fault is None]
    left_out = dict(Counter(fault for fault in faults if fault))
    usable = Usable([source[i] for i in kept], [target[i] for i in kept], len(source), left_out)
    if not kept:
        raise LatentoptError(
            f"no usable pair is left of {len(source):,}: {usable.wording or 'there was none'}; give pairs of two texts "
            "that differ"
        )
    return usable


def usable_texts(space: LatentSpace, source: Collection[str], target: Collection[str]) -> Usable:
    """The texts of two kinds that can be learned from; a text of both kinds is left out. Raises as `usable_pairs`."""
    sides = [list(dict.fromkeys(checked_texts(side))) for side in (source, target)]
    both = set(sides[0]) & set(sides[1])
    left_out: Counter[str] = Counter()
    if again := len(source) + len(target) - len(sides[0]) - len(sides[1]):
        left_out[AGAIN] = again
    kept = []
    for side in sides:
        faults = [
            "of both kinds" if text in both else fault for text, fault in zip(side, _lost(space, side), strict=True)
        ]
        left_out.update(fault for fault in faults if fault)
        kept.append([text for text, fault in zip(side, faults, strict=True) if fault is None])
    usable = Usable(kept[0], kept[1], len(source) + len(target), dict(left_out))
    if not all(kept):
        raise LatentoptError(
            f"a direction needs texts of two kinds, got {len(kept[0])} and {len(kept[1])} that are usable"
            + (f" ({usable.wording} left out)" if left_out else "")
        )
    return usable


def _lost(space: LatentSpace, texts: list[str]) -> list[str | None]:
    """Why texts (n) do not survive encoding, None for those that do."""
    faults: list[str | None] = [TOO_LONG if n > space.max_tokens else None for n in space.lengths(texts)]
    for i, same in enumerate(space.survives(texts)):
        if not same and faults[i] is None:
            faults[i] = LOST
    return faults
