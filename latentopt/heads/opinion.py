"""What an estimator says of texts, whatever it sees of them: their latents, their words, or what others say."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Self, TypeVarTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from property_models import Head

Seen = TypeVarTuple("Seen")
Array = NDArray[np.float64]


class Opinion(ABC, Generic[*Seen]):
    """A property by what is seen of n texts; its methods are a head's (see `property_models.Head`), of that.

    Args:
        estimator: fitted on `vectors`, or one class of what was.
    """

    def __init__(self, estimator: Head) -> None:
        self.estimator = estimator

    @abstractmethod
    def vectors(self, *seen: *Seen) -> Any:
        """What the estimator works on, (n, d), by what is seen of n texts."""

    @property
    def name(self) -> str | None:
        """The property."""
        return self.estimator.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that `for_class` knows; none for a number, and for one class."""
        return self.estimator.classes

    @property
    def properties(self) -> tuple[Self, ...]:
        """Opinions of what can be wished for: the number, or each class."""
        return tuple(self._by(each) for each in self.estimator.properties)

    @property
    def has_interval(self) -> bool:
        """Whether there is an `interval`."""
        return self.estimator.has_interval

    @property
    def typical(self) -> float | None:
        """The value of the group that is predicted for; None without groups."""
        return self.estimator.typical

    def predict(self, *seen: *Seen) -> NDArray[Any]:
        """Values (n,): numbers, labels, or probabilities of one class."""
        return self.estimator.predict(self.vectors(*seen))

    def predict_score(self, *seen: *Seen) -> Array:
        """Scores (n,), on the scale of the head's: log1p of a count, log-odds of a class; raises as the head's."""
        return self.estimator.predict_score(self.vectors(*seen))

    def probabilities(self, *seen: *Seen) -> Array:
        """Probabilities (n, classes); of a number (n, 0)."""
        return self.estimator.probabilities(self.vectors(*seen))

    def outputs(self, *seen: *Seen) -> Array:
        """Scores (n, 1) without the group's level, or a logit for each class (n, classes)."""
        return self.estimator.outputs(self.vectors(*seen))

    def percentile(self, *seen: *Seen) -> Array:
        """Share (n,) of the fitted texts, their groups left aside, for which less is predicted."""
        return self.estimator.percentile(self.vectors(*seen))

    def interval(self, *seen: *Seen, level: float = 0.9) -> Array:
        """Values (n, 2) between which a share `level` of new ones lies; raises as the head's."""
        return self.estimator.interval(self.vectors(*seen), level=level)

    def for_class(self, label: Any) -> Self:
        """One class: its log-odds are scores, its probability is the value; raises as the head's."""
        return self._by(self.estimator.for_class(label))

    def with_typical(self, value: float) -> Self:
        """A copy that predicts for a group with this typical value; raises as the head's."""
        return self._by(self.estimator.with_typical(value))

    def with_group(self, name: str) -> Self:
        """A copy that predicts for a group that was fitted with; raises as the head's."""
        return self._by(self.estimator.with_group(name))

    def for_unseen_group(self) -> Self:
        """A copy that predicts for a group of which nothing is known; raises as the head's."""
        return self._by(self.estimator.for_unseen_group())

    def _by(self, estimator: Head) -> Self:
        other = copy.copy(self)
        other.estimator = estimator
        return other


class ByLatent(Opinion[Tensor, Sequence[str]]):
    """A head alone, of latents and their texts, which it does not look at."""

    def vectors(self, z: Tensor, texts: Sequence[str]) -> Array:
        return np.asarray(z.double().numpy())
