"""Problems whose best latents are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective


class LinearHead:
    """Score w.z + b, value the same: every answer can be worked out by hand."""

    typical = None
    scale = "identity"
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


class Quadratic(Objective):
    """Half (z - best) . curvature (z - best): 0 at best, the axes of the curvature anywhere."""

    def __init__(self, best: Tensor, curvature: Tensor) -> None:
        self.best = best
        self.curvature = curvature

    def __call__(self, z: Tensor) -> Tensor:
        away = z - self.best
        return 0.5 * ((away @ self.curvature) * away).sum(1)


class Rosenbrock(Objective):
    """A bent valley (Rosenbrock 1960): 0 at (1, ..., 1)."""

    def __call__(self, z: Tensor) -> Tensor:
        return (10 * (z[:, 1:] - z[:, :-1].square()).square() + (1 - z[:, :-1]).square()).sum(1)


class Wall(Objective):
    """The square root of the first coordinate: not a number beyond 0, and lower the nearer to it."""

    def __call__(self, z: Tensor) -> Tensor:
        return z[:, 0].sqrt() + z[:, 1:].square().sum(1)
