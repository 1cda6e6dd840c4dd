"""L-BFGS, a batch of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.optimizer import Noise, Point, Tried

SHRINK = 0.3
SMALLEST = 1e-6  # of the first step
CURVATURE = 1e-8  # cosine of a move and the change of the gradient, below which the pair says nothing of the curvature


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal 1980; Nocedal & Wright 2006, algorithm 7.4), in the metric of the covariance.

    Each row has its own memory. Steps that would raise a row's loss are not taken, and shortened at the next.

    Args:
        covariance: of the training latents, shape (d, d): what the inverse Hessian is thought to be like at first.
        first_step: length of the first step, in units of the latents.
        memory: moves that are remembered.
    """

    covariance: Tensor
    first_step: float = 0.5
    memory: int = 8
    needs_gradient = True
    descends = True

    def start(self, at: Point, noise: Noise) -> _LBFGSRun:
        """An empty memory."""
        return _LBFGSRun(self.covariance.to(at.z), self.first_step, self.memory, at)


class _LBFGSRun:
    def __init__(self, covariance: Tensor, first_step: float, memory: int, at: Point) -> None:
        n, d = at.z.shape
        self.covariance = covariance
        self.smallest = SMALLEST * first_step
        self.s = at.z.new_zeros(memory, n, d)  # moves, the newest last
        self.y = at.z.new_zeros(memory, n, d)  # changes of the gradient
        self.rho = at.z.new_zeros(
            memory, n, 1
        )  # 1 / s.y; 0 where a row remembers no move, which then counts for nothing
        self.gamma = first_step / (at.slope @ covariance).norm(dim=1, keepdim=True).clamp_min(1e-12)  # (n, 1)
        self.scale = torch.ones_like(self.gamma)
        self.length = torch.full_like(at.loss, torch.inf)
        self.before = at

    def ask(self, at: Point) -> Tensor:
        self.before = at
        move = self.scale * at.along(-self._inverse_hessian(at.slope))
        self.length = move.norm(dim=1)
        return (at.z + move)[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        self.scale = torch.where(tried.taken[:, None], 1.0, SHRINK * self.scale)
        s, y = now.z - self.before.z, now.slope - self.before.slope
        sy = (s * y).sum(1, keepdim=True)
        useful = tried.taken & (sy[:, 0] > CURVATURE * s.norm(dim=1) * y.norm(dim=1))
        for memory, new in ((self.s, s), (self.y, y), (self.rho, 1 / sy)):
            memory[:, useful] = torch.cat([memory[1:, useful], new[None, useful]])
        gamma = sy / (y * (y @ self.covariance)).sum(1, keepdim=True)  # eq. 7.20, in the metric of the covariance
        self.gamma = torch.where(useful[:, None], gamma, self.gamma)

    def settled(self) -> Tensor:
        return self.length <= self.smallest

    def _inverse_hessian(self, gradient: Tensor) -> Tensor:
        """The inverse Hessian times a gradient (n, d): the two loops of algorithm 7.4."""
        q = gradient
        alphas = []
        for s, y, rho in zip(self.s.flip(0), self.y.flip(0), self.rho.flip(0), strict=True):
            alpha = rho * (s * q).sum(1, keepdim=True)
            q = q - alpha * y
            alphas.append(alpha)
        r = self.gamma * (q @ self.covariance)
        for s, y, rho, alpha in zip(self.s, self.y, self.rho, reversed(alphas), strict=True):
            beta = rho * (y * r).sum(1, keepdim=True)
            r = r + s * (alpha - beta)
        return r
