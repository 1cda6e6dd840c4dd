"""Problems whose best latents are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class LinearHead:
    """Score w.z + b, value the same: every answer can be worked out by hand."""

    typical = None
    score_scale = 1.0
    has_interval = False
    differentiable = True

    def __init__(self, weight: Tensor, *, bias: float = 0.0, name: str = "likes") -> None:
        self.weight = weight
        self.bias = bias
        self.name = name

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.weight + self.bias

    def to_score(self, value: Any) -> Any:
        return value

    def to_value(self, score: Any) -> Any:
        return score

    def tolerance(self, value: Any) -> Any:
        return 0.25

    def interval(self, X: Any, *, level: float) -> Any:
        raise AssertionError("it has none")


class CurvedHead(LinearHead):
    """Score |z - centre|^2: largest away from the centre, smallest on it."""

    def forward(self, z: Tensor) -> Tensor:
        return (z - self.weight).square().sum(1) + self.bias


def covariance(d: int, *, seed: int = 0) -> Tensor:
    """A covariance with strong and weak directions."""
    generator = torch.Generator().manual_seed(seed)
    turn, _ = torch.linalg.qr(torch.randn(d, d, generator=generator))
    return turn @ torch.diag(torch.logspace(-2, 1, d)) @ turn.T
