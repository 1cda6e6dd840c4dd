"""What a decoder remembers of the tokens it has read: caches that grow cheaply, and rows taken from several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, EncoderDecoderCache

PASS = 48  # tokens whose computing takes as long as a pass of the decoder takes beside


class RoomyLayer(DynamicLayer):
    """A cache layer that grows by doubling: DynamicLayer copies all of it at every step."""

    _layer_type = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append keys and values (b, heads, t, d_kv), and return all there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._room, self._used = [key_states, value_states], key_states.shape[2]
            self.keys, self.values = self._room
            return self.keys, self.values
        start, end = self._used, self._used + key_states.shape[2]
        if end > self._room[0].shape[2]:
            self._room = [_widened(old[:, :, :start], 2 * end) for old in self._room]
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


def roomy_cache() -> EncoderDecoderCache:
    """An empty cache of a decoder with cross-attention."""
    caches = []
    for _ in range(2):
        cache = DynamicCache()
        cache.layer_class_to_replicate = RoomyLayer  # only a DynamicCache lets rows be taken out
        caches.append(cache)
    return EncoderDecoderCache(*caches)


@dataclass(frozen=True)
class Read:
    """Tokens that a decoder has read: those from `start` to `end` of a row of a cache."""

    cache: EncoderDecoderCache
    row: int
    start: int
    end: int


def stacked(rows: Sequence[Read]) -> tuple[EncoderDecoderCache, Tensor]:
    """One cache of n rows, padded on the left, and its mask (n, t); all rows have memories of one length."""
    width = max(row.end - row.start for row in rows)
    out = roomy_cache()
    # Layers may be of kinds that have neither keys nor values; those of a roomy cache are not.
    caches: list[tuple[Any, Any]] = [
        (row.cache.self_attention_cache.layers, row.cache.cross_attention_cache.layers) for row in rows
    ]
    for number, first in enumerate(caches[0][0]):
        room = [x.new_zeros(len(rows), x.shape[1], width, x.shape[3]) for x in (first.keys, first.values)]
        for i, (row, (layers, _)) in enumerate(zip(rows, caches, strict=True)):
            at = width - (row.end - row.start)
            for new, old in zip(room, (layers[number].keys, layers[number].values), strict=True):
                new[i, :, at:] = old[row.row, :, row.start : row.end]
        out.self_attention_cache.update(*room, number)
    for number, first in enumerate(caches[0][1]):
        if first.is_initialized:
            seen = [(layers[number], row.row) for row, (_, layers) in zip(rows, caches, strict=True)]
            keys = torch.stack([layer.keys[i] for layer, i in seen])
            values = torch.stack([layer.values[i] for layer, i in seen])
            out.cross_attention_cache.update(keys, values, number)
            out.is_updated[number] = True
    lengths = torch.tensor([row.end - row.start for row in rows], device=room[0].device)
    return out, (torch.arange(width, device=lengths.device) >= width - lengths[:, None]).long()


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Rows by passes of their own: those of like length share one, so that little of it is padding."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    groups: list[list[int]] = []
    wasted = 0
    for i in order:
        wasted += lengths[groups[-1][0]] - lengths[i] if groups else 0
        if not groups or wasted > PASS:
            groups.append([])
            wasted = 0
        groups[-1].append(i)
    return groups


def _widened(x: Tensor, size: int) -> Tensor:
    out = x.new_empty((x.shape[0], x.shape[1], size, x.shape[3]))
    out[:, :, : x.shape[2]] = x
    return out
