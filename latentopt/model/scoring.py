"""What the network makes of texts as a language model, where most of them begin alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.model.caches import Read, alike, roomy_cache, stacked
from latentopt.model.padding import padded
from latentopt.model.t5vae import T5VAE

DEPTH = 2 / 3  # of the decoder's layers: above, it prepares the next token (compared in experiments/edits)


@torch.no_grad()
def surprise_of(model: T5VAE, texts: Sequence[Sequence[int]]) -> list[tuple[Tensor, Tensor]]:
    """What the network makes of each token of n texts, given the null latent.

    Each text is read from where it leaves the first one: of edits of one text, about half.

    Args:
        model: in evaluation mode. texts: token ids of each, its end token the last.

    Returns:
        For each text nats (tokens,), and the decoder's states at DEPTH behind each token but the last, (tokens - 1,
        d_model), float32.
    """
    device = model.null.device
    layer = max(1, round(DEPTH * len(model.t5.decoder.block))) - 1
    given = [[model.config.decoder_start_token_id, *text[:-1]] for text in texts]  # what is read before each token
    shared = [_alike_until(given[0], row) for row in given]
    cache, memory = roomy_cache(), model.memory(model.null[None])
    stem, stem_deep, _ = model.decode_with_layer(_tensor(given[0], device)[None], memory, layer, cache=cache)
    states, deep = ([found[0, :k] for k in shared] for found in (stem, stem_deep))
    others = [i for i, row in enumerate(given) if shared[i] < len(row)]
    groups = [[others[place] for place in group] for group in alike([len(given[i]) - shared[i] for i in others])]
    if memory.steps is not None:  # each position has a step of its own: rows of a pass must go on from the same one
        groups = [[i for i in rows if shared[i] == k] for rows in groups for k in sorted({shared[i] for i in rows})]
    for rows in groups:
        begun, seen = stacked([Read(cache, 0, 0, shared[i]) for i in rows])
        rest = [given[i][shared[i] :] for i in rows]
        ids, there = padded(rest, model.config.pad_token_id, width=max(map(len, rest)), device=device)
        memory = model.memory(model.null.expand(len(rows), -1))
        mask = torch.cat([seen, there], 1)
        found, found_deep, _ = model.decode_with_layer(ids, memory, layer, mask=mask, cache=begun)
        for place, i in enumerate(rows):
            states[i] = torch.cat([states[i], found[place, : len(rest[place])]])
            deep[i] = torch.cat([deep[i], found_deep[place, : len(rest[place])]])
    lengths = [len(text) for text in texts]
    labels = _tensor([token for text in texts for token in text], device)
    losses = F.cross_entropy(model.t5.lm_head(torch.cat(states)).float(), labels, reduction="none")
    behind = torch.cat(deep).float().cpu().split(lengths)  # the first token, which begins every text, among them
    return [(nats, of[1:]) for nats, of in zip(losses.cpu().split(lengths), behind, strict=True)]


def _alike_until(a: Sequence[int], b: Sequence[int]) -> int:
    """The number of tokens that two texts begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _tensor(ids: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(ids, device=device)
