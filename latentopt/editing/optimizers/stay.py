"""No move at all: what masks, samples and selection do without one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.optimizers.optimizer import Noise, Point, Tried


@dataclass(frozen=True)
class Stay:
    """Every row stays where it started, whatever the covariance that all optimizers are made from."""

    covariance: Tensor | None = None

    needs_gradient = False
    descends = True

    def start(self, at: Point, noise: Noise) -> _Staying:
        """A search that is over."""
        return _Staying(torch.ones_like(at.active))


class _Staying:
    def __init__(self, over: Tensor) -> None:
        self.over = over

    def ask(self, at: Point) -> Tensor:
        return at.z[:, None]

    def tell(self, tried: Tried, now: Point) -> None:
        """Nothing is remembered."""

    def settled(self) -> Tensor:
        return self.over
