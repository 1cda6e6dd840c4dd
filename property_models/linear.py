"""Linear heads: ridge and logistic regression."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from property_models.base import Array, Classifier, Regressor


class RidgeHead(Regressor):
    """Ridge regression (Hoerl & Kennard 1970).

    Args:
        alpha: penalty on the squared weights.
        noise: standard deviation of Gaussian noise that the vectors are thought to carry. Fitting on many noisy
            copies of the rows has the same solution as the penalty n * noise^2 (Bishop 1995, "Training with noise"),
            which is what is done.
        scale: "identity", or "log1p" for counts.
        random_state: seed of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "ridge"

    def __init__(
        self, *, alpha: float = 1.0, noise: float = 0.0, scale: str = "identity", random_state: int = 0
    ) -> None:
        self.alpha = alpha
        self.noise = noise
        self.scale = scale
        self.random_state = random_state

    def _fit_raw(self, x: Array, target: NDArray[Any], outputs: int) -> dict[str, Tensor]:
        ridge = Ridge(alpha=self.alpha + len(x) * self.noise**2).fit(x, target)
        return {"weight": torch.tensor(ridge.coef_[None]), "bias": torch.tensor([float(ridge.intercept_)])}

    def raw(self, z: Tensor) -> Tensor:
        """Scores (n, 1), without the offset."""
        tensors = self._cast(z)
        return z @ tensors["weight"].T + tensors["bias"]


class LogisticHead(Classifier):
    """Logistic regression, binary or multinomial.

    Args:
        alpha: penalty on the squared weights, for the sum of the rows' log losses.
        noise: standard deviation of Gaussian noise that the vectors are thought to carry; as in `RidgeHead` to
            second order: the curvature of the log loss, at most a quarter, takes the place of the squared loss's.
        max_iter: most iterations of the solver.
    """

    kind: ClassVar[str] = "logistic"

    def __init__(self, *, alpha: float = 1.0, noise: float = 0.0, max_iter: int = 300) -> None:
        self.alpha = alpha
        self.noise = noise
        self.max_iter = max_iter

    def _fit_raw(self, x: Array, target: NDArray[Any], outputs: int) -> dict[str, Tensor]:
        penalty = self.alpha + 0.25 * len(x) * self.noise**2
        model = LogisticRegression(C=1 / max(penalty, 1e-12), max_iter=self.max_iter).fit(x, target)
        self.n_iter_ = int(model.n_iter_.max())
        weight, bias = model.coef_, model.intercept_
        if outputs == 2:  # scikit-learn keeps one row for two classes; a logit for each is one shape for all
            weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        return {"weight": torch.tensor(weight), "bias": torch.tensor(bias)}

    def raw(self, z: Tensor) -> Tensor:
        """A logit for each class, (n, classes)."""
        tensors = self._cast(z)
        return z @ tensors["weight"].T + tensors["bias"]
