"""CMA-ES: a population whose covariance learns the shape of the loss. For goals without a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentopt.editing.optimizers.axes import axes
from latentopt.editing.optimizers.optimizer import Noise, Point, Tried

if TYPE_CHECKING:
    import cma

WORST = 1e300  # a loss of infinity, as a number that can be ranked


@dataclass(frozen=True)
class CMAES:
    """Covariance matrix adaptation (Hansen & Ostermeier 2001; Hansen 2016, appendix A), by the library `cma`.

    It begins with the covariance of the latents: proposals vary as texts do.

    Args:
        covariance: of the training latents, shape (d, d).
        step: standard deviation of the first proposals, as a share of the latents' own.
        population: proposals for each row and step; None takes 4 + 3 log d (Hansen 2016, eq. 48).
    """

    covariance: Tensor
    step: float = 0.3
    population: int | None = None
    needs_gradient = False
    descends = True

    def start(self, at: Point, noise: Noise) -> _Populations:
        """A population around each row."""
        size = self.population or 4 + int(3 * math.log(at.z.shape[1]))
        return _Populations(axes(self.covariance).to(at.z), self.step, size, noise, at)


class _Populations:
    def __init__(self, root: Tensor, step: float, size: int, noise: Noise, at: Point) -> None:
        self.root = root
        self.start = at.z
        self.size = size
        self.rows = [_strategy(at.z.shape[1], step, size, generator) for generator in noise.generators]
        self.asked: dict[int, list[NDArray[np.float64]]] = {}
        self.active = at.active

    def ask(self, at: Point) -> Tensor:
        self.active = at.active
        self.asked = {i: self.rows[i].ask() for i in at.active.nonzero()[:, 0].tolist()}
        u = self.start.new_zeros(len(self.rows), self.size, self.start.shape[1])
        for i, asked in self.asked.items():
            u[i] = torch.from_numpy(np.stack(asked)).to(u)
        return self.start[:, None] + u @ self.root.T

    def tell(self, tried: Tried, now: Point) -> None:
        for i, asked in self.asked.items():
            if now.active[i]:
                self.rows[i].tell(asked, tried.loss[i].double().clamp_max(WORST).tolist())

    def settled(self) -> Tensor:
        return torch.tensor([bool(row.stop()) for row in self.rows], device=self.active.device)


def _strategy(d: int, step: float, size: int, generator: torch.Generator) -> cma.CMAEvolutionStrategy:
    import cma

    def normal(*shape: int) -> NDArray[np.float64]:
        return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()

    # With a seed, cma would reseed numpy's generator, which is the whole program's.
    options = {"randn": normal, "seed": math.nan, "popsize": size, "verbose": -9, "verb_log": 0}
    return cma.CMAEvolutionStrategy(np.zeros(d), step, options)
