"""Gradient descent in the metric of the latents' covariance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.optimizer import Noise, Point, Tried

GROW, SHRINK = 1.5, 0.4
SMALLEST = 1e-5  # of the first step: where no longer step helps, a row has converged


@dataclass(frozen=True)
class PreconditionedGradient:
    """z <- z - rate * covariance @ gradient, with a rate for each row that grows while the loss falls.

    A raw gradient runs into directions in which texts hardly vary, and which the decoder has therefore learned to
    ignore; the covariance weighs each direction by how much texts do vary there. For a linear discriminant the
    result is the difference of class means: w = covariance^-1 (m1 - m0) (Fisher 1936), so covariance @ w = m1 - m0.

    A step that would raise a row's loss is not taken, and that row's rate shrinks (backtracking, Armijo 1966, spread
    over the steps so that all rows stay in one batch).

    Args:
        covariance: of the training latents, shape (d, d); the identity gives plain gradient descent.
        first_step: length of the first step, in units of the latents.
    """

    covariance: Tensor
    first_step: float = 0.5
    needs_gradient = True
    descends = True

    def start(self, at: Point, noise: Noise) -> _Descent:
        """Rates by which every row's first step has the same length."""
        return _Descent(self.covariance.to(at.z), at, self.first_step)


class _Descent:
    def __init__(self, covariance: Tensor, at: Point, first_step: float) -> None:
        self.covariance = covariance
        self.smallest = SMALLEST * first_step
        self.rate = first_step / self._direction(at).norm(dim=1, keepdim=True).clamp_min(1e-12)  # (n, 1)
        self.length = torch.full_like(at.loss, torch.inf)

    def _direction(self, at: Point) -> Tensor:
        return at.along(-at.slope @ self.covariance)

    def ask(self, at: Point) -> Tensor:
        move = self.rate * self._direction(at)
        self.length = move.norm(dim=1)
        return (at.z + move)[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        self.rate = self.rate * torch.where(tried.taken, GROW, SHRINK)[:, None]

    def settled(self) -> Tensor:
        return self.length <= self.smallest
