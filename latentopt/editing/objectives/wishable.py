"""What can be wished for."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor


class Wishable(Protocol):
    """A property that latents have: a regressor, a classifier of two classes, or one class of a classifier.

    All that a wish asks of one, and less than a `property_models.Head` is: any function of latents can be made one.
    A score is the value as the loss sees it: log1p of a count, log-odds of a class.
    """

    @property
    def name(self) -> str | None:
        """Name of the property, such as likes; of a class `mood=glad`. None where nobody has named it."""

    @property
    def scale(self) -> str:
        """How values become scores: "logit" of a class's probability and other shares, else any name."""

    @property
    def differentiable(self) -> bool:
        """Whether `forward` has a gradient. Trees have none."""

    @property
    def score_scale(self) -> float:
        """Standard deviation of a score: the unit of the loss."""

    @property
    def has_interval(self) -> bool:
        """Whether there is an `interval`."""

    def forward(self, z: Tensor) -> Tensor:
        """Scores (n,) of latents (n, d)."""

    def to_score(self, value: Any) -> Any:
        """Values to scores, elementwise, of arrays or tensors."""

    def to_value(self, score: Any) -> Any:
        """Scores to values, elementwise, of arrays or tensors."""

    def tolerance(self, value: Any) -> Any:
        """How far from a wished value a value may lie and still count as reached, elementwise."""

    def interval(self, X: Any, *, level: float) -> NDArray[Any]:
        """Values (n, 2) between which a share `level` of the real ones lies, of latents (n, d), an array."""
