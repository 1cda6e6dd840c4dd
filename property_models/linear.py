"""Linear heads: ridge and logistic regression."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from property_models.base import Array, Classifier, PropertyModel, Regressor

TOLERANCE = 1e-3  # of conjugate gradients; scikit-learn's own 1e-4 takes twice as long and predicts no better


class _Linear(PropertyModel):
    """A weight for each output and dimension; vectors may be sparse, as those of counted words are."""

    sparse = "csr"

    def raw(self, z: Tensor) -> Tensor:
        """Scores (n, 1) without the offset, or a logit for each class (n, classes)."""
        tensors = self._cast(z)
        return z @ tensors["weight"].T + tensors["bias"]

    def _raw_of(self, X: Any) -> Array:
        if not issparse(X):
            return super()._raw_of(X)
        weight, bias = (self.tensors_[name].numpy() for name in ("weight", "bias"))
        return np.asarray(X @ weight.T + bias, dtype=np.float64)


class RidgeHead(_Linear, Regressor):
    """Ridge regression (Hoerl & Kennard 1970); of sparse vectors by conjugate gradients, without making them dense.

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
        penalty = self.alpha + x.shape[0] * self.noise**2
        ridge = Ridge(alpha=penalty, solver="sparse_cg" if issparse(x) else "auto", tol=TOLERANCE).fit(x, target)
        weight, bias = torch.tensor(ridge.coef_[None]), torch.tensor([float(ridge.intercept_)])
        return {"weight": weight.double(), "bias": bias.double()}


class LogisticHead(_Linear, Classifier):
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
        penalty = self.alpha + 0.25 * x.shape[0] * self.noise**2
        model = LogisticRegression(C=1 / max(penalty, 1e-12), max_iter=self.max_iter).fit(x, target)
        self.n_iter_ = int(model.n_iter_.max())
        weight, bias = model.coef_, model.intercept_
        if outputs == 2:  # scikit-learn keeps one row for two classes; a logit for each is one shape for all
            weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        return {"weight": torch.tensor(weight).double(), "bias": torch.tensor(bias).double()}
