"""Ways from one latent to another."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def arc(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Points from a to b, both (n, d), shape (n, steps, d)."""
    t = torch.linspace(0, 1, steps)[None, :, None]
    angle = torch.arccos(F.cosine_similarity(a, b).clamp(-1, 1))[:, None, None]
    sine = torch.sin(angle)
    flat = sine < 1e-4  # the same direction, or opposite ones, between which no arc is the shortest
    start = torch.where(flat, 1 - t, torch.sin((1 - t) * angle) / sine.clamp_min(1e-4))
    end = torch.where(flat, t, torch.sin(t * angle) / sine.clamp_min(1e-4))
    return start * a[:, None] + end * b[:, None]
