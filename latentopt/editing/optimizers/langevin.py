"""Langevin dynamics: samples of the latents that a goal likes, instead of the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.axes import axes
from latentopt.editing.optimizers.optimizer import Noise, Point, Tried


@dataclass(frozen=True)
class Langevin:
    """Langevin dynamics (Welling & Teh 2011, eq. 3) on exp(-loss / temperature), in the metric of the covariance.

    Texts are so sampled from an energy by LatentOps (Liu et al. 2022). Steps shrink as in their eq. 2; each is taken,
    and drawn back into the ball (projected Langevin, Bubeck et al. 2018, eq. 2).

    Args:
        covariance: of the training latents, shape (d, d).
        temperature: loss by which a sample may typically miss the best; 0 is gradient descent.
        rate: of the descent in the first steps; the noise follows from it and the temperature.
        decay: exponent by which steps shrink, above 0.5 and at most 1.
    """

    covariance: Tensor
    temperature: float = 0.01
    rate: float = 0.1
    decay: float = 0.55
    needs_gradient = True
    descends = False

    def start(self, at: Point, noise: Noise) -> _Chain:
        """A chain for each row."""
        return _Chain(self, self.covariance.to(at.z), axes(self.covariance).to(at.z), noise, at)


class _Chain:
    def __init__(self, how: Langevin, covariance: Tensor, root: Tensor, noise: Noise, at: Point) -> None:
        self.how = how
        self.covariance = covariance
        self.root = root
        self.noise = noise
        self.never = torch.zeros_like(at.active)
        self.t = 0

    def ask(self, at: Point) -> Tensor:
        rate = self.how.rate * (1 + self.t / 10) ** -self.how.decay  # eq. 2, with b = 10
        self.t += 1
        # Eq. 3 with steps of epsilon = 2 temperature rate, by which the temperature leaves the first term.
        drift = -rate * at.along(at.slope @ self.covariance)
        eta = math.sqrt(2 * self.how.temperature * rate) * self.noise.normal(at.z.shape[1]).to(at.z) @ self.root.T
        return (at.z + drift + eta)[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        """Nothing is remembered."""

    def settled(self) -> Tensor:
        return self.never
