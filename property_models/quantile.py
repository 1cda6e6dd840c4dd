"""Quantiles: intervals that are wide where values vary much, and narrow where they do not."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor

from property_models.head import Array
from property_models.likelihood import minimized
from property_models.linear import Levels
from property_models.regressor import WEIGHER_ALPHA, Regressor

QUANTILES = (0.5, 0.05, 0.95)  # the value, and the first guess at the ends of its interval
LEAST_BANDWIDTH = 0.05  # in standard deviations


class QuantileHead(Regressor):
    """Linear median, and linear 5 and 95% quantiles that the conformal interval begins with (Romano et al. 2019).

    Each minimizes the pinball loss, smoothed by a Gaussian kernel so that it has a gradient everywhere ("conquer": He,
    Pan, Tan & Zhou 2023, eq. 3).

    Args:
        alpha: penalty on the squared weights. noise: standard deviation of Gaussian noise that the vectors are thought
            to carry. Both are as in `RidgeHead`, times the density of a normal value at the quantile, which is the
            curvature of the loss.
        scale: "identity", "log1p" for counts or "logit" for rates.
        random_state: seed of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "quantile"
    search = {"noise": (0.05, 1.5), "alpha": (1e-2, 1e4)}

    def __init__(
        self, *, alpha: float = 1.0, noise: float = 0.0, scale: str = "identity", random_state: int = 0
    ) -> None:
        self.alpha = alpha
        self.noise = noise
        self.scale = scale
        self.random_state = random_state

    def weigher(self) -> QuantileHead:
        """Its interval is as wide as the opinions say."""
        return QuantileHead(alpha=WEIGHER_ALPHA, scale=self.scale, random_state=self.random_state)

    def raw(self, z: Tensor) -> Tensor:
        """Median and both quantiles, (n, 3), as scores without level."""
        tensors = self._cast(z)
        return z @ tensors["weight"].T + tensors["bias"]

    def bounds(self, outputs: Array) -> tuple[Array, Array]:
        return np.minimum(outputs[:, 1], outputs[:, 2]), np.maximum(outputs[:, 1], outputs[:, 2])

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        levels = Levels(weights, groups)
        spread = float(target.std()) or 1.0
        z, y, weight = torch.tensor(levels.off(x)), torch.tensor(levels.off(target) / spread), torch.tensor(weights)
        n, d = z.shape
        bandwidth = max(((d + np.log(n)) / n) ** 0.4, LEAST_BANDWIDTH)  # of He et al., section 4.1
        found = [self._quantile(z, y, weight, share, min(bandwidth, 1.0)) for share in QUANTILES]
        slopes = spread * np.stack([each[:d].numpy() for each in found])
        rest = target[:, None] - x @ slopes.T  # of rows as they are: groups have been taken off their vectors above
        bias = [_weighted_quantile(rest[:, k], share, weights) for k, share in enumerate(QUANTILES)]
        return {"weight": torch.tensor(slopes), "bias": torch.tensor(np.array(bias))}

    def _quantile(self, z: Tensor, y: Tensor, weight: Tensor, share: float, h: float) -> Tensor:
        n, d = z.shape
        penalty = float(norm.pdf(norm.ppf(share))) * (self.alpha + n * self.noise**2)

        def loss(p: Tensor) -> Tensor:
            rest = y - z @ p[:d] - p[d]
            below = torch.special.ndtr(-rest / h)
            density = torch.exp(-(rest / h).square() / 2) / np.sqrt(2 * np.pi)
            pinball = rest * (share - below) + h * density  # E of the pinball loss of rest + h N(0, 1)
            return (penalty * p[:d].square().sum() / 2 + (weight * pinball).sum()) / n

        start = torch.cat([torch.zeros(d), torch.quantile(y, share).reshape(1)])
        return minimized(loss, start)


def _weighted_quantile(values: Array, share: float, weights: Array) -> float:
    order = np.argsort(values)
    mass = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(mass, share * mass[-1]).clip(max=len(order) - 1)])
