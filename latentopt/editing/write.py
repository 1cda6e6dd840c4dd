"""Write texts that a source could become."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from latentopt.editing.occlusion import Occlusion

if TYPE_CHECKING:
    from latentopt.model.spans import Span, Words
    from latentopt.space import LatentSpace


@dataclass(frozen=True)
class Draft:
    """A text that shall be written anew.

    words: the text. z: its latent, (1, d). moved: where search has led its pooled latent, (k, m), nearest first.
    occlusion: where the goal hangs on its words. left: how many words may still change. forbidden: tokens that no text
    may have, (vocabulary,).
    """

    words: Words
    z: Tensor
    moved: Tensor
    occlusion: Occlusion
    left: int
    forbidden: Tensor


@dataclass(frozen=True)
class Written:
    """Texts, and the pooled latents (n, m) that they were written from."""

    texts: list[str]
    z: Tensor


class Writer(Protocol):
    """One way to write."""

    def write(self, space: LatentSpace, draft: Draft, rows: int, *, seed: int) -> Written:
        """At most `rows` texts for a draft, all in one batch; those that came to no end are left out."""


@dataclass(frozen=True)
class Infill:
    """Some spans of the text are written anew, everything else is kept.

    Spans are drawn where the goal hangs on the words. Fills say what the moved latent says and the text's own does not
    (see `latentopt.model.writing.Sampling`), at several temperatures and strengths; some say what would stand there
    anyway, given the null latent.

    temperatures, guidance: each row has one of each. free: share of the rows that are given the null latent. top_p: of
    the nucleus. most_spans: of one text. longer: tokens by which a fill may be longer than what it replaces.
    """

    temperatures: Sequence[float] = (0.7, 1.0)
    guidance: Sequence[float] = (0.5, 1.0, 2.0)
    free: float = 0.25
    top_p: float = 0.9
    most_spans: int = 3
    longer: int = 5

    def write(self, space: LatentSpace, draft: Draft, rows: int, *, seed: int) -> Written:
        rng = random.Random(seed)
        spans = [draft.occlusion.draw(rng, most_spans=self.most_spans, most_words=draft.left) for _ in range(rows)]
        spans = [there for there in spans if there]
        if not spans:
            return Written([], torch.empty(0, space.pooled_dim))
        # What stands there anyway needs no second opinion of the decoder, and costs half.
        led = [rng.random() >= self.free for _ in spans]
        parts = []
        for kind in (True, False):
            there = [spans[i] for i, is_led in enumerate(led) if is_led == kind]
            parts.append(self._filled(space, draft, there, kind, seed))
        return Written([text for part in parts for text in part.texts], torch.cat([part.z for part in parts]))

    def _filled(
        self, space: LatentSpace, draft: Draft, spans: Sequence[Sequence[Span]], led: bool, seed: int
    ) -> Written:
        """Fills of spans, led by the moved latents, or by none."""
        from latentopt.model.writing import Sampling

        if not spans:
            return Written([], torch.empty(0, space.pooled_dim))
        n, words, rng = len(spans), draft.words, random.Random(seed + led)
        z = draft.moved[torch.arange(n) % len(draft.moved)] if led else space.null.expand(n, -1)
        replaced = max(words.starts[last] - words.starts[first] for there in spans for first, last in there)
        temperature = torch.tensor([rng.choice(self.temperatures) for _ in range(n)])
        guidance = torch.tensor([rng.choice(self.guidance) if led else 0.0 for _ in range(n)])
        most_tokens = replaced + min(self.longer, 2 * draft.left)
        sampling = Sampling(temperature, guidance, self.top_p, most_tokens, seed + led)
        against = space.pooled(draft.z).expand(n, -1) if guidance.any() else None
        texts = space.fill(words, spans, z, sampling, against=against, forbidden=draft.forbidden)
        ended = [i for i, text in enumerate(texts) if text is not None and text.strip()]
        return Written([str(texts[i]) for i in ended], z[ended])


@dataclass(frozen=True)
class Rewrite:
    """The whole text is written from its moved latent: the pooled part moved, the copying part as it was.

    temperature: of the rows but the first of each distance, which take the likeliest tokens.
    """

    temperature: float = 0.7
    top_p: float = 0.9

    def write(self, space: LatentSpace, draft: Draft, rows: int, *, seed: int) -> Written:
        whole = torch.cat([draft.moved, draft.z[:, space.pooled_dim :].expand(len(draft.moved), -1)], 1)
        likeliest = space.decode(whole[:rows])
        turn = torch.arange(max(0, rows - len(likeliest))) % len(whole)
        drawn = space.decode(whole[turn], temperature=self.temperature, top_p=self.top_p, seed=seed)
        texts, z = [*likeliest, *drawn], torch.cat([draft.moved[:rows], draft.moved[turn]])
        good = [
            i
            for i, (text, tokens) in enumerate(zip(texts, space.lengths(texts), strict=True))
            if text.strip() and tokens <= space.max_tokens
        ]
        return Written([texts[i] for i in good], z[good])
