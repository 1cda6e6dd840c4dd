"""Random search: the baseline that every optimizer has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.axes import axes
from latentopt.editing.optimizers.optimizer import Noise, Point, Tried

GROW = 1.5
SHRINK = GROW**-0.25  # the step stays as it is where one proposal of five succeeds
SMALLEST = 1e-5  # of the first step


@dataclass(frozen=True)
class RandomSearch:
    """Propose z + step * N(0, covariance) and keep what lowers the loss: a (1 + 1) evolution strategy.

    Rechenberg (1973), with his rule for the step: it grows where more than a fifth of the proposals succeed, and else
    shrinks.

    Args:
        covariance: of the training latents, shape (d, d): proposals vary as texts do.
        step: standard deviation of the first proposals, as a share of the latents' own.
    """

    covariance: Tensor
    step: float = 0.1
    needs_gradient = False
    descends = True

    def start(self, at: Point, noise: Noise) -> _OnePlusOne:
        """The first step for each row."""
        return _OnePlusOne(axes(self.covariance).to(at.z), self.step, noise, at)


class _OnePlusOne:
    def __init__(self, root: Tensor, step: float, noise: Noise, at: Point) -> None:
        self.root = root
        self.noise = noise
        self.smallest = SMALLEST * step
        self.step = torch.full_like(at.loss, step)  # (n,)

    def ask(self, at: Point) -> Tensor:
        draw = self.noise.normal(at.z.shape[1]).to(at.z) @ self.root.T
        return (at.z + self.step[:, None] * draw)[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        self.step = self.step * torch.where(tried.taken, GROW, SHRINK)

    def settled(self) -> Tensor:
        return self.step <= self.smallest
