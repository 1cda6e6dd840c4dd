"""An objective, and the weighted sum of several."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity


class Objective(ABC):
    """A loss per latent. Objectives add up, and a number times an objective weighs it.

    What is said here of a term that names nothing holds for all terms that do not say otherwise.
    """

    @abstractmethod
    def __call__(self, z: Tensor) -> Tensor:
        """Losses (n,) of latents (n, d); row i has to do with row i alone. Differentiable, if it says so."""

    def of_texts(self, texts: Sequence[str], z: Tensor) -> Tensor:
        """Losses (n,) of finished texts, whose latents are z (n, d)."""
        return self(z)

    @property
    def differentiable(self) -> bool:
        """Whether losses have gradients. Optimizers that need them refuse an objective without."""
        return True

    @property
    def of_share(self) -> bool:
        """Whether it is a wish for a class's probability, or for another share."""
        return False

    def take(self, rows: Tensor) -> Self:
        """The objective of other rows: row i of the result is row rows[i], a text's index, of this one."""
        return self

    def starting_at(self, start: Tensor, density: LatentDensity) -> Objective:
        """The objective for texts whose latents are start (n, d), in a space with this density.

        What was left open, as in `Near()`, `Along(civil)` and `Typical()`, is filled in; what was given stays.
        """
        return self

    def shifted(self, by: Mapping[str, float]) -> Objective:
        """The objective for a text whose scores differ from those that its latent says.

        by: what is added to these, by the names of the properties.
        """
        return self

    def beyond(self, z: Tensor, factor: float) -> Objective:
        """The objective whose wishes lie `factor` times as far from what latents (n, d) have now.

        A text keeps only a part of what its latent promises, so that the way to a wish leads beyond it.
        """
        return self

    def check_texts(self, n: int) -> None:
        """Raise LatentoptError if the objective names rows, and they are not n."""
        return

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
    """A weighted sum of terms.

    Raises:
        LatentoptError: if a weight is not finite, or there is no term.
    """

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        self._terms = list(terms)
        if not self._terms or not all(math.isfinite(weight) for weight, _ in self._terms):
            raise LatentoptError(
                "a goal is a sum of one term or more, each with a finite weight, "
                f"got the weights {[weight for weight, _ in self._terms]}"
            )

    def __call__(self, z: Tensor) -> Tensor:
        return torch.stack([weight * term(z) for weight, term in self._terms]).sum(0)

    def of_texts(self, texts: Sequence[str], z: Tensor) -> Tensor:
        return torch.stack([weight * term.of_texts(texts, z) for weight, term in self._terms]).sum(0)

    @property
    def differentiable(self) -> bool:
        return all(term.differentiable for _, term in self._terms)

    def take(self, rows: Tensor) -> Sum:
        return Sum([(weight, term.take(rows)) for weight, term in self._terms])

    def starting_at(self, start: Tensor, density: LatentDensity) -> Sum:
        return Sum([(weight, term.starting_at(start, density)) for weight, term in self._terms])

    def shifted(self, by: Mapping[str, float]) -> Sum:
        return Sum([(weight, term.shifted(by)) for weight, term in self._terms])

    def beyond(self, z: Tensor, factor: float) -> Sum:
        return Sum([(weight, term.beyond(z, factor)) for weight, term in self._terms])

    def check_texts(self, n: int) -> None:
        for _, term in self._terms:
            term.check_texts(n)

    @property
    def terms(self) -> list[tuple[float, Objective]]:
        return self._terms
