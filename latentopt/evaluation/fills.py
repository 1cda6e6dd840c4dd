"""How well masked words are written anew, and whether the latent says which: with the true, a wrong and no latent."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from latentopt.model.padding import padded
from latentopt.model.spans import Span, Words, masked
from latentopt.model.tokenizer import sentinel_ids
from latentopt.model.writing import Sampling, write_fills
from latentopt.space import LatentSpace

LONGEST = 3  # words of a masked span
MOST_TOKENS = 24  # of a fill
NEARLY_NONE = 1e-9  # the nucleus that holds the likeliest token alone


def fills(
    space: LatentSpace, texts: Sequence[str], *, batch_size: int = 64, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Mask 1 to 3 words of each text and let the model write them.

    Args:
        space: the model. texts: n of them, n >= 2, none beyond its limit.
        batch_size: texts that are computed together. seed: of the spans.

    Returns:
        Under `true`, `null` and `wrong`, the latents that the fills are given (the text's own, the null latent,
        another text's), each: `nats`, of a token of the masked words and of what ends them; `exact`, share of the
        spans whose likeliest fill is what stood there; `bleu`, corpus BLEU of these fills, of words and pairs of them,
        0 to 100. Empty for a model that has no sentinels, which has never filled a span.
    """
    sentinels = sentinel_ids(space.tokenizer)
    if not sentinels:
        return {}
    z = space.pooled(space.encode(texts, batch_size=batch_size))
    given = {"true": z, "null": space.null.expand(len(z), -1), "wrong": z.roll(1, 0)}
    words = space.words(texts)
    spans = [_span(w, random.Random(seed * 1_000_003 + i)) for i, w in enumerate(words)]
    return {
        name: _filled(space, words, spans, latents, sentinels, batch_size=batch_size) for name, latents in given.items()
    }


def language_model(space: LatentSpace, texts: Sequence[str], *, batch_size: int = 64) -> dict[str, float]:
    """The network as a language model, that is, under the null latent.

    Returns:
        `nats_per_token` and `nats_per_character` of n texts, those of the end token included: means over all tokens,
        and over all characters.
    """
    tokens = torch.tensor(space.lengths(texts)) + 1
    nats = -(space.log_likelihood(texts, batch_size=batch_size) * tokens).sum().item()
    return {"nats_per_token": nats / int(tokens.sum()), "nats_per_character": nats / sum(map(len, texts))}


def _span(words: Words, draw: random.Random) -> Span:
    length = min(draw.randint(1, LONGEST), len(words))
    first = draw.randint(0, len(words) - length)
    return first, first + length


@torch.no_grad()
def _filled(
    space: LatentSpace,
    words: Sequence[Words],
    spans: Sequence[Span],
    z: Tensor,
    sentinels: Sequence[int],
    *,
    batch_size: int,
) -> dict[str, float]:
    from sacrebleu.metrics.bleu import BLEU

    model, device = space.model, space.model.device
    nats = tokens = 0.0
    written: list[str] = []
    for first in range(0, len(words), batch_size):
        rows = range(first, min(first + batch_size, len(words)))
        sources = [masked(words[i], [spans[i]], sentinels, end=model.config.eos_token_id) for i in rows]
        here = z[first : first + batch_size].to(device)
        ids, mask = padded([s.source for s in sources], model.config.pad_token_id, device=device)
        target, there = padded([s.target for s in sources], model.config.pad_token_id, device=device)
        loss = model.token_loss(model.memory(here, model.states(ids, mask), mask), target)
        asked = torch.zeros_like(loss)
        for row, source in enumerate(sources):
            asked[row, : len(source.weights)] = torch.tensor([float(w == 1) for w in source.weights])
        nats += (loss * asked * there).sum().item()
        tokens += asked.sum().item()
        ones = torch.ones(len(rows))
        likeliest = Sampling(ones, 0 * ones, top_p=NEARLY_NONE, most_tokens=MOST_TOKENS, seed=0)
        special = space.tokenizer.all_special_ids
        found = write_fills(model, sources, here, None, likeliest, sentinels=sentinels, special=special)
        written += ["" if fill is None else _text(space, fill[0]) for fill in found]
    wanted = ["".join(w.pieces[a:b]) for w, (a, b) in zip(words, spans, strict=True)]
    bleu = BLEU(max_ngram_order=2).corpus_score(written, [wanted]).score
    exact = sum(a == b for a, b in zip(written, wanted, strict=True)) / len(wanted)
    return {"nats": nats / tokens, "exact": exact, "bleu": bleu}


def _text(space: LatentSpace, ids: Sequence[int]) -> str:
    return str(space.tokenizer.decode(list(ids)))
