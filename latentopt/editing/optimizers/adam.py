"""Adam, along the principal axes of the latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.axes import axes
from latentopt.editing.optimizers.optimizer import Noise, Point, Tried

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
SHRINK = 0.7
SMALLEST = 1e-5  # of the first rate


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) along the latents' principal axes.

    Adam moves every coordinate alike; in raw coordinates that would be far into directions in which texts hardly vary.
    So coordinates are standard deviations along the axes.
    Steps are taken even where they raise the loss, as momentum must; whenever a row's loss has risen, its rate shrinks,
    so that rows come to rest.

    Args:
        covariance: of the training latents, shape (d, d).
        rate: of the first steps, in standard deviations along each axis.
    """

    covariance: Tensor
    rate: float = 0.1
    needs_gradient = True
    descends = False

    def start(self, at: Point, noise: Noise) -> _AdamRun:
        """Moments of zero."""
        return _AdamRun(axes(self.covariance).to(at.z), self.rate, at)


class _AdamRun:
    def __init__(self, root: Tensor, rate: float, at: Point) -> None:
        self.root = root
        self.smallest = SMALLEST * rate
        self.rate = torch.full_like(at.loss, rate)  # (n,)
        self.loss = at.loss
        self.m = torch.zeros_like(at.z)
        self.v = torch.zeros_like(at.z)
        self.t = 0

    def ask(self, at: Point) -> Tensor:
        gradient = at.slope @ self.root
        self.t += 1
        self.m = BETA1 * self.m + (1 - BETA1) * gradient
        self.v = BETA2 * self.v + (1 - BETA2) * gradient.square()
        m, v = self.m / (1 - BETA1**self.t), self.v / (1 - BETA2**self.t)
        step = -self.rate[:, None] * m / (v.sqrt() + EPSILON)
        return (at.z + at.along(step @ self.root.T))[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        self.rate = self.rate * torch.where(now.loss > self.loss, SHRINK, 1.0)
        self.loss = now.loss

    def settled(self) -> Tensor:
        return (self.rate <= self.smallest) | (self.v.amax(1) == 0)
