"""How far to go along a direction: far enough that the text follows, not so far that it loses its content."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.errors import LatentoptError, TruncationWarning

if TYPE_CHECKING:
    from latentopt.directions.reader import StyleReader
    from latentopt.editing import Effort
    from latentopt.space import LatentSpace

STRENGTHS = (0.5, 1.0, 2.0)  # an editor takes what a text can bear, so that more than the wish changes little
MOST = 4.0  # how far they are doubled where the last one is the best; beyond, floors bind, and edits stay the same
WORTH = 0.05  # of the balance: what a stronger one must bring to be taken; of a dozen texts, less is noise
FAR = 10.0  # strengths beyond which no text follows

Apply = Callable[[Direction, Sequence[str], float], list[str]]  # texts edited along a direction at a strength


@dataclass(frozen=True)
class StrengthRow:
    """What texts become at one strength.

    Attributes:
        strength: multiple of the direction's vector.
        realised: how much further along the direction the edits lie, encoded again, than the sources, on average; 1 is
            the vector, the mean difference of the mined examples.
        read: how much more the edits read like targets, by a judge of the words that had no part in them; 1 is as much
            as people's targets do. None without a judge.
        content: mean chrF between source and edit, 0 to 1.
        fluency: mean nats per token by which edits are likelier (above 0) or unlikelier than their sources.
        changed: share of texts that differ from their source.
        balance: harmonic mean of `realised`, at most 1, and `content`.
    """

    strength: float
    realised: float
    read: float | None
    content: float
    fluency: float
    changed: float
    balance: float


@dataclass(frozen=True)
class Calibration:
    """The chosen strength, what led to it, and the edits.

    Attributes:
        strength: the chosen one.
        rows: one a strength, the curve.
        edits: the texts at the chosen strength, in the order of the sources.
    """

    strength: float
    rows: list[StrengthRow]
    edits: list[str]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the rows as objects."""
        return [asdict(row) for row in self.rows]


def calibrate(
    space: LatentSpace,
    direction: Direction,
    sources: Sequence[str],
    *,
    strengths: Sequence[float] = STRENGTHS,
    most: float = MOST,
    apply: Apply | None = None,
    judge: StyleReader | None = None,
) -> Calibration:
    """Edit texts along a direction at several strengths, as `latentopt apply` does, encode them again, and choose.

    The rule: the strength with the largest harmonic mean of two shares, how far the texts really went (at most 1: as
    far as the mined pairs go on average), and how much of their content they kept; the weakest one that comes within
    0.05 of it, and 1 where no strength moves the texts at all. Where that is the last one, twice as much is tried.

    Args:
        space: encodes.
        direction: a mean difference at strength 1.
        sources: n texts that the direction was not fitted to.
        strengths: the positive multiples to try, rising. most: how far they are doubled.
        apply: edits texts along the direction at a strength; None takes `edited_by(space)`.
        judge: of the words. It is reported and has no say in the choice, so that it can judge what was chosen.

    Raises:
        LatentoptError: if the direction is zero, no source is given, or a strength is not positive.
    """
    if not len(sources) or not strengths or min(strengths) <= 0 or not direction.vector.any():
        raise LatentoptError("calibration needs a direction that is not zero, a source or more, and positive strengths")
    apply = edited_by(space) if apply is None else apply
    rows: list[StrengthRow] = []
    by_step: list[list[str]] = []
    left = list(strengths)
    while left:
        strength = left.pop(0)
        by_step.append(apply(direction, sources, strength))
        rows.append(_measured(space, direction, sources, by_step[-1], strength, judge))
        enough = max(row.balance for row in rows) - WORTH
        best = next(i for i, row in enumerate(rows) if row.balance >= enough)
        if not left and best == len(rows) - 1 and rows[best].balance > 0 and 2 * strength <= most:
            left.append(2 * strength)
    if rows[best].balance == 0:
        return Calibration(1.0, rows, list(sources))
    return Calibration(rows[best].strength, rows, by_step[best])


def edited_by(space: LatentSpace, *, effort: Effort | None = None) -> Apply:
    """Edit texts as `latentopt apply` does: the direction's reader is the second opinion."""
    from latentopt.editing import Along, TextEditor
    from latentopt.editing import Effort as Usual

    def apply(direction: Direction, texts: Sequence[str], strength: float) -> list[str]:
        goal = Along(direction, strength)
        return TextEditor(space, goal, readers=direction.readers(), effort=effort or Usual()).transform(texts)

    return apply


def content_kept(sources: Sequence[str], edits: Sequence[str]) -> float:
    """Mean chrF of the edits against their sources, 0 to 1 (Popović 2015): the runs of characters they share."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return sum(chrf.sentence_score(b, [a]).score for a, b in zip(sources, edits, strict=True)) / (100 * len(sources))


def warn_if_far(strength: float) -> None:
    """Warn of a strength that no text follows."""
    if abs(strength) > FAR:
        warnings.warn(
            f"strength {strength:g} is {abs(strength):g} times what targets differ from their sources by, and no text "
            "follows as far; try 1, or auto",
            stacklevel=3,
        )


def _measured(
    space: LatentSpace,
    direction: Direction,
    sources: Sequence[str],
    edits: Sequence[str],
    strength: float,
    judge: StyleReader | None,
) -> StrengthRow:
    along = moved_along(space, direction, sources, edits)
    went = float(along.nanmean().nan_to_num())
    content = content_kept(sources, edits)
    differs = [(a, b) for a, b in zip(sources, edits, strict=True) if a != b and b.strip()]
    fluency = 0.0
    if differs:
        before, after = ([pair[side] for pair in differs] for side in (0, 1))
        fluency = float((space.log_likelihood(after) - space.log_likelihood(before)).mean())
    read = None
    if judge is not None:
        read = float((judge.predict_score(list(edits)) - judge.predict_score(list(sources))).mean())
    changed = sum(a != b for a, b in zip(sources, edits, strict=True)) / len(sources)
    return StrengthRow(strength, went, read, content, fluency, changed, _harmonic(min(went, 1.0), content))


def moved_along(space: LatentSpace, direction: Direction, sources: Sequence[str], edits: Sequence[str]) -> Tensor:
    """By how many steps edits lie further along than their sources, shape (n,); not a number for a blank edit."""
    different = [text for text in dict.fromkeys([*sources, *edits]) if text.strip()]
    place = {text: i for i, text in enumerate(different)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)  # these texts are nobody's to shorten
        z = space.pooled(space.encode(different))
    z = torch.cat([z, torch.full((1, z.shape[1]), torch.nan)])
    before, after = (z[[place.get(text, -1) for text in texts]] for texts in (sources, edits))
    step = direction.at(before)
    return ((after - before) * step).sum(1) / step.square().sum(1)


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a > 0 and b > 0 else 0.0
