"""Write texts that a source could become."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from latentopt.editing.bias import shares
from latentopt.editing.objectives import Objective
from latentopt.editing.occlusion import Occlusion

if TYPE_CHECKING:
    from latentopt.model.spans import Span, Words
    from latentopt.space import LatentSpace

BIAS = 0.8  # nats for a standard deviation of readers, where a class is wished for (experiments/edits)


@dataclass(frozen=True)
class Draft:
    """A text that shall be written anew.

    words: the text. z: its latent, (1, d). moved: where search has led its pooled latent, (k, m), nearest first.
    occlusion: where the goal hangs on its words. left: how many words may still change. forbidden: tokens that no text
    may have, (vocabulary,). bias: what readers make of tokens (see `latentopt.editing.bias.token_bias`), (vocabulary,);
    None where no class or other share is wished for, or has no reader.
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
    """Texts, and the pooled latents (n, m) that led them: where search had moved to, or the null latent."""

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

    Spans are drawn where the goal hangs on the words. Fills are given the null latent, moved by as much as search moved
    the text's own: what would stand there anyway, leaning to where the goal is. (A moved latent itself repeats what it
    thinks the text says, in the gap once more.) Some are given the null latent as it is.

    temperatures, guidance: each row has one of each. guidance: 0 for none; with more, fills that are led also keep away
    from what the null latent says (see `latentopt.model.writing.Sampling`). bias: nats, before temperature, by which
    the start of a word rises for each standard deviation by which readers rate it above others, where a class or
    another share is wished for. free: share of the rows that are given the null latent. top_p: of the nucleus.
    most_spans: of one text. fills: of the same spans by the same latent, which read together what precedes them.
    longer: tokens by which a fill may be longer than what it replaces.
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
        asked, z = [sets[i] for i in which], torch.stack([latents[i] for i in which])
        own = torch.cat([space.pooled(draft.z) for draft, _ in asked])
        null = space.null.expand_as(z)
        is_led = torch.tensor([led[i] for i in which]) & (z != own).any(1)
        given = torch.where(is_led[:, None], null + (z - own), null)
        guidance = torch.tensor([rng.choice(self.guidance) for _ in asked]) * is_led
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
            given,
            Sampling(temperature, guidance, self.top_p, most_tokens, seed, apart=True, bias=bias),
            against=null if guidance.any() else None,
            forbidden=drafts[0].forbidden,
        )
        ended = [i for i, text in enumerate(texts) if text is not None and text.strip()]
        return Written([_spaced_as(str(texts[i]), asked[i][0].words.text) for i in ended], z[ended])


def usual_writer(goal: Objective) -> Infill:
    """The writer of a goal for which none is named: fills lean to words where a class or another share is wished for.

    What a reader knows of sentiment is words, and tweets become positive by them more often and read better; what it
    knows of likes is mostly names, and civil edits are as good without (experiments/edits). Other classes have not been
    measured.
    """
    return Infill(bias=BIAS) if shares(goal) else Infill()


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
