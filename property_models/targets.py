"""How a value is seen by the loss: scores, and the part of a score that a group explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from property_models.errors import HeadError

Values = NDArray[np.float64]
LEAST_COUNT = 0.5  # what a count of 0 has the logarithm of
EPSILON = 1e-6  # a rate nearer than this to 0 or 1 has no log-odds that could be learned from
UNKNOWN_SHRINKAGE = 5.0  # rows, where no group has two rows: a group of five is believed half
STRONGEST_SHRINKAGE = 1e6  # rows: groups that do not differ are not believed


class Scale(NamedTuple):
    """One way of seeing values: to scores and back, of arrays and of tensors, and which values it has."""

    score_of_array: Callable[[Any], Any]
    score_of_tensor: Callable[[torch.Tensor], torch.Tensor]
    value_of_array: Callable[[Any], Any]
    value_of_tensor: Callable[[torch.Tensor], torch.Tensor]
    lowest: float
    highest: float
    values: str

    def has(self, value: Any) -> Any:
        """Whether values, of any shape, are such as it has."""
        return np.isfinite(value) & (self.lowest <= value) & (value <= self.highest)


SCALES = {
    "identity": Scale(lambda y: y, lambda y: y, lambda s: s, lambda s: s, -np.inf, np.inf, "finite numbers"),
    "log1p": Scale(
        np.log1p,
        torch.log1p,
        lambda s: np.maximum(np.expm1(s), 0),  # a count is never below 0
        lambda s: torch.expm1(s).clamp_min(0),
        0.0,
        np.inf,
        "counts of at least 0",
    ),
    "log": Scale(
        lambda y: np.log(np.maximum(y, LEAST_COUNT)),
        lambda y: torch.log(y.clamp_min(LEAST_COUNT)),
        np.exp,
        torch.exp,
        0.0,
        np.inf,
        "counts of at least 0",
    ),
    "logit": Scale(
        lambda y: logit(np.clip(y, EPSILON, 1 - EPSILON)),
        lambda y: torch.logit(y, eps=EPSILON),
        expit,
        torch.sigmoid,
        0.0,
        1.0,
        "rates from 0 to 1",
    ),
}


def to_score(value: Any, scale: str) -> Any:
    """Values to scores, elementwise, of arrays or tensors, as SCALES says."""
    if isinstance(value, torch.Tensor):
        return SCALES[scale].score_of_tensor(value)
    return SCALES[scale].score_of_array(np.asarray(value, dtype=float))


def to_value(score: Any, scale: str) -> Any:
    """Scores back to values; a count is never below 0."""
    if isinstance(score, torch.Tensor):
        return SCALES[scale].value_of_tensor(score)
    return SCALES[scale].value_of_array(np.asarray(score, dtype=float))


def checked_scores(values: Values, scale: str) -> Values:
    """Scores (n,) of values (n,).

    Raises:
        HeadError: if there is no such scale, or a value is none that the scale has.
    """
    if scale not in SCALES:
        raise HeadError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    known = SCALES[scale]
    wrong = values[~known.has(values)]
    if len(wrong):
        raise HeadError(
            f"the scale {scale!r} is for {known.values}, got {wrong[0]:g}; leave such rows out, or use another scale "
            "or family"
        )
    return np.asarray(to_score(values, scale), dtype=np.float64)


@dataclass(frozen=True)
class GroupOffsets:
    """What a group alone says of a score: a random intercept, of which a small group is believed little.

    of_row: for each training row the shrunken mean of its group's other rows, shape (n,): with its own score in the
        mean, a row of a small group would seem easier to predict than a new one. typical: the mean of the median group.
    means, counts: those of all groups, and their rows. overall: that of a group that is not known.
    """

    of_row: Values
    typical: float
    means: Mapping[Any, float]
    counts: Mapping[Any, int]
    overall: float

    @classmethod
    def fit(cls, scores: Values, groups: Any, weights: Values | None = None) -> GroupOffsets:
        """Group means, pulled to the mean of all rows by as much as groups differ little and rows much.

        The best linear predictor of a random intercept is (W m + k mu) / (W + k), W a group's weight, m its mean and
        k = variance within / variance between groups (Robinson 1991, "That BLUP is a good thing"), both variances
        estimated by moments from the one-way analysis of variance.
        """
        weight = np.ones(len(scores)) if weights is None else weights
        names, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        overall = float(np.average(scores, weights=weight))
        size: Values = np.bincount(index, weights=weight).astype(np.float64)
        own = np.bincount(index, weights=weight * scores)
        shrinkage = _shrinkage(scores, weight, index, own / size, size, counts)
        sums = own + shrinkage * overall
        means = sums / (size + shrinkage)
        return cls(
            of_row=(sums[index] - weight * scores) / (size[index] - weight + shrinkage),
            typical=float(np.median(means)),
            means=dict(zip(names.tolist(), means.tolist(), strict=True)),
            counts=dict(zip(names.tolist(), counts.tolist(), strict=True)),
            overall=overall,
        )

    def of_at_least(self, rows: int) -> dict[str, float]:
        """The means of the groups that have so many rows, by name."""
        return {str(name): mean for name, mean in self.means.items() if self.counts[name] >= rows}

    def has(self, groups: Any) -> NDArray[np.bool_]:
        """Whether the groups (n,) of new rows have a mean, shape (n,)."""
        return np.array([group in self.means for group in np.asarray(groups).tolist()], dtype=bool)

    def of(self, groups: Any) -> Values:
        """What the groups (n,) of new rows say of their scores, shape (n,)."""
        return np.array([self.means.get(group, self.overall) for group in np.asarray(groups).tolist()])


def _shrinkage(
    scores: Values,
    weight: Values,
    index: NDArray[Any],
    means: Values,
    size: Values,
    counts: NDArray[Any],
) -> float:
    """The weight k with which each group is pulled to the mean of all (see `GroupOffsets.fit`)."""
    rows, groups, total = len(scores), len(counts), size.sum()
    if rows == groups or groups == 1:
        return UNKNOWN_SHRINKAGE
    within = float((weight * (scores - means[index]) ** 2).sum()) / (rows - groups)
    spread = float((size * (means - np.average(scores, weights=weight)) ** 2).sum())
    between = (spread - (groups - 1) * within) / (total - (size**2).sum() / total)
    if between <= within / STRONGEST_SHRINKAGE:
        return STRONGEST_SHRINKAGE
    # A group of two rows is not believed whole, however alike rows are: the variance within is an estimate, too.
    return max(within / between, 1e-3)
