"""Writing in bulk: the likeliest texts of many latents, and sampled fills of masked spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, EncoderDecoderCache

from latentopt.model.padding import padded
from latentopt.model.spans import Masked
from latentopt.model.t5vae import T5VAE, Memory

KEPT_SHARE = 0.8  # of a batch; below, rows that have ended are taken out


class _RoomyLayer(DynamicLayer):
    """A cache layer that grows by doubling: DynamicLayer copies all of it at every step."""

    _layer_type = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append keys and values (b, heads, t, d_kv), and return all there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._room, self._used = [key_states, value_states], 0
        start, end = self._used, self._used + key_states.shape[2]
        if end > self._room[0].shape[2] or start == 0:
            size = end if start == 0 else 2 * end
            self._room = [_widened(old[:, :, :start], size) for old in self._room]
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, start:end] = new
        self._used = end
        self.keys, self.values = (room[:, :, :end] for room in self._room)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Take some of the rows, in any order and number."""
        if self.is_initialized:  # a layer that is spared cross-attention has none to keep
            self._room = [room[indices] for room in self._room]
            self.keys, self.values = (room[:, :, : self._used] for room in self._room)


def _roomy_cache() -> EncoderDecoderCache:
    caches = []
    for _ in range(2):
        cache = DynamicCache()
        cache.layer_class_to_replicate = _RoomyLayer  # only a DynamicCache lets rows be taken out
        caches.append(cache)
    return EncoderDecoderCache(*caches)


def _widened(x: Tensor, size: int) -> Tensor:
    out = x.new_empty((x.shape[0], x.shape[1], size, x.shape[3]))
    out[:, :, : x.shape[2]] = x
    return out


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
    cache = _roomy_cache()
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


def _drawn(log_p: Tensor, score: Tensor, top_p: float, draws: Tensor) -> Tensor:
    """Tokens (b,) drawn from softmax(score) (b, vocabulary) in the nucleus of log_p, by uniform draws (b,)."""
    order = log_p.argsort(-1, descending=True)
    p = log_p.gather(1, order).exp()
    outside = p.cumsum(-1) - p > top_p  # the likeliest token is always inside
    total = score.gather(1, order).masked_fill(outside, float("-inf")).softmax(-1).cumsum(-1)
    picked = torch.searchsorted(total, draws[:, None] * total[:, -1:]).clamp(max=total.shape[1] - 1)
    return order.gather(1, picked)[:, 0]


@dataclass(frozen=True)
class Sampling:
    """How n fills are sampled.

    temperature, guidance: (n,). Tokens are drawn from softmax(g / temperature), g = log p + guidance (log p - log q)
    with p given the latent and q given the one that is steered away from (classifier-free guidance, Ho & Salimans 2022,
    eq. 6, for language models Sanchez et al. 2023), within the nucleus of p: the likeliest tokens that have the share
    top_p of the probability (Holtzman et al. 2020). most_tokens: of one fill; longer ones are given up. seed: of the
    draws; those of row i are the same whatever the other rows.
    """

    temperature: Tensor
    guidance: Tensor
    top_p: float
    most_tokens: int
    seed: int


@torch.no_grad()
def write_fills(
    model: T5VAE,
    sources: Sequence[Masked],
    z: Tensor,
    against: Tensor | None,
    sampling: Sampling,
    *,
    sentinels: Sequence[int],
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
        sentinels: their token ids, in order.
        forbidden: (vocabulary,), true for tokens that no fill may have.

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
    queries = [z] if against is None else [z, against]
    # One stream of the decoder for each latent that is asked; streams of a row follow the same tokens.
    latents = torch.cat(queries)
    once, once_of = _distinct(
        [(prefixes[i % n], mask_of[i % n], latents[i].cpu().numpy().tobytes()) for i in range(len(latents))]
    )
    first = [once_of.index(i) for i in range(len(once))]  # a row that stands for each
    which = torch.tensor([i % n for i in first])
    memory = model.memory(latents[first], source[0][which], source[1][which])
    tokens, token_mask = padded([prefix for prefix, *_ in once], config.pad_token_id, left=True, device=device)
    cache = _roomy_cache()
    hidden, _ = model.decode(tokens, memory, mask=token_mask, cache=cache, use_cache=True)
    every = torch.tensor(once_of)
    cache.batch_select_indices(every)
    memory, token_mask, hidden = memory.take(every), token_mask[every], hidden[every, -1:]

    banned = torch.zeros(config.vocab_size, dtype=torch.bool, device=device)
    banned[[config.pad_token_id, config.eos_token_id, config.decoder_start_token_id, *sentinels]] = True
    if forbidden is not None:
        banned |= forbidden.to(device)
    fills: list[list[list[int]]] = [[[]] for _ in range(n)]
    forced: list[list[int]] = [[] for _ in range(n)]
    failed = [False] * n
    rows = list(range(n))
    generators = _generators(n, sampling.seed)
    while rows:
        closing = torch.tensor([sentinels[len(fills[row]) - 1] for row in rows], device=device)
        index = torch.tensor(rows)
        logits = model.t5.lm_head(hidden[:, -1]).float().unflatten(0, (len(queries), -1))  # (streams, b, vocabulary)
        draws = torch.stack([torch.rand((), generator=generators[row]) for row in rows])
        chosen = _sampled(logits, closing, banned, sampling, index, draws)
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
            kept = torch.cat([torch.tensor(left) + stream * len(rows) for stream in range(len(queries))])
            cache.batch_select_indices(kept)
            memory, token_mask = memory.take(kept), token_mask[kept]
            rows = [rows[place] for place in left]
        fed = torch.tensor(last, device=device).repeat(len(queries))[:, None]
        token_mask = torch.cat([token_mask, token_mask.new_ones(len(fed), 1)], 1)
        hidden, _ = model.decode(fed, memory, mask=token_mask, cache=cache, use_cache=True)
    return [None if failed[row] else fills[row] for row in range(n)]


def _sampled(
    logits: Tensor, closing: Tensor, banned: Tensor, sampling: Sampling, rows: Tensor, draws: Tensor
) -> list[int]:
    """Tokens (b) drawn from logits (1 or 2, b, vocabulary) by uniform draws (b,); `closing` (b,) ends each fill."""
    place = torch.arange(len(rows))
    allowed = (~banned).expand(len(rows), -1).clone()
    allowed[place, closing] = True
    log_p = logits[0].masked_fill(~allowed, float("-inf")).log_softmax(-1)
    guided = log_p
    if len(logits) == 2:
        log_q = logits[1].masked_fill(~allowed, float("-inf")).log_softmax(-1)
        guided = log_p + sampling.guidance[rows, None].to(log_p) * (log_p - log_q).nan_to_num(0.0)
    score = guided / sampling.temperature[rows, None].to(log_p)
    chosen: list[int] = _drawn(log_p, score, sampling.top_p, draws.to(log_p)).tolist()
    return chosen


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
