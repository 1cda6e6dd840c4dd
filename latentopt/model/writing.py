"""Greedy decoding of many latents at once: what `generate` writes, sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, EncoderDecoderCache

KEPT_SHARE = 0.8  # of a batch; below, rows that have ended are taken out

# (memory (b, positions, d_model), last tokens (b, 1), cache) -> logits (b, vocabulary)
Step = Callable[[Tensor, Tensor, EncoderDecoderCache], Tensor]


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
        """Keep some of the rows."""
        self._room = [room[indices] for room in self._room]
        self.keys, self.values = (room[:, :, : self._used] for room in self._room)


def greedily(step: Step, memory: Tensor, *, positions: int, start: int, end: int, pad: int) -> tuple[Tensor, Tensor]:
    """The likeliest token at each step, until the end token.

    Texts that have ended leave the batch, whose cost is then that of the average text and not of the longest.

    Args:
        step: the decoder. memory: what it attends to, shape (n, positions, d_model).
        positions: most tokens. start, end, pad: their ids.

    Returns:
        Token ids, padded, and the lead in logits that each chosen token had over the second (infinite where there is
        none), less what rounding of the two may have made of it; both of shape (n, positions).
    """
    out = torch.full((len(memory), positions), pad, device=memory.device)
    lead = torch.full((len(memory), positions), float("inf"), device=memory.device)
    rows = torch.arange(len(memory), device=memory.device)  # those still in the batch
    last = torch.full_like(rows, start)
    going = torch.ones_like(rows, dtype=torch.bool)
    cache = EncoderDecoderCache(_roomy(), _roomy())
    for position in range(positions):
        logits = step(memory, last[:, None], cache)
        first = logits.max(-1)
        logits[torch.arange(len(rows)), first.indices] = float("-inf")  # (scatter_ would copy all of it, twice)
        rounding = torch.finfo(logits.dtype).eps * first.values.abs()  # half of it in each of two logits
        ahead = (first.values - logits.amax(-1) - rounding).float()
        lead[rows, position] = torch.where(going, ahead, float("inf"))
        last = first.indices
        out[rows, position] = torch.where(going, last, pad)
        going = going & (last != end)
        if not going.any():
            break
        if going.sum() < KEPT_SHARE * len(rows):
            kept = going.nonzero()[:, 0]
            rows, last, memory, going = rows[kept], last[kept], memory[kept], going[kept]
            cache.batch_select_indices(kept)
    return out, lead


def bf16_is_fast(device: torch.device) -> bool:
    """Whether a device has instructions for bf16: without them, it takes a CPU a hundred times as long as fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _roomy() -> DynamicCache:
    cache = DynamicCache()
    cache.layer_class_to_replicate = _RoomyLayer  # only a DynamicCache lets rows be taken out
    return cache


def _widened(x: Tensor, size: int) -> Tensor:
    out = x.new_empty((x.shape[0], x.shape[1], size, x.shape[3]))
    out[:, :, : x.shape[2]] = x
    return out
