"""What an optimizer is: it proposes latents and is told what they are worth. `search` is the loop around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Point:
    """Where the rows of a search are.

    z: (n, d). loss: (n,). gradient: (n, d), of the loss; zeros where the optimizer needs none. outward: (n, d), the
    unit normal of the ball's surface in rows that lie on it and whose loss falls outward; else zeros. active: (n,),
    rows that have not stopped.
    """

    z: Tensor
    loss: Tensor
    gradient: Tensor
    outward: Tensor
    active: Tensor

    def along(self, move: Tensor) -> Tensor:
        """A move (n, d) without the part that the ball holds back.

        With P this projection, -P M P gradient goes downhill for every positive definite M: what is left of a
        preconditioned gradient is a descent on the surface (Rosen 1960, the gradient projection method).
        """
        return move - (move * self.outward).sum(1, keepdim=True) * self.outward

    @property
    def slope(self) -> Tensor:
        """The gradient, without the part that the ball holds back, (n, d); zero at a minimum in the ball."""
        return self.along(self.gradient)


@dataclass(frozen=True)
class Tried:
    """What became of k proposals for each row.

    z: (n, k, d), drawn back into the ball where they had left it. loss: (n, k). taken: (n,), whether a row went to its
    best one.
    """

    z: Tensor
    loss: Tensor
    taken: Tensor


class Noise:
    """Random numbers for n rows, from a generator for each, so that a row's do not depend on its neighbours.

    Args:
        seeds: one for each row.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, an array of the shape for each of the n rows, float32, on the CPU."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])


class Run(Protocol):
    """One search of an optimizer. What it remembers between steps is its own."""

    def ask(self, at: Point) -> Tensor:
        """Proposals (n, k, d), k for each row."""

    def tell(self, tried: Tried, now: Point) -> None:
        """What the proposals were worth, and where the rows are now."""

    def settled(self) -> Tensor:
        """Rows (n,) that have converged, and will propose nothing better."""


class Optimizer(Protocol):
    """An algorithm with its settings."""

    @property
    def needs_gradient(self) -> bool:
        """Whether it reads gradients. One that does not can lower a black box."""

    @property
    def descends(self) -> bool:
        """Whether rows go only where their loss is lower. If not, they go wherever they are told to."""

    def start(self, at: Point, noise: Noise) -> Run:
        """A search from n rows."""
