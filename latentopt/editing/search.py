"""Move latents until an objective is low."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective
from latentopt.editing.optimizers import Optimizer

STEPS = 40


def optimize(
    objective: Objective, z: Tensor, optimizer: Optimizer[Any], *, steps: int = STEPS, radius: float = float("inf")
) -> Tensor:
    """Lower an objective from latents z, all rows at once.

    Args:
        objective: (n, d) -> (n,). z: where to start, shape (n, d).
        optimizer: how. steps: how many.
        radius: rows do not go farther than this from where they started.

    Returns:
        The way, start included, shape (steps + 1, n, d).
    """
    state = optimizer.start(objective, z)
    path = [z]
    for _ in range(steps):
        moved, state = optimizer.step(objective, path[-1], state)
        away = moved - z
        length = away.norm(dim=1, keepdim=True)
        path.append(z + away * (radius / length.clamp_min(1e-12)).clamp_max(1))
    return torch.stack(path)


def points_along(path: Tensor, shares: Tensor) -> Tensor:
    """The points at shares of the length of each way; path (steps + 1, n, d), shares (k, n) -> (k, n, d)."""
    lengths = (path[1:] - path[:-1]).norm(dim=2).cumsum(0)  # (steps, n)
    lengths = torch.cat([torch.zeros_like(lengths[:1]), lengths])  # (steps + 1, n)
    wanted = shares * lengths[-1]
    after = torch.searchsorted(lengths.T.contiguous(), wanted.T.contiguous()).T.clamp(1, len(path) - 1)  # (k, n)
    before = after - 1
    row = torch.arange(path.shape[1])
    start, end = lengths.gather(0, before), lengths.gather(0, after)
    t = ((wanted - start) / (end - start).clamp_min(1e-12)).clamp(0, 1)[..., None]
    return (1 - t) * path[before, row] + t * path[after, row]
