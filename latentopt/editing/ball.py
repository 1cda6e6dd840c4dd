"""The ball around its start that a row does not leave."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

ON_SURFACE = 1e-4  # share of the radius


@dataclass(frozen=True)
class Ball:
    """Balls around rows.

    centre: (n, d). radius: (n, 1). metric: (d, d), by which distances are measured, sqrt(v . metric v): the identity
    for Euclidean ones, the inverse of a covariance for standard deviations (Mahalanobis 1936).
    """

    centre: Tensor
    radius: Tensor
    metric: Tensor

    def project(self, z: Tensor) -> Tensor:
        """The nearest points of the balls to z, (n, k, d)."""
        away = z - self.centre[:, None]
        length = self._length(away)
        return self.centre[:, None] + away * (self.radius[:, None] / length.clamp_min(1e-12)).clamp_max(1)

    def outward(self, z: Tensor, gradient: Tensor) -> Tensor:
        """The surface's unit normals at rows z (n, d) that lie on it and whose loss falls outward; else zeros."""
        away = z - self.centre
        normal = away @ self.metric
        normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-12)
        held = (self._length(away) >= (1 - ON_SURFACE) * self.radius) & ((gradient * normal).sum(1, keepdim=True) < 0)
        return normal * held

    def _length(self, away: Tensor) -> Tensor:
        return ((away @ self.metric) * away).sum(-1, keepdim=True).clamp_min(0).sqrt()
