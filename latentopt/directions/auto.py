"""Strength text by text: the smallest that works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentopt.directions.direction import Direction
from latentopt.directions.strength import STRENGTHS
from latentopt.errors import LatentoptError
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.editing import Edit, TextEditor

FULL = 1.0  # how far along its edit must lie, where a direction has no reader: as far as people's targets


@dataclass(frozen=True)
class AutoEdit:
    """An edit, and the strength it was made at; None where the text has the attribute as it stands."""

    edit: Edit
    strength: float | None


def edit_as_needed(
    direction: Direction,
    texts: Collection[str],
    editor: TextEditor,
    *,
    strengths: Sequence[float] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[AutoEdit]:
    """Edit texts along a direction, each at the smallest strength that works.

    A strength works where the edit reads more like a target than like a source (the direction's reader); where the
    direction has no reader, where it lies a whole step further along, encoded again. A text that reads like a target
    as it stands is left as it is. Where no strength works, the edit that came nearest is taken.

    Args:
        direction: where to. texts: n texts. editor: edits them; its goal stays as it is. strengths: to try, rising;
            their signs are the way. None: 0.5, 1 and 2, and the direction's own where that is larger. progress: is told
            how many texts are done.

    Raises:
        LatentoptError: if no strength is given, or as the editor does.
    """
    from latentopt.editing import Along

    texts = checked_texts(texts)
    if strengths is None:
        strengths = [*STRENGTHS, direction.strength] if direction.strength > STRENGTHS[-1] else STRENGTHS
    if not strengths or not all(strength * strengths[0] > 0 for strength in strengths):
        raise LatentoptError(f"strengths to try must all go one way, such as 0.5, 1 and 2, got {list(strengths)}")
    way = 1.0 if strengths[0] > 0 else -1.0
    own = _reads(direction, texts, way)
    done = {i: _as_it_is(direction, texts[i], score * way) for i, score in enumerate(own) if score > 0}
    nearest: dict[int, tuple[float, AutoEdit]] = {}
    goal = editor.goal
    try:
        for strength in strengths:
            left = [i for i in range(len(texts)) if i not in done]
            editor.set_params(goal=Along(direction, strength))
            edits = editor.edit([texts[i] for i in left]) if left else []
            for i, edit, read in zip(left, edits, _reads(direction, [edit.text for edit in edits], way), strict=True):
                moved = edit.candidates[0].realised[direction.name].value if edit.candidates else 0.0
                reached = way * moved - FULL if direction.reader is None else read
                now = AutoEdit(edit, strength)
                if edit.candidates and reached >= 0:
                    done[i] = now
                if i not in nearest or reached > nearest[i][0]:
                    nearest[i] = reached, now
            if progress is not None:
                progress(len(done))
    finally:
        editor.set_params(goal=goal)
    return [done[i] if i in done else nearest[i][1] for i in range(len(texts))]


def _reads(direction: Direction, texts: Sequence[str], way: float) -> list[float]:
    """How much n texts read like what they shall become; never like it where nobody reads."""
    if direction.reader is None or not texts:
        return [-1.0] * len(texts)
    return [way * float(score) for score in direction.reader.predict_score(list(texts))]


def _as_it_is(direction: Direction, text: str, score: float) -> AutoEdit:
    from latentopt.editing import Edit, Estimate

    reason = f"the text reads as it should along {direction.name}, as it stands"
    unmoved = {direction.name: Estimate(0.0)}
    return AutoEdit(Edit(text, unmoved, {direction.name: score}, [], "none_better", True, reason), None)
