"""How a value is seen by the loss: scores, and the part of a score that a group explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Values = NDArray[np.float64]
SHRINKAGE = 5.0  # rows: a group of five is believed half
SCALES = ("identity", "log1p")


def _apply(of_torch: Callable[[Any], Any], of_numpy: Callable[[Any], Any], x: Any) -> Any:
    return of_torch(x) if isinstance(x, torch.Tensor) else of_numpy(np.asarray(x, dtype=float))


def to_score(value: Any, scale: str) -> Any:
    """Values to scores, elementwise, of arrays or tensors: log1p for counts, or unchanged."""
    return _apply(torch.log1p, np.log1p, value) if scale == "log1p" else value


def to_value(score: Any, scale: str) -> Any:
    """Scores back to values; a count is never below 0."""
    if scale == "identity":
        return score
    return _apply(lambda x: torch.expm1(x).clamp_min(0), lambda x: np.maximum(np.expm1(x), 0), score)


@dataclass(frozen=True)
class GroupOffsets:
    """What a group alone says of a score.

    of_row: for each training row the shrunken mean of its group's other rows, shape (n,): with its own score in the
        mean, a row of a small group would seem easier to predict than a new one. typical: the mean of the median group.
    means: those of all groups. overall: that of a group that is not known.
    """

    of_row: Values
    typical: float
    means: Mapping[Any, float]
    overall: float

    @classmethod
    def fit(cls, scores: Values, groups: Any) -> GroupOffsets:
        """Group means, pulled to the mean of all rows as if each group had five more rows there (empirical Bayes)."""
        names, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        overall = float(scores.mean())
        sums = np.bincount(index, weights=scores) + SHRINKAGE * overall
        weights = counts + SHRINKAGE
        means = sums / weights
        return cls(
            of_row=(sums[index] - scores) / (weights[index] - 1),
            typical=float(np.median(means)),
            means=dict(zip(names.tolist(), means.tolist(), strict=True)),
            overall=overall,
        )

    def of(self, groups: Any) -> Values:
        """What the groups (n,) of new rows say of their scores, shape (n,)."""
        return np.array([self.means.get(group, self.overall) for group in np.asarray(groups).tolist()])
