"""What a head is to those who use it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


class Head(Protocol):
    """A fitted property of vectors: a number, one of several classes, or one class of them.

    A score is a value as the loss sees it: log1p of a count, log-odds of a class. Of two classes, what is one number
    for each vector speaks of the second.
    """

    @property
    def name(self) -> str | None:
        """Name of the property, such as likes; of a class `mood=glad`. None where nobody has named it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that `for_class` knows; none for a number, and for one class."""

    @property
    def properties(self) -> tuple[Head, ...]:
        """What can be wished for: the number, or each class, in the order of `classes`."""

    @property
    def scale(self) -> str:
        """How values become scores: a name of `targets.SCALES`; "logit" for classes."""

    @property
    def differentiable(self) -> bool:
        """Whether `forward` has a gradient. Trees have none."""

    @property
    def score_scale(self) -> float:
        """Standard deviation of a score: the unit of losses."""

    @property
    def score_range(self) -> tuple[float, float]:
        """Scores between which almost all of the fitted rows lie."""

    @property
    def has_interval(self) -> bool:
        """Whether there is an `interval`."""

    @property
    def typical(self) -> float | None:
        """The value of the group that is predicted for; None for a head without groups."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that `with_group` knows."""

    def forward(self, z: Tensor) -> Tensor:
        """Scores (n,) of vectors z (n, d), in their dtype.

        Raises:
            HeadError: if there are more than two classes: choose one with `for_class`.
        """

    def outputs(self, X: Any) -> Array:
        """All that is known of vectors X (n, d): (n, outputs), first the score without its group's level, or logits."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Values (n,): numbers, labels of a classifier, probabilities of one class."""

    def predict_score(self, X: Any) -> Array:
        """Scores (n,); raises as `forward`."""

    def probabilities(self, X: Any) -> Array:
        """Probabilities (n, classes); of a number (n, 0)."""

    def percentile(self, X: Any) -> Array:
        """Share (n,) of the fitted rows, their groups left aside, for which less is predicted; raises as `forward`."""

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """Values (n, 2) between which a share `level` of new ones lies.

        Raises:
            HeadError: if there is none; ask `has_interval` first.
        """

    def to_score(self, value: Any) -> Any:
        """Values to scores, elementwise, of arrays or tensors."""

    def to_value(self, score: Any) -> Any:
        """Scores to values, elementwise, of arrays or tensors."""

    def tolerance(self, value: Any) -> Any:
        """How far from a wished value a value may lie and still count as reached, elementwise."""

    def for_class(self, label: Any) -> Head:
        """The head of one class.

        Raises:
            HeadError: if there is no such class.
        """

    def with_typical(self, value: float) -> Head:
        """A copy that predicts for a group with this typical value.

        Raises:
            HeadError: if there are no groups, or the value is none that a row could have.
        """

    def with_group(self, name: str) -> Head:
        """A copy that predicts for a group that the head was fitted with; raises HeadError if it was not."""

    def for_unseen_group(self) -> Head:
        """A copy that predicts for a group of which nothing is known: its interval holds what groups differ by.

        Raises:
            HeadError: if there are no groups.
        """
