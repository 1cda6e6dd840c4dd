"""A wish: a term about a property that a person asked for, and that an edit is measured by."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from latentopt.editing.objectives.objective import Objective
from latentopt.errors import LatentoptError


class Wish(Objective):
    """A term about a property; what an edit reports of it is its column."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the property, such as likes or mood=glad."""

    @property
    @abstractmethod
    def wording(self) -> str:
        """What is wished, said after the name: `likes` `at least 100`."""

    @abstractmethod
    def values(self, z: Tensor) -> Tensor:
        """The property's values (n,) at latents (n, d), in its unit; without gradient."""

    def values_of(self, texts: Sequence[str], z: Tensor) -> Tensor:
        """The property's values (n,) of finished texts, whose latents are z (n, d)."""
        return self.values(z)

    @abstractmethod
    def fulfilled(self, values: Tensor) -> Tensor | None:
        """Whether values (n,) are what is wished for: booleans (n,); None for a wish without an end."""

    def interval(self, z: Tensor, *, level: float = 0.9) -> Tensor | None:
        """Values (n, 2) between which a share `level` of the real ones lies at latents (n, d); None where unknown."""
        return None


class ScoredWish(Wish):
    """A wish for a score, which a head gives by the latent and a reader by the text."""

    @abstractmethod
    def scores(self, z: Tensor) -> Tensor:
        """Scores (n,) of latents (n, d)."""

    @abstractmethod
    def loss_of(self, score: Tensor) -> Tensor:
        """Losses (n,) of scores (n,), whoever gave them: the latent, or a reader of the text."""


class WithValue(Wish):
    """A wish that names a value: one for all rows, or one for each.

    value: shape () or (n,).
    """

    value: Tensor

    def take(self, rows: Tensor) -> Self:
        return self if not self.value.ndim else self._with(self.value[rows])

    @abstractmethod
    def _with(self, value: Tensor) -> Self:
        """The wish for another value, shape () or (n,)."""

    def check_texts(self, n: int) -> None:
        if self.value.ndim and len(self.value) != n:
            raise LatentoptError(
                f"a wish names one value, or one for each text, got {len(self.value)} values for {n} texts"
            )

    @property
    def _said(self) -> str:
        return "its own value" if self.value.ndim else f"{self.value.item():,.4g}"


def as_values(value: float | Sequence[float] | Tensor) -> Tensor:
    """The value of a wish as a tensor, float32."""
    return torch.as_tensor(value, dtype=torch.float32)


def columns(goal: Objective) -> dict[str, Wish]:
    """The wishes of a goal by the names of their columns.

    A column is named after its property, `likes`; where a goal has several wishes for one, after both, `likes at least
    100` and `likes at most 1,000`.

    Raises:
        LatentoptError: if a goal has the same wish for a property twice.
    """
    wishes = [term for _, term in goal.terms if isinstance(term, Wish)]
    kinds = [(wish.name, type(wish)) for wish in wishes]
    for place, (name, kind) in enumerate(kinds):
        if (name, kind) in kinds[:place]:
            raise LatentoptError(
                f"a goal has one {kind.__name__} for a property, but {name} has two ({wishes[place].wording}, "
                f"{wishes[kinds.index((name, kind))].wording}); leave one out, weigh it, or rename one of the heads"
            )
    names = [wish.name for wish in wishes]
    return {wish.name if names.count(wish.name) == 1 else f"{wish.name} {wish.wording}": wish for wish in wishes}


def scored_columns(goal: Objective) -> dict[str, ScoredWish]:
    """The wishes of a goal that a reader can judge, too, by the names of their columns; raises as `columns`."""
    return {column: wish for column, wish in columns(goal).items() if isinstance(wish, ScoredWish)}
