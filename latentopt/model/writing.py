"""Writing in bulk: the likeliest texts of many latents, and sampled fills of masked spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from latentopt.model.caches import Read, alike, roomy_cache, stacked
from latentopt.model.padding import padded
from latentopt.model.spans import Masked
from latentopt.model.t5vae import T5VAE, Memory

LIKELIEST = 512  # tokens among which the nucleus is looked for first: to sort a whole vocabulary takes long
KEPT_SHARE = 0.8  # of a batch; below, rows that have ended are taken out


@torch.no_grad()
def write_greedily(model: T5VAE, memory: Memory) -> Tensor:
    """The likeliest token ids (n, positions), padded, of memories of n latents: what `generate` gives, sooner."""
    return _written(model, memory, lambda logits, rows, position: logits.argmax(-1))


@torch.no_grad()
def write_sampled(
    model: T5VAE, memory: Memory, *, temperature: float, top_p: float = 1.0, seed: int = 0, first: int = 0
) -> Tensor:
    """Sampled token ids (n, positions), padded, of memories of n latents.

    Args:
        model, memory: of n latents.
        temperature, top_p: see `Sampling`.
        seed: of the draws. Those of row i are the same whatever the other rows; `first` is the number of row 0.
    """
    n = len(memory.mask)
    draws = torch.stack([torch.rand(model.config.positions, generator=g) for g in _generators(n, seed, first)])
    draws = draws.to(memory.mask.device)

    def sampled(logits: Tensor, rows: Tensor, position: int) -> Tensor:
        log_p = logits.float().log_softmax(-1)
        return _drawn(log_p, log_p / temperature, top_p, draws[rows, position])

    return _written(model, memory, sampled)


def _generators(n: int, seed: int, first: int = 0) -> list[torch.Generator]:
    """One for each row, numbered from `first`: what is drawn for a row does not depend on how many there are."""
    return [torch.Generator().manual_seed(seed + 1_000_003 * (first + i)) for i in range(n)]


def _written(model: T5VAE, memory: Memory, choose: Callable[[Tensor, Tensor, int], Tensor]) -> Tensor:
    """Tokens that `choose` takes by logits (b, vocabulary), the numbers of their rows (b,) and the position.

    Texts that have ended leave the batch, whose cost is then that of the average text and not of the longest.
    """
    config, device = model.config, memory.mask.device
    out = torch.full((len(memory.mask), config.positions), config.pad_token_id, device=device)
    rows = torch.arange(len(out), device=device)  # those still in the batch
    last = torch.full_like(rows, config.decoder_start_token_id)
    going = torch.ones_like(rows, dtype=torch.bool)
    cache = roomy_cache()
    weight = model.t5.lm_head.weight
    room = weight.new_empty(len(out), len(weight))  # new pages of memory at each step would cost as much again
    for position in range(config.positions):
        hidden, _ = model.decode(last[:, None], memory, cache=cache, use_cache=True)
        logits = torch.mm(hidden[:, -1].to(weight.dtype), weight.T, out=room[: len(rows)])
        last = choose(logits, rows, position)
        out[rows, position] = torch.where(going, last, config.pad_token_id)
        going = going & (last != config.eos_token_id)
        if not going.any():
            break
        if going.sum() < KEPT_SHARE * len(rows):
            kept = going.nonzero()[:, 0]
            rows, last, memory, going = rows[kept], last[kept], memory.take(kept), going[kept]
            cache.batch_select_indices(kept)
    return out


def _drawn(log_p: Tensor, score: Tensor, top_p: float, draws: Tensor, groups: Sequence[int] | None = None) -> Tensor:
    """Tokens (b,) drawn from softmax(score) (b, vocabulary) in the nucleus of log_p, by uniform draws (b,).

    groups: of b rows; those of one group have the same log_p, and draw without replacement from the nucleus.
    """
    top, order = log_p.topk(min(LIKELIEST, log_p.shape[1]), -1)
    if (top.exp().sum(-1) <= top_p).any():
        top, order = log_p.sort(-1, descending=True)
    p = top.exp()
    outside = p.cumsum(-1) - p > top_p  # the likeliest token is always inside
    share = score.gather(1, order).masked_fill(outside, float("-inf")).softmax(-1)
    picked = _places(share, draws) if groups is None else _places_apart(share, draws, groups)
    return order.gather(1, picked[:, None])[:, 0]


def _places(share: Tensor, draws: Tensor) -> Tensor:
    """Columns (b,) drawn from shares (b, k) by uniform draws (b,)."""
    total = share.cumsum(-1)
    return torch.searchsorted(total, draws[:, None] * total[:, -1:])[:, 0].clamp(max=share.shape[1] - 1)


def _places_apart(share: Tensor, draws: Tensor, groups: Sequence[int]) -> Tensor:
    """Columns (b,), each row's other than those of the rows before it in its group, as long as one has a share."""
    picked = torch.zeros(len(share), dtype=torch.long, device=share.device)
    left = share.clone()
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    for turn in range(max(map(len, members.values()))):
        rows = [there[turn] for there in members.values() if turn < len(there)]
        none_left = left[rows].sum(-1, keepdim=True) == 0
        picked[rows] = _places(torch.where(none_left, share[rows], left[rows]), draws[rows])
        for row in rows:
            left[members[groups[row]], picked[row]] = 0.0
    return picked


@dataclass(frozen=True)
class Sampling:
    """How n fills are sampled.

    temperature, guidance: (n,). Tokens are drawn from softmax(g / temperature), g = log p + guidance (log p - log q)
    with p given the latent and q given the one that is steered away from (classifier-free guidance, Ho & Salimans 2022,
    eq. 6, for language models Sanchez et al. 2023), within the nucleus of p: the likeliest tokens that have the share
    top_p of the probability (Holtzman et al. 2020). bias: (vocabulary,), added to g, so that some words are drawn
    rather than others that would do as well (weighted decoding, Ghazvininejad et al. 2017); None: nothing is.
    most_tokens: of one fill; longer ones are given up. seed: of the draws; those of row i are the same whatever the
    other rows. apart: rows that fill the same spans of the same source given the same latent begin with different
    tokens, as long as there are any in the nucleus: the first ones are drawn without replacement (as Kool et al. 2019
    draw whole texts), so that a row depends on those before it.
    """

    temperature: Tensor
    guidance: Tensor
    top_p: float
    most_tokens: int
    seed: int
    apart: bool = False
    bias: Tensor | None = None


@torch.no_grad()
def write_fills(
    model: T5VAE,
    sources: Sequence[Masked],
    z: Tensor,
    against: Tensor | None,
    sampling: Sampling,
    *,
    sentinels: Sequence[int],
    special: Sequence[int],
    forbidden: Tensor | None = None,
) -> list[list[list[int]] | None]:
    """Fill the masked spans of n sources.

    All rows are one batch, whatever their sources and spans: prefixes are padded on the left, what is kept between two
    spans is fed token by token, and rows that are done leave the batch. What rows share (the same source and spans,
    and for its prefix the same latent) is computed once.

    Args:
        model: in evaluation mode.
        sources: n masked texts; what their targets hold between sentinels is not looked at.
        z: pooled latents (n, m) that the fills shall say. against: those to steer away from (n, m), None: no guidance.
        sampling: how.
        sentinels: their token ids, in order. special: the tokenizer's ids that stand for no text; no fill has one.
        forbidden: (vocabulary,), true for others that no fill may have.

    Returns:
        For each row the token ids of each of its fills; None where a fill did not end.
    """
    n, config, device = len(sources), model.config, z.device
    masks, mask_of = _distinct([tuple(s.source) for s in sources])
    ids, id_mask = padded(masks, config.pad_token_id, device=device)
    source = model.states(ids, id_mask)[mask_of], id_mask[mask_of]
    parts = [_kept_parts(s.target, sentinels) for s in sources]
    prefixes = [(config.decoder_start_token_id, *prefix) for prefix, _ in parts]
    gaps = [gap for _, gap in parts]
    # One stream of the decoder for each latent that is asked; streams of a row follow the same tokens. Where nothing
    # is steered away from, nobody needs to know what that would say.
    guided = [] if against is None else sampling.guidance.nonzero()[:, 0].tolist()
    is_guided = {*guided}
    streams = [*range(n), *guided]
    latents = z if against is None else torch.cat([z, against[guided]])
    once, once_of = _distinct(
        [(prefixes[row], mask_of[row], latents[i].cpu().numpy().tobytes()) for i, row in enumerate(streams)]
    )
    first = [once_of.index(i) for i in range(len(once))]  # a stream that stands for each
    which = torch.tensor([streams[i] for i in first])
    memory = model.memory(latents[first], source[0][which], source[1][which])
    read, hidden = _read_prefixes(model, [prefix for prefix, *_ in once], memory)
    every = torch.tensor(once_of)
    cache, token_mask = stacked([read[i] for i in once_of])
    memory, hidden = memory.take(every), hidden[every]

    if sampling.bias is not None:
        sampling = replace(sampling, bias=sampling.bias.to(device))
    banned = torch.zeros(config.vocab_size, dtype=torch.bool, device=device)
    banned[[*special]] = True
    if forbidden is not None:
        banned |= forbidden.to(device)
    fills: list[list[list[int]]] = [[[]] for _ in range(n)]
    forced: list[list[int]] = [[] for _ in range(n)]
    failed = [False] * n
    rows = list(range(n))
    generators = _generators(n, sampling.seed)
    groups = once_of[:n] if sampling.apart else None
    while rows:
        closing = torch.tensor([sentinels[len(fills[row]) - 1] for row in rows], device=device)
        index = torch.tensor(rows)
        logits = model.t5.lm_head(hidden[:, -1]).float()  # of the rows, then of those that are guided
        draws = torch.stack([torch.rand((), generator=generators[row]) for row in rows])
        chosen = _sampled(logits, closing, banned, sampling, index, draws, groups)
        groups = None  # from here on, each row goes its own way
        last, left = [], []
        for place, row in enumerate(rows):
            if forced[row]:
                token = forced[row].pop(0)
            else:
                token = chosen[place]
                if token == sentinels[len(fills[row]) - 1]:
                    if len(fills[row]) > len(gaps[row]):
                        continue  # all its spans are filled
                    forced[row] = list(gaps[row][len(fills[row]) - 1])
                    fills[row].append([])
                elif len(fills[row][-1]) == sampling.most_tokens:
                    failed[row] = True
                    continue
                else:
                    fills[row][-1].append(token)
            last.append(token)
            left.append(place)
        if not left:
            break
        if len(left) < len(rows):
            stays = {*left}
            steered = [place for place, row in enumerate(rows) if row in is_guided]
            kept = torch.tensor([*left, *(len(rows) + i for i, place in enumerate(steered) if place in stays)])
            cache.batch_select_indices(kept)
            memory, token_mask = memory.take(kept), token_mask[kept]
            rows = [rows[place] for place in left]
        last += [token for token, row in zip(last, rows, strict=True) if row in is_guided]
        fed = torch.tensor(last, device=device)[:, None]
        token_mask = torch.cat([token_mask, token_mask.new_ones(len(fed), 1)], 1)
        hidden, _ = model.decode(fed, memory, mask=token_mask, cache=cache, use_cache=True)
    return [None if failed[row] else fills[row] for row in range(n)]


def _sampled(
    logits: Tensor,
    closing: Tensor,
    banned: Tensor,
    sampling: Sampling,
    rows: Tensor,
    draws: Tensor,
    groups: Sequence[int] | None,
) -> list[int]:
    """Tokens (b) drawn by uniform draws (b,), apart in groups; `closing` (b,) ends each fill.

    logits: of b rows given their latents, and behind them of those that are guided, given what they are steered from.
    """
    b = len(rows)
    place = torch.arange(b)
    allowed = (~banned).expand(b, -1).clone()
    allowed[place, closing] = True
    log_p = logits[:b].masked_fill(~allowed, float("-inf")).log_softmax(-1)
    guided = log_p
    if len(logits) > b:
        strength = sampling.guidance[rows].to(log_p)
        steered = strength.nonzero()[:, 0]
        log_q = logits[b:].masked_fill(~allowed[steered], float("-inf")).log_softmax(-1)
        guided = log_p.index_add(0, steered, strength[steered, None] * (log_p[steered] - log_q).nan_to_num(0.0))
    wanted = guided if sampling.bias is None else guided + sampling.bias
    score = wanted / sampling.temperature[rows, None].to(log_p)
    chosen: list[int] = _drawn(log_p, score, sampling.top_p, draws.to(log_p), groups).tolist()
    return chosen


def _read_prefixes(model: T5VAE, prefixes: Sequence[tuple[int, ...]], memory: Memory) -> tuple[list[Read], Tensor]:
    """The decoder's reading of n prefixes, and its states (n, 1, d_model) behind their last tokens."""
    read: dict[int, Read] = {}
    hidden: dict[int, Tensor] = {}
    device = memory.mask.device
    for rows in alike([len(prefix) for prefix in prefixes]):
        there = [prefixes[i] for i in rows]
        ids, mask = padded(there, model.config.pad_token_id, width=max(map(len, there)), left=True, device=device)
        cache = roomy_cache()
        states, _ = model.decode(ids, memory.take(torch.tensor(rows)), mask=mask, cache=cache, use_cache=True)
        width = ids.shape[1]
        for place, i in enumerate(rows):
            read[i] = Read(cache, place, width - len(prefixes[i]), width)
            hidden[i] = states[place, -1:]
    return [read[i] for i in range(len(prefixes))], torch.stack([hidden[i] for i in range(len(prefixes))])


def _kept_parts(target: Sequence[int], sentinels: Sequence[int]) -> tuple[tuple[int, ...], list[list[int]]]:
    """What stands up to the first span's sentinel, it included; what stands from each span up to the next one's."""
    marks = [i for i, token in enumerate(target) if token in sentinels]
    gaps = [[*target[end + 1 : begin + 1]] for end, begin in zip(marks[1::2], marks[2::2], strict=False)]
    return tuple(target[: marks[0] + 1]), gaps


def _distinct(keys: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """The different ones of some keys, and for each key its place among them."""
    places: dict[Any, int] = {}
    where = [places.setdefault(key, len(places)) for key in keys]
    return list(places), where
