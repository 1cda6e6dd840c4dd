"""Random search: the baseline that every optimizer has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective


class RandomSearch:
    """Propose z + step * N(0, covariance) and keep what lowers the loss: a (1 + 1) evolution strategy.

    Rechenberg (1973), without his rule for the step size.

    Args:
        covariance: of the training latents, shape (d, d): proposals vary as texts do.
        step: standard deviation of a proposal, as a share of the latents' own.
        seed: of the proposals.
    """

    def __init__(self, covariance: Tensor, *, step: float = 0.1, seed: int = 0) -> None:
        self.root = torch.linalg.cholesky(covariance)
        self.step_size = step
        self.seed = seed

    def start(self, objective: Objective, z: Tensor) -> tuple[Tensor, torch.Generator]:
        """Losses (n,) and the generator."""
        with torch.no_grad():
            return objective(z), torch.Generator().manual_seed(self.seed)

    def step(
        self, objective: Objective, z: Tensor, state: tuple[Tensor, torch.Generator]
    ) -> tuple[Tensor, tuple[Tensor, torch.Generator]]:
        """One proposal for each row."""
        loss, generator = state
        trial = z + self.step_size * torch.randn(z.shape, generator=generator) @ self.root.T
        with torch.no_grad():
            proposed = objective(trial)
        better = proposed < loss
        return torch.where(better[:, None], trial, z), (torch.where(better, proposed, loss), generator)
