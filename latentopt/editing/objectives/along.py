"""A wish to go along a direction."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol, Self

import torch
from torch import Tensor

from latentopt.editing.objectives.objective import Objective
from latentopt.editing.objectives.wish import ScoredWish, WithValue, as_values
from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity

ACROSS = 0.01
ENOUGH = 0.75  # of the strength: then the wish is reached


class Step(Protocol):
    """What is asked of a direction."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def vector(self) -> Tensor:
        """The step at strength 1, shape (d,)."""

    @property
    def strength(self) -> float:
        """The default multiple of the vector."""

    def at(self, z: Tensor) -> Tensor:
        """The steps (n, d) at strength 1 from latents z (n, d): the vector, or what a learned map says of each."""


class Along(WithValue, ScoredWish):
    """The latent shall have moved along a direction, by a multiple of it, from where it started.

    Its value is the multiple that was moved, (z - start) . v / |v|^2; its loss the squared miss of that, and, weighed
    little, the squared length of the component across, in lengths of v: words that have nothing to do with the
    direction may change, but not for nothing.

    Args:
        direction: where to. strength: multiple of its vector, one or one for each text; None takes the direction's.
        across: weight of the component across.
        start: latents where rows start, (n, d) or (1, d); None leaves it to `starting_at`.

    Raises:
        LatentoptError: if a strength is not finite, or the direction is zero.
    """

    def __init__(
        self,
        direction: Step,
        strength: float | Sequence[float] | Tensor | None = None,
        *,
        across: float = ACROSS,
        start: Tensor | None = None,
    ) -> None:
        self.direction = direction
        self.value = as_values(direction.strength if strength is None else strength)
        self.across = across
        self.start = start
        if self.value.ndim > 1 or not torch.isfinite(self.value).all():
            raise LatentoptError(
                f"along {self.name}: the strength is a finite number, or one for each text, got {strength}; try 1"
            )
        if not direction.vector.any():
            raise LatentoptError(f"along {self.name}: the direction is zero, so that nothing lies along it")

    @property
    def name(self) -> str:
        return self.direction.name

    @property
    def wording(self) -> str:
        return f"by {self._said}"

    def __call__(self, z: Tensor) -> Tensor:
        moved, step = self._moved(z)
        square = step.square().sum(1)
        along = (moved * step).sum(1) / square
        across = (moved - along[:, None] * step).square().sum(1) / square
        return (along - self.value.to(z)).square() + self.across * across

    def loss_of(self, score: Tensor) -> Tensor:
        # A reader is surer of some words than people's pairs are on average: it is asked whether the text falls short.
        wanted = self.value.to(score)
        forward = torch.where(wanted < 0, -1.0, 1.0)
        return (forward * (wanted - score)).clamp_min(0).square()

    def scores(self, z: Tensor) -> Tensor:
        moved, step = self._moved(z)
        return (moved * step).sum(1) / step.square().sum(1)

    def values(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            return self.scores(z)

    def fulfilled(self, values: Tensor) -> Tensor:
        wanted = self.value.to(values)
        forward = torch.where(wanted < 0, -1.0, 1.0)
        return forward * values >= forward * ENOUGH * wanted

    def take(self, rows: Tensor) -> Self:
        other = super().take(rows)
        return other if self.start is None or len(self.start) == 1 else other._from(self.start[rows])

    def starting_at(self, start: Tensor, density: LatentDensity) -> Objective:
        return self if self.start is not None else self._from(start)

    def beyond(self, z: Tensor, factor: float) -> Objective:
        now = self.values(z)
        return self._with(now + factor * (self.value.to(z) - now))

    def _with(self, value: Tensor) -> Self:
        other = copy.copy(self)
        other.value = value
        return other

    def _from(self, start: Tensor) -> Self:
        other = copy.copy(self)
        other.start = start
        return other

    def _moved(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """How far latents (n, d) are from where they started, and the steps at strength 1 from there, (n or 1, d)."""
        if self.start is None:
            raise LatentoptError(
                f"along {self.name}: from where? Give the latents, Along(..., start=z), or let "
                "goal.starting_at(z, density) fill them in"
            )
        start = self.start.to(z)
        return z - start, self.direction.at(start)
