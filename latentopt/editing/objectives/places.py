"""Terms about where a latent lies: near others, and where texts have theirs."""

from __future__ import annotations

import torch
from torch import Tensor

from latentopt.editing.objectives.objective import Objective
from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity


class Near(Objective):
    """The latent shall stay near others: mean squared distance per dimension.

    Args:
        z0: shape (n, d), one for each row, or (1, d); None leaves it to `starting_at`: near where the text is.
    """

    def __init__(self, z0: Tensor | None = None) -> None:
        self.z0 = z0

    def __call__(self, z: Tensor) -> Tensor:
        if self.z0 is None:
            raise LatentoptError(
                "near what? Give the latents, Near(z0), or let goal.starting_at(z0, density) fill them in"
            )
        return (z - self.z0.to(z)).square().mean(1)

    def take(self, rows: Tensor) -> Near:
        return self if self.z0 is None or len(self.z0) == 1 else Near(self.z0[rows])

    def starting_at(self, start: Tensor, density: LatentDensity) -> Near:
        return self if self.z0 is not None else Near(start)

    def check_texts(self, n: int) -> None:
        if self.z0 is not None and len(self.z0) not in (1, n):
            raise LatentoptError(f"Near has one latent, or one for each text, got {len(self.z0)} for {n} texts")


class Typical(Objective):
    """The latent shall be one that texts have: nats per dimension by which it is less likely than most are.

    Args:
        density: of the training latents; None leaves it to `starting_at`.
        quantile: share of the training latents that may be less likely at no loss.
    """

    def __init__(self, density: LatentDensity | None = None, *, quantile: float = 0.5) -> None:
        self.density = density
        self.quantile = quantile

    def __call__(self, z: Tensor) -> Tensor:
        if self.density is None:
            raise LatentoptError(
                "typical of what? Give the density, Typical(space.density), or let goal.starting_at(z0, density) do it"
            )
        floor = torch.quantile(self.density.quantiles, self.quantile)
        return (floor.to(z) - self.density.log_density(z)).clamp_min(0) / z.shape[1]

    def starting_at(self, start: Tensor, density: LatentDensity) -> Typical:
        return self if self.density is not None else Typical(density, quantile=self.quantile)
