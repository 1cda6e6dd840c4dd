"""Rows of token ids as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

STEP = 8  # widths are multiples of it: a CPU's library compiles a kernel for each


def padded(
    rows: Sequence[Sequence[int]],
    pad: int,
    *,
    width: int | None = None,
    left: bool = False,
    device: torch.device | None = None,
) -> tuple[Tensor, Tensor]:
    """Token ids (b, width), and a mask of the same shape that is 1 for a token and 0 for padding.

    Args:
        rows: token ids of each of b rows, b of 1 or more.
        pad: the id of padding.
        width: None: that of the longest row, rounded up to a multiple of 8.
        left: the padding stands on the left.
        device: where to; None: the CPU.
    """
    width = -(-max(map(len, rows)) // STEP) * STEP if width is None else width
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros(ids.shape, dtype=torch.long)
    for i, row in enumerate(rows):
        there = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, there], mask[i, there] = torch.tensor(row), 1
    return ids.to(device), mask.to(device)
