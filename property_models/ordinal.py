"""Ordered grades, such as one to five stars."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from property_models.base import PropertyModel
from property_models.errors import HeadError
from property_models.head import Array
from property_models.likelihood import minimized
from property_models.regressor import WEIGHER_ALPHA, Regressor

MOST_GRADES = 256
FAR = 1e4  # in the place of infinity, which has no gradient


class OrdinalHead(Regressor):
    """Cumulative logit model, or proportional odds (McCullagh 1980); its value is the expected grade.

    P(grade <= k) = sigmoid(threshold_k - w z), eq. 2.1: no distance between grades is assumed in fitting, and no
    prediction lies outside them.

    Args:
        alpha: penalty on the squared weights, for the sum of the rows' log losses.
        noise: standard deviation of Gaussian noise that the vectors are thought to carry; as in `LogisticHead`.
        random_state: seed of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "ordinal"
    scale = "identity"
    search = {"noise": (0.05, 1.5), "alpha": (1e-2, 1e4)}

    def __init__(self, *, alpha: float = 1.0, noise: float = 0.0, random_state: int = 0) -> None:
        self.alpha = alpha
        self.noise = noise
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, groups: Any = None, weights: Any = None) -> Self:
        """As `Regressor.fit`; raises HeadError for groups, too, and for more grades than 256."""
        if groups is not None:
            raise HeadError("grades have thresholds and no levels of groups; leave the groups out, or take ridge")
        return super().fit(X, y, weights=weights)

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """As `Regressor.interval`, within the grades."""
        grades = self.tensors_["grades"].numpy() + self.level_
        return super().interval(X, level=level).clip(grades[0], grades[-1])

    def weigher(self) -> OrdinalHead:
        """It keeps to the grades."""
        return OrdinalHead(alpha=WEIGHER_ALPHA, random_state=self.random_state)

    def with_levels_of(self, other: PropertyModel) -> Self:
        return self  # grades have thresholds

    def raw(self, z: Tensor) -> Tensor:
        """The expected grade, (n, 1), less the mean of all."""
        tensors = self._cast(z)
        above = (z @ tensors["weight"].T - tensors["thresholds"]).sigmoid()  # (n, grades - 1)
        grades = tensors["grades"]
        return grades[:1] + (above * grades.diff()).sum(1, keepdim=True)

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        grades, index, counts = np.unique(target, return_inverse=True, return_counts=True)
        if len(grades) > MOST_GRADES:
            raise HeadError(f"grades are {MOST_GRADES} at most, got {len(grades)}; take ridge for numbers")
        z, weight, k = torch.tensor(x), torch.tensor(weights), torch.tensor(index)
        d = z.shape[1]
        penalty = self.alpha + 0.25 * len(z) * self.noise**2

        def thresholds(p: Tensor) -> Tensor:
            return torch.cumsum(torch.cat([p[d : d + 1], p[d + 1 :].exp()]), 0)  # they rise, whatever p is

        def loss(p: Tensor) -> Tensor:
            ends = torch.cat([torch.tensor([-FAR]), thresholds(p), torch.tensor([FAR])]).double()
            score = z @ p[:d]
            low, high = ends[k] - score, ends[k + 1] - score
            # log(sigmoid(high) - sigmoid(low)), without the difference of two numbers that are nearly one
            inside = logsigmoid(high) + logsigmoid(-low) + torch.log(-torch.expm1(low - high))
            return (penalty * p[:d].square().sum() / 2 - (weight * inside).sum()) / len(z)

        if len(grades) == 1:
            return {"weight": torch.zeros(1, d), "thresholds": torch.zeros(1, 0), "grades": torch.tensor(grades)}
        share = np.cumsum(counts)[:-1] / counts.sum()
        first = torch.tensor(np.log(share / (1 - share)))
        found = minimized(loss, torch.cat([torch.zeros(d), first[:1], first.diff().clamp_min(1e-3).log()]))
        return {"weight": found[None, :d], "thresholds": thresholds(found)[None], "grades": torch.tensor(grades)}
