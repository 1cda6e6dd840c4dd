"""Wishes for what a head predicts: Target, AtLeast, AtMost, Maximize, Minimize."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from latentopt.editing.objectives.objective import Objective
from latentopt.editing.objectives.wish import ScoredWish, WithValue, as_values
from latentopt.editing.objectives.wishable import Wishable
from latentopt.errors import LatentoptError


class HeadWish(ScoredWish):
    """A wish for what a head predicts. Those below say which way it shall go."""

    def __init__(self, head: Wishable) -> None:
        self.head = head
        self.shift = 0.0  # what is added to the head's scores (see `shifted`)

    @property
    def name(self) -> str:
        return self.head.name or "property"

    @property
    def differentiable(self) -> bool:
        return self.head.differentiable

    @property
    def of_share(self) -> bool:
        return self.head.scale == "logit"

    def scores(self, z: Tensor) -> Tensor:
        return self.head.forward(z) + self.shift

    def shifted(self, by: Mapping[str, float]) -> Self:
        other = copy.copy(self)
        other.shift = self.shift + by.get(self.name, 0.0)
        return other

    def __call__(self, z: Tensor) -> Tensor:
        return self.loss_of(self.scores(z))

    def values(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.as_tensor(self.head.to_value(self.scores(z)))

    def fulfilled(self, values: Tensor) -> Tensor | None:
        return None

    def interval(self, z: Tensor, *, level: float = 0.9) -> Tensor | None:
        if not self.head.has_interval:
            return None
        return torch.as_tensor(self.head.interval(z.detach().cpu().numpy(), level=level))


class _HeadValue(HeadWish, WithValue):
    """A wish that a head shall predict a value, or near it."""

    def __init__(self, head: Wishable, value: float | Sequence[float] | Tensor) -> None:
        super().__init__(head)
        self.value = as_values(value)
        self.score = as_values(head.to_score(self.value))
        possible = torch.isfinite(self.score).all() and torch.allclose(
            as_values(head.to_value(self.score)), self.value, rtol=1e-3, atol=1e-3
        )
        if self.value.ndim > 1 or not possible:
            raise LatentoptError(
                f"a wish for {self.name} is a number that it could have, or one for each text, got {value}"
            )

    def _with(self, value: Tensor) -> Self:
        return self._with_score(as_values(self.head.to_score(value)))

    def _with_score(self, score: Tensor) -> Self:
        other = copy.copy(self)  # not by way of the value: that of a count is never below 0
        other.score, other.value = score, as_values(self.head.to_value(score))
        return other

    def take(self, rows: Tensor) -> Self:
        return self if not self.score.ndim else self._with_score(self.score[rows])

    def miss(self, score: Tensor) -> Tensor:
        """Scores (n,) minus the wished ones, in units of the head's scale."""
        return (score - self.score.to(score)) / self.head.score_scale

    def beyond(self, z: Tensor, factor: float) -> Objective:
        with torch.no_grad():
            start = self.scores(z)
        return self._with_score(start + factor * (self.score.to(start) - start))


class Target(_HeadValue):
    """The property shall have a value: squared miss."""

    def loss_of(self, score: Tensor) -> Tensor:
        return self.miss(score).square()

    def fulfilled(self, values: Tensor) -> Tensor:
        return (values - self.value).abs() <= torch.as_tensor(self.head.tolerance(self.value))

    @property
    def wording(self) -> str:
        return f"at {self._said}"


class AtLeast(_HeadValue):
    """The property shall have at least a value: squared miss below it."""

    def loss_of(self, score: Tensor) -> Tensor:
        return self.miss(score).clamp_max(0).square()

    def fulfilled(self, values: Tensor) -> Tensor:
        return values >= self.value

    @property
    def wording(self) -> str:
        return f"at least {self._said}"


class AtMost(_HeadValue):
    """The property shall have at most a value: squared miss above it."""

    def loss_of(self, score: Tensor) -> Tensor:
        return self.miss(score).clamp_min(0).square()

    def fulfilled(self, values: Tensor) -> Tensor:
        return values <= self.value

    @property
    def wording(self) -> str:
        return f"at most {self._said}"


class Maximize(HeadWish):
    """The property shall be as high as it gets: minus the score."""

    def loss_of(self, score: Tensor) -> Tensor:
        return -score / self.head.score_scale

    @property
    def wording(self) -> str:
        return "as high as it gets"

    def beyond(self, z: Tensor, factor: float) -> Objective:
        return _scales_away(self.head, z, factor)


class Minimize(HeadWish):
    """The property shall be as low as it gets: the score."""

    def loss_of(self, score: Tensor) -> Tensor:
        return score / self.head.score_scale

    @property
    def wording(self) -> str:
        return "as low as it gets"

    def beyond(self, z: Tensor, factor: float) -> Objective:
        return _scales_away(self.head, z, -factor)


def _scales_away(head: Wishable, z: Tensor, scales: float) -> Target:
    """A target some scales from what latents (n, d) have now.

    One scale is what a wish for a value typically asks for; without an end, gradients run to infinity.
    """
    with torch.no_grad():
        start = head.forward(z)
    return Target(head, head.to_value(torch.zeros(len(z))))._with_score(start + scales * head.score_scale)
