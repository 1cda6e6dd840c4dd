"""Counts, such as likes, by the distribution that counts have."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from property_models.head import Array
from property_models.likelihood import minimized
from property_models.regressor import WEIGHER_ALPHA, Regressor
from property_models.targets import LEAST_COUNT


class NegativeBinomialHead(Regressor):
    """Negative binomial regression with a log link (NB2; Cameron & Trivedi 1986): its value is the expected count.

    The variance of a count is mean + mean^2 / size, so that a hundred likes more of a thousand weigh as much as ten of
    a hundred, and none is no special case. The size is estimated with the weights.

    Args:
        alpha: penalty on the squared weights, for the sum of the rows' log losses.
        noise: standard deviation of Gaussian noise that the vectors are thought to carry; as in `LogisticHead`, with
            the mean curvature at the start in the place of a quarter.
        random_state: seed of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "negative-binomial"
    scale = "log"
    search = {"noise": (0.05, 1.5), "alpha": (1e-2, 1e4)}

    def __init__(self, *, alpha: float = 1.0, noise: float = 0.0, random_state: int = 0) -> None:
        self.alpha = alpha
        self.noise = noise
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def weigher(self) -> NegativeBinomialHead:
        """It expects a count, and not the logarithm of one."""
        return NegativeBinomialHead(alpha=WEIGHER_ALPHA, random_state=self.random_state)

    def raw(self, z: Tensor) -> Tensor:
        """Log of the expected count less the group's level, (n, 1)."""
        tensors = self._cast(z)
        return z @ tensors["weight"].T + tensors["bias"]

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """As `Regressor.interval`; a count below a half is none."""
        ends = super().interval(X, level=level)
        return np.where(ends <= LEAST_COUNT, 0.0, ends)

    def _fit_numbers(
        self, x: Array, values: Array, known: Array, *, weights: Array, groups: NDArray[np.intp] | None
    ) -> dict[str, Tensor]:
        z, y, level, weight = (torch.tensor(v) for v in (x, values, known, weights))
        d = z.shape[1]
        shift = float(np.log(np.average(values * np.exp(-known), weights=weights) + 1e-6))
        mean = np.exp(known + shift)
        excess = np.average((values / mean - 1) ** 2, weights=weights)
        size = float(np.clip(1 / max(excess, 1e-3), 1e-2, 1e2))
        penalty = self.alpha + len(z) * float(np.mean(mean * size / (mean + size))) * self.noise**2

        def loss(p: Tensor) -> Tensor:
            log_mean, r = level + z @ p[:d] + p[d], p[d + 1].exp()
            fits = y * log_mean + r * p[d + 1] - (y + r) * torch.logaddexp(log_mean, p[d + 1])
            fits = fits + torch.lgamma(y + r) - torch.lgamma(r)
            return (penalty * p[:d].square().sum() / 2 - (weight * fits).sum()) / len(z)

        start = torch.cat([torch.zeros(d), torch.tensor([shift, np.log(size)])])
        found = minimized(loss, start)
        return {"weight": found[None, :d], "bias": found[d : d + 1]}

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        raise NotImplementedError("counts are fitted as they are, and not as scores")
