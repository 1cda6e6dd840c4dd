"""How far to go along a direction: far enough that the text follows, not so far that it loses its content."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latentopt.errors import LatentoptError, TruncationWarning

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

STRENGTHS = (0.5, 1.0, 2.0)  # an editor takes what a text can bear, so that more than the wish changes little

Apply = Callable[[Tensor, Sequence[str], float], list[str]]  # texts edited along a vector at a strength


@dataclass(frozen=True)
class StrengthRow:
    """What texts become at one strength.

    Attributes:
        strength: multiple of the direction's vector.
        realised: how much further along the direction the edits lie, encoded again, than the sources, on average; 1 is
            the vector, the mean difference of the mined pairs.
        content: mean chrF between source and edit, 0 to 1.
        changed: share of texts that differ from their source.
        balance: harmonic mean of `realised`, at most 1, and `content`.
    """

    strength: float
    realised: float
    content: float
    changed: float
    balance: float


@dataclass(frozen=True)
class Calibration:
    """The chosen strength, what led to it, and the edits.

    Attributes:
        strength: the chosen one.
        rows: one a strength.
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
    vector: Tensor,
    sources: Sequence[str],
    *,
    strengths: Sequence[float] = STRENGTHS,
    apply: Apply | None = None,
) -> Calibration:
    """Edit texts along a direction at several strengths, as `latentopt apply` does, encode them again, and choose.

    The rule: the strength with the largest harmonic mean of two shares, how far the texts really went (at most 1: as
    far as the mined pairs go on average), and how much of their content they kept. The weaker one where two are equal,
    and 1 where no strength moves the texts at all.

    Args:
        space: encodes.
        vector: the direction at strength 1, shape (m,), a mean difference of pairs.
        sources: n texts that the direction was not fitted to.
        strengths: the positive multiples of `vector` to try.
        apply: edits texts along the vector at a strength; None takes a TextEditor with the goal Along.

    Raises:
        LatentoptError: if the vector is zero, no source is given, or a strength is not positive.
    """
    if not len(sources) or not strengths or min(strengths) <= 0 or not vector.any():
        raise LatentoptError("calibration needs a direction that is not zero, a source or more, and positive strengths")
    apply = _editor(space) if apply is None else apply
    by_step = [apply(vector, sources, strength) for strength in strengths]
    texts = [*sources, *(text for edits in by_step for text in edits)]
    along = _along(space, vector, texts).view(len(strengths) + 1, -1)  # (strengths + 1, n)
    realised = (along[1:] - along[0]).nanmean(1).nan_to_num()
    rows: list[StrengthRow] = []
    for strength, went, edits in zip(strengths, realised.tolist(), by_step, strict=True):
        content = content_kept(sources, edits)
        changed = sum(a != b for a, b in zip(sources, edits, strict=True)) / len(sources)
        rows.append(StrengthRow(strength, went, content, changed, _harmonic(min(went, 1.0), content)))
    best = max(range(len(rows)), key=lambda i: (rows[i].balance, -rows[i].strength))
    if rows[best].balance == 0:
        return Calibration(1.0, rows, list(sources))
    return Calibration(rows[best].strength, rows, by_step[best])


def _editor(space: LatentSpace) -> Apply:
    from latentopt.directions.direction import Direction
    from latentopt.editing import Along, TextEditor

    def apply(vector: Tensor, texts: Sequence[str], strength: float) -> list[str]:
        direction = Direction(vector, name="calibrated", space=space.fingerprint)
        return TextEditor(space, Along(direction, strength)).transform(texts)

    return apply


def content_kept(sources: Sequence[str], edits: Sequence[str]) -> float:
    """Mean chrF of the edits against their sources, 0 to 1 (Popović 2015): the runs of characters they share."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return sum(chrf.sentence_score(b, [a]).score for a, b in zip(sources, edits, strict=True)) / (100 * len(sources))


def _along(space: LatentSpace, vector: Tensor, texts: Sequence[str]) -> Tensor:
    """Return how far along the vector each text lies, in vectors, shape (n,); not a number for a blank text."""
    different = [text for text in dict.fromkeys(texts) if text.strip()]
    place = {text: i for i, text in enumerate(different)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)  # these texts are nobody's to shorten
        z = space.pooled(space.encode(different)) if different else torch.zeros(0, len(vector))
    along = torch.cat([z @ vector / vector.square().sum(), torch.tensor([torch.nan])])
    return along[[place.get(text, -1) for text in texts]]


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a > 0 and b > 0 else 0.0
