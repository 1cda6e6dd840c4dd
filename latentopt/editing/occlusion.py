"""Where a goal hangs on the words of a text: each word and phrase is left out, and the goal asked again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.editing.constraints import MARKS, Constraint, kept_ranges
from latentopt.editing.objectives import Objective

if TYPE_CHECKING:
    from latentopt.model.spans import Span, Words
    from latentopt.space import LatentSpace

LONGEST = 3  # words of a phrase that is left out
MOST = 64  # words and phrases that are left out of one text; of a longer text they are sampled
INSERTIONS = 0.15  # share of the spans that are empty
NEAR = 8  # words between two spans: what is kept there is fed to the decoder word by word
OPEN = 4.0  # times as often as elsewhere, spans end where a sentence does
EVEN = 0.3  # share of the spans that are drawn whatever the goal says
CLOSING = ".,!?;:…)\"'”’"
SHARPNESS = 1.5  # in standard deviations of what leaving out gains


@dataclass(frozen=True)
class Occlusion:
    """What leaving out parts of a text does to a goal.

    spans: k words and phrases that may change, (first word, the one after the last). gains: by how much the loss falls
    when each is left out, (k,); above 0: the text is better without it. texts: without each of them. z: their pooled
    latents, (k, m). gaps: before which words something may be inserted. ends: those of them that end a sentence, or
    stand before nothing but links, mentions and hashtags: what is written there has little to fit in with.
    """

    spans: list[Span]
    gains: Tensor
    texts: list[str]
    z: Tensor
    gaps: list[int]
    ends: frozenset[int] = frozenset()

    def draw(self, rng: random.Random, *, most_spans: int, most_words: int) -> list[Span]:
        """Spans to write anew, in order and a word apart, of at most so many words in all."""
        count = min(most_spans, 1 + int(rng.expovariate(1.4)))  # one in four has two
        weights = self._weights()
        chosen: list[Span] = []
        left = most_words
        for _ in range(count):
            if self.gaps and (not self.spans or rng.random() < INSERTIONS):
                gap = rng.choices(self.gaps, [OPEN if gap in self.ends else 1.0 for gap in self.gaps])[0]
                span = (gap, gap)
            elif self.spans:
                span = rng.choices(self.spans, weights)[0]
            else:
                break
            words = max(1, span[1] - span[0])
            apart = all(span[1] < first or last < span[0] for first, last in chosen)
            near = all(span[0] - last < NEAR and first - span[1] < NEAR for first, last in chosen)
            if words <= left and apart and near:
                chosen.append(span)
                left -= words
        return sorted(chosen)

    def _weights(self) -> list[float]:
        scale = self.gains.std().clamp_min(1e-6) if len(self.gains) > 1 else torch.tensor(1.0)
        lengths = torch.tensor([last - first for first, last in self.spans], dtype=torch.float32)
        # Each length has its share, whatever the number of its phrases.
        each = torch.tensor([1.0 / (lengths == length).sum() for length in lengths])
        sharp = each * (SHARPNESS * (self.gains - self.gains.mean()) / scale).exp()
        open_ended = torch.tensor([OPEN if last in self.ends else 1.0 for _, last in self.spans])
        each, sharp = each * open_ended, sharp * open_ended
        weights: list[float] = (EVEN * each / each.sum() + (1 - EVEN) * sharp / sharp.sum()).tolist()
        return weights


def fixed_words(words: Words, constraints: Sequence[Constraint]) -> tuple[list[bool], list[int]]:
    """Which words of a text no edit may touch, and before which words an edit may begin or end.

    An edit does not cut what stands together without a space, such as half-time or "quoted, but for the marks that end
    a word.
    """
    ranges = kept_ranges(constraints, words.text)
    at, fixed, seams = 0, [], [0]
    for i, piece in enumerate(words.pieces):
        begin, end = at + len(piece) - len(piece.lstrip()), at + len(piece)
        fixed.append(any(first < end and begin < last for first, last in ranges))
        ends_word = piece.strip()[:1] in CLOSING and (i + 1 == len(words) or words.pieces[i + 1][:1].isspace())
        if i and (piece[:1].isspace() or ends_word):
            seams.append(i)
        at = end
    kept = [i for i in seams if not any(first < _start(words, i) < last for first, last in ranges)]
    return fixed, [*kept, len(words)]


def _start(words: Words, i: int) -> int:
    """The first character of a word."""
    piece = words.pieces[i]
    return sum(map(len, words.pieces[:i])) + len(piece) - len(piece.lstrip())


def occlude(
    space: LatentSpace,
    goal: Objective,
    words: Words,
    constraints: Sequence[Constraint],
    loss: float,
    rng: random.Random,
) -> Occlusion:
    """Leave out each word and phrase of a text that may change, and ask the goal again, all in one batch.

    Args:
        space: encodes. goal: of one row. words: the text. constraints: what must be kept.
        loss: of the text as it is. rng: samples the phrases of a long text.
    """
    fixed, gaps = fixed_words(words, constraints)
    spans = [
        (first, last)
        for place, first in enumerate(gaps)
        for last in gaps[place + 1 : place + 1 + LONGEST]
        if last <= first + LONGEST
        and not any(fixed[first:last])
        and any(_word(piece) for piece in words.pieces[first:last])
    ]
    ends = frozenset(gap for gap in gaps if _open(words, gap))
    texts = {span: without(words, span) for span in spans}
    spans = [span for span in spans if texts[span].strip()]
    if len(spans) > MOST:
        spans = sorted(rng.sample(spans, MOST))
    if not spans:
        return Occlusion([], torch.empty(0), [], torch.empty(0, space.pooled_dim), gaps, ends)
    left = [texts[span] for span in spans]
    z = space.pooled(space.encode(left))
    with torch.no_grad():
        gains = loss - goal.take(torch.zeros(len(z), dtype=torch.long)).of_texts(left, z).float()
    return Occlusion(spans, gains, left, z, gaps, ends)


def effects(space: LatentSpace, goal: Objective, words: Words) -> Tensor:
    """What each word of a text adds to a goal: by how much the loss rises without it, (n,); below 0: it costs."""
    texts = [without(words, (i, i + 1)) for i in range(len(words))]
    asked = [text if text.strip() else words.text for text in texts]
    told = [words.text, *asked]
    z = space.pooled(space.encode(told))
    with torch.no_grad():
        losses = goal.take(torch.zeros(len(z), dtype=torch.long)).of_texts(told, z).float()
    return losses[1:] - losses[0]


def without(words: Words, span: Span) -> str:
    """A text without a span of its words; what began with it begins with a capital as before."""
    first, last = span
    rest = [*words.pieces[:first], *words.pieces[last:]]
    text = "".join(rest)
    if first == 0:
        text = text.lstrip()
        if words.pieces[0].strip()[:1].isupper() and text[:1].islower():
            text = text[:1].upper() + text[1:]
    return text


def _open(words: Words, gap: int) -> bool:
    """Whether a sentence ends before a word, or nothing but marks follows."""
    after = "".join(words.pieces[gap:]).strip()
    return after[:1] in {"", ".", "!", "?", "…"} or not any(map(str.isalnum, MARKS.sub("", after)))


def _word(piece: str) -> bool:
    return any(letter.isalnum() for letter in piece)
