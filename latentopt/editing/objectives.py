"""What a latent shall become: terms (n, d) -> (n,), lower is better, and their weighted sum.

`Target(likes, 1000) + 0.5 * Maximize(sentiment) + Near(z0)` is an objective. Losses are in units of the head's
`score_scale`, so that terms of different heads weigh alike.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity


class Head(Protocol):
    """What an objective asks of a property: a PropertyModel of a number, or one class of a classifier, has it."""

    name: str | None

    @property
    def score_scale(self) -> float:
        """Standard deviation of a score: the unit of the loss."""

    def forward(self, z: Tensor) -> Tensor:
        """Scores (n,) of latents (n, d); differentiable."""

    def to_score(self, value: Any) -> Any:
        """Values to scores, elementwise."""

    def to_value(self, score: Any) -> Any:
        """Scores to values, elementwise."""

    def tolerance(self, value: Any) -> Any:
        """How far from a wished value a value may lie and still count as reached, elementwise."""


class Objective(ABC):
    """A loss per latent. Objectives add up, and a number times an objective weighs it."""

    @abstractmethod
    def __call__(self, z: Tensor) -> Tensor:
        """Losses (n,) of latents (n, d); differentiable."""

    def take(self, rows: Tensor) -> Self:
        """The objective of other rows: row i of the result is row rows[i], a text's index, of this one."""
        return self

    @property
    def terms(self) -> list[tuple[float, Objective]]:
        """Weights and terms of the sum."""
        return [(1.0, self)]

    def __add__(self, other: Objective) -> Sum:
        return Sum([*self.terms, *other.terms])

    def __mul__(self, weight: float) -> Sum:
        return Sum([(weight * w, term) for w, term in self.terms])

    __rmul__ = __mul__


class Sum(Objective):
    """A weighted sum of terms."""

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        self._terms = list(terms)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.stack([weight * term(z) for weight, term in self._terms]).sum(0)

    def take(self, rows: Tensor) -> Sum:
        return Sum([(weight, term.take(rows)) for weight, term in self._terms])

    @property
    def terms(self) -> list[tuple[float, Objective]]:
        return self._terms


class Wish(Objective):
    """A term about a property. Those below say which way it shall go."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def reached(self, z: Tensor) -> Tensor | None:
        """Whether the wish is fulfilled at latents (n, d): booleans (n,); None for a wish without an end."""
        return None

    @abstractmethod
    def beyond(self, z: Tensor, factor: float) -> Objective:
        """The wish, `factor` times as far from what latents (n, d) have now.

        A text keeps only a part of what its latent promises, so that the way to a target leads beyond it.
        """


class _WithValue(Wish):
    """A wish that names a value: one for all rows, or one for each."""

    def __init__(self, head: Head, value: float | Sequence[float] | Tensor) -> None:
        super().__init__(head)
        self.value = torch.as_tensor(value, dtype=torch.float32)
        self.score = torch.as_tensor(head.to_score(self.value), dtype=torch.float32)
        possible = torch.isfinite(self.score).all() and torch.allclose(
            torch.as_tensor(head.to_value(self.score), dtype=torch.float32), self.value, rtol=1e-3, atol=1e-3
        )
        if self.value.ndim > 1 or not possible:
            raise LatentoptError(
                f"a wish for {head.name} is a number that it could have, or one for each text, got {value}"
            )

    def take(self, rows: Tensor) -> Self:
        if not self.value.ndim:
            return self
        other = copy.copy(self)
        other.value, other.score = self.value[rows], self.score[rows]
        return other

    def miss(self, z: Tensor) -> Tensor:
        """Score minus wished score, in units of the head's scale, (n,)."""
        return (self.head.forward(z) - self.score) / self.head.score_scale

    def beyond(self, z: Tensor, factor: float) -> Objective:
        with torch.no_grad():
            start = self.head.forward(z)
        other = copy.copy(self)
        other.score = start + factor * (self.score - start)
        other.value = self.head.to_value(other.score)
        return other

    def _values(self, z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            return self.head.to_value(self.head.forward(z)), torch.as_tensor(self.head.tolerance(self.value))


class Target(_WithValue):
    """The property shall have a value: squared miss."""

    def __call__(self, z: Tensor) -> Tensor:
        return self.miss(z).square()

    def reached(self, z: Tensor) -> Tensor:
        values, tolerance = self._values(z)
        return (values - self.value).abs() <= tolerance


class AtLeast(_WithValue):
    """The property shall have at least a value: squared miss below it."""

    def __call__(self, z: Tensor) -> Tensor:
        return self.miss(z).clamp_max(0).square()

    def reached(self, z: Tensor) -> Tensor:
        return self._values(z)[0] >= self.value


class AtMost(_WithValue):
    """The property shall have at most a value: squared miss above it."""

    def __call__(self, z: Tensor) -> Tensor:
        return self.miss(z).clamp_min(0).square()

    def reached(self, z: Tensor) -> Tensor:
        return self._values(z)[0] <= self.value


class Maximize(Wish):
    """The property shall be as high as it gets: minus the score."""

    def __call__(self, z: Tensor) -> Tensor:
        return -self.head.forward(z) / self.head.score_scale

    def beyond(self, z: Tensor, factor: float) -> Objective:
        # One scale up is what a wish for a value typically asks for; without an end, gradients run to infinity.
        aim = Target(self.head, self.head.to_value(torch.zeros(len(z))))
        aim.score = self._aim(z, factor)  # not by way of the value: that of a count is never below 0
        return aim

    def _aim(self, z: Tensor, factor: float) -> Tensor:
        with torch.no_grad():
            return self.head.forward(z) + factor * self.head.score_scale


class Minimize(Maximize):
    """The property shall be as low as it gets: the score."""

    def __call__(self, z: Tensor) -> Tensor:
        return self.head.forward(z) / self.head.score_scale

    def _aim(self, z: Tensor, factor: float) -> Tensor:
        with torch.no_grad():
            return self.head.forward(z) - factor * self.head.score_scale


class Near(Objective):
    """The latent shall stay near others: mean squared distance per dimension.

    Args:
        z0: shape (n, d), one for each row, or (1, d).
    """

    def __init__(self, z0: Tensor) -> None:
        self.z0 = z0

    def __call__(self, z: Tensor) -> Tensor:
        return (z - self.z0).square().mean(1)

    def take(self, rows: Tensor) -> Near:
        return self if len(self.z0) == 1 else Near(self.z0[rows])


class Typical(Objective):
    """The latent shall be one that texts have: nats per dimension by which it is less likely than most are.

    Args:
        density: of the training latents.
        quantile: share of the training latents that may be less likely at no loss.
    """

    def __init__(self, density: LatentDensity, *, quantile: float = 0.5) -> None:
        self.density = density
        self.floor = torch.quantile(density.quantiles, quantile).item()

    def __call__(self, z: Tensor) -> Tensor:
        return (self.floor - self.density.log_density(z)).clamp_min(0) / z.shape[1]


def wishes(goal: Objective) -> dict[str, list[Wish]]:
    """The wishes of an objective by the name of their property."""
    found: dict[str, list[Wish]] = {}
    for _, term in goal.terms:
        if isinstance(term, Wish):
            found.setdefault(term.head.name or "property", []).append(term)
    return found
