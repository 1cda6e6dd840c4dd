"""Gradient descent in the metric of the latents' covariance."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective

GROW, SHRINK = 1.5, 0.4


class GradientState(NamedTuple):
    """loss: (n,), at the current latents. rate: (n,), each row's step size."""

    loss: Tensor
    rate: Tensor


class PreconditionedGradient:
    """z <- z - rate * covariance @ gradient, with a step size for each row that grows while the loss falls.

    A raw gradient runs into directions in which texts hardly vary, and which the decoder has therefore learned to
    ignore; the covariance weighs each direction by how much texts do vary there. For a linear discriminant the
    result is the difference of class means: w = covariance^-1 (m1 - m0) (Fisher 1936), so covariance @ w = m1 - m0.

    A step that would raise a row's loss is not taken, and that row's step size shrinks (backtracking, Armijo 1966,
    spread over the steps so that all rows stay in one batch).

    Args:
        covariance: of the training latents, shape (d, d); the identity gives plain gradient descent.
        first_step: length of the first step, in units of the latents.
    """

    def __init__(self, covariance: Tensor, *, first_step: float = 0.5) -> None:
        self.covariance = covariance
        self.first_step = first_step

    def start(self, objective: Objective, z: Tensor) -> GradientState:
        """Rates by which every row's first step has the same length."""
        loss, direction = self._descent(objective, z)
        return GradientState(loss, self.first_step / direction.norm(dim=1).clamp_min(1e-12))

    def step(self, objective: Objective, z: Tensor, state: GradientState) -> tuple[Tensor, GradientState]:
        """One gradient and one trial for each row."""
        _, direction = self._descent(objective, z)
        trial = z + state.rate[:, None] * direction
        with torch.no_grad():
            loss = objective(trial)
        better = loss < state.loss  # (n,)
        rate = state.rate * torch.where(better, GROW, SHRINK)
        return torch.where(better[:, None], trial, z), GradientState(torch.where(better, loss, state.loss), rate)

    def _descent(self, objective: Objective, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            loss = objective(z)
            (gradient,) = torch.autograd.grad(loss.sum(), z)
        return loss.detach(), -gradient @ self.covariance.to(z)
