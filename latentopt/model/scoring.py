"""What texts cost the network as a language model, where most of them begin alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.model.caches import Read, alike, roomy_cache, stacked
from latentopt.model.padding import padded
from latentopt.model.t5vae import T5VAE


@torch.no_grad()
def surprise_of(model: T5VAE, texts: Sequence[Sequence[int]]) -> list[Tensor]:
    """Nats of each token of n texts, given the null latent.

    Each text is read from where it leaves the first one: of edits of one text, about half.

    Args:
        model: in evaluation mode. texts: token ids of each, its end token the last.

    Returns:
        For each text (tokens,), float32.
    """
    device = model.null.device
    given = [[model.config.decoder_start_token_id, *text[:-1]] for text in texts]  # what is read before each token
    shared = [_alike_until(given[0], row) for row in given]
    cache = roomy_cache()
    stem, _ = model.decode(_tensor(given[0], device)[None], model.memory(model.null[None]), cache=cache, use_cache=True)
    states = [stem[0, :k] for k in shared]
    others = [i for i, row in enumerate(given) if shared[i] < len(row)]
    for group in alike([len(given[i]) - shared[i] for i in others]):
        rows = [others[place] for place in group]
        begun, seen = stacked([Read(cache, 0, 0, shared[i]) for i in rows])
        rest = [given[i][shared[i] :] for i in rows]
        ids, there = padded(rest, model.config.pad_token_id, width=max(map(len, rest)), device=device)
        memory = model.memory(model.null.expand(len(rows), -1))
        found, _ = model.decode(ids, memory, mask=torch.cat([seen, there], 1), cache=begun, use_cache=True)
        for place, i in enumerate(rows):
            states[i] = torch.cat([states[i], found[place, : len(rest[place])]])
    lengths = [len(text) for text in texts]
    labels = _tensor([token for text in texts for token in text], device)
    losses = F.cross_entropy(model.t5.lm_head(torch.cat(states)).float(), labels, reduction="none")
    return list(losses.cpu().split(lengths))


def _alike_until(a: Sequence[int], b: Sequence[int]) -> int:
    """The number of tokens that two texts begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _tensor(ids: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(ids, device=device)
