"""Write texts that a source could become."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective
from latentopt.editing.occlusion import Occlusion

if TYPE_CHECKING:
    from latentopt.model.spans import Span, Words
    from latentopt.space import LatentSpace

GUIDANCE = (0.5, 1.0, 1.5)  # strengths, of which each row of a guided round has one


@dataclass(frozen=True)
class Draft:
    """A text that shall be written anew.

    words: the text. z: its latent, (1, d). moved: where search has led its pooled latent, (k, m), nearest first.
    occlusion: where the goal hangs on its words. left: how many words may still change. forbidden: tokens that no text
    may have, (vocabulary,). bias: what readers make of tokens (see `latentopt.editing.bias.token_bias`), (vocabulary,);
    None where there is no reader.
    """

    words: Words
    z: Tensor
    moved: Tensor
    occlusion: Occlusion
    left: int
    forbidden: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True)
class Written:
    """Texts, and the pooled latents (n, m) that they were written from."""

    texts: list[str]
    z: Tensor


class Writer(Protocol):
    """One way to write."""

    def write(self, space: LatentSpace, drafts: Sequence[Draft], rows: int, *, seed: int) -> Written:
        """At most `rows` texts in all, of one draft or more, in one batch; those that came to no end are left out."""


def texts_at(space: LatentSpace, z: Tensor) -> list[str]:
    """The likeliest texts of pooled latents (n, m) alone; empty where one came to no end."""
    from latentopt.model.writing import Sampling

    if space.pooled_dim == space.latent_dim:
        return space.decode(z)
    # The part of a latent that copies belongs to a text, and there is none: all words of some text are filled anew.
    words = space.words(["a"])[0]
    likeliest = Sampling(torch.ones(len(z)), torch.zeros(len(z)), 0.0, space.max_tokens, seed=0)
    return [text or "" for text in space.fill(words, [[(0, len(words))]] * len(z), z, likeliest)]


@dataclass(frozen=True)
class Infill:
    """Some spans of the text are written anew, everything else is kept.

    Spans are drawn where the goal hangs on the words. Fills say what the moved latent says, at several temperatures;
    some say what would stand there anyway, given the null latent.

    temperatures, guidance: each row has one of each. guidance: 0 for none; with more, fills also keep away from what
    the text's own latent says (see `latentopt.model.writing.Sampling`), where they are led by another one. bias: nats
    by which a word rises for each standard deviation by which readers rate it above others. free: share of the rows
    that are given the null latent. top_p: of the nucleus. most_spans: of one text. fills: of the same
    spans by the same latent, which read together what precedes them. longer: tokens by which a fill may be longer than
    what it replaces.
    """

    temperatures: Sequence[float] = (0.6, 0.9)
    guidance: Sequence[float] = (0.0,)
    bias: float = 0.0
    free: float = 0.25
    top_p: float = 0.9
    most_spans: int = 2
    fills: int = 1
    longer: int = 5

    def write(self, space: LatentSpace, drafts: Sequence[Draft], rows: int, *, seed: int) -> Written:
        from latentopt.model.writing import Sampling

        rng = random.Random(seed)
        sets: list[tuple[Draft, Sequence[Span]]] = []
        for number in range(-(-rows // self.fills)):
            draft = drafts[number % len(drafts)]
            if there := draft.occlusion.draw(rng, most_spans=self.most_spans, most_words=draft.left):
                sets.append((draft, there))
        if not sets:
            return Written([], torch.empty(0, space.pooled_dim))
        led = [rng.random() >= self.free for _ in sets]
        latents = [
            draft.moved[rng.randrange(len(draft.moved))] if is_led else space.null[0]
            for (draft, _), is_led in zip(sets, led, strict=True)
        ]
        # All fills of one set stand together, as far as rows reach.
        which = [i for i in range(len(sets)) for _ in range(self.fills)][:rows]
        asked, led, z = [sets[i] for i in which], [led[i] for i in which], torch.stack([latents[i] for i in which])
        against = torch.cat([space.pooled(draft.z) for draft, _ in asked])
        guidance = torch.tensor([rng.choice(self.guidance) if is_led else 0.0 for is_led in led])
        guidance[(z == against).all(1)] = 0.0  # what has not moved has nothing to keep away from
        wanted = drafts[0].bias
        bias = None if wanted is None or not self.bias else self.bias * wanted
        temperature = torch.tensor([rng.choice(self.temperatures) for _ in asked])
        most_tokens = max(
            draft.words.starts[last] - draft.words.starts[first] + min(self.longer, 2 * draft.left)
            for draft, there in asked
            for first, last in there
        )
        texts = space.fill(
            [draft.words for draft, _ in asked],
            [there for _, there in asked],
            z,
            Sampling(temperature, guidance, self.top_p, most_tokens, seed, apart=True, bias=bias),
            against=against if guidance.any() else None,
            forbidden=drafts[0].forbidden,
        )
        ended = [i for i, text in enumerate(texts) if text is not None and text.strip()]
        return Written([_spaced_as(str(texts[i]), asked[i][0].words.text) for i in ended], z[ended])


def usual_writer(goal: Objective) -> Infill:
    """The writer of a goal for which none is named: fills are guided where a class or another share is wished for.

    Of tweets to be positive, more become so by a lexicon and as many are usable; for likes, guidance takes half as much
    time again for nothing (experiments/edits). Other classes and shares have not been measured.
    """
    return Infill(guidance=GUIDANCE) if any(term.of_share for _, term in goal.terms) else Infill()


def _spaced_as(text: str, source: str) -> str:
    """A text without the spaces that fills leave which begin or end in one, unless its source has such itself."""
    text = text if "  " in source else re.sub(" {2,}", " ", text)
    text = text if source[:1].isspace() else text.lstrip()
    return text if source[-1:].isspace() else text.rstrip()


@dataclass(frozen=True)
class Rewrite:
    """The whole text is written from its moved latent: the pooled part moved, the copying part as it was.

    temperature: of the rows but the first of each distance, which take the likeliest tokens.
    """

    temperature: float = 0.7
    top_p: float = 0.9

    def write(self, space: LatentSpace, drafts: Sequence[Draft], rows: int, *, seed: int) -> Written:
        moved = torch.cat([draft.moved for draft in drafts])
        copied = torch.cat([draft.z[:, space.pooled_dim :].expand(len(draft.moved), -1) for draft in drafts])
        whole = torch.cat([moved, copied], 1)
        likeliest = space.decode(whole[:rows])
        turn = torch.arange(max(0, rows - len(likeliest))) % len(whole)
        drawn = space.decode(whole[turn], temperature=self.temperature, top_p=self.top_p, seed=seed)
        texts, z = [*likeliest, *drawn], torch.cat([moved[:rows], moved[turn]])
        good = [
            i
            for i, (text, tokens) in enumerate(zip(texts, space.lengths(texts), strict=True))
            if text.strip() and tokens <= space.max_tokens
        ]
        return Written([texts[i] for i in good], z[good])
