"""Linear heads: ridge and logistic regression."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from property_models.base import PropertyModel
from property_models.classifier import Classifier
from property_models.head import Array
from property_models.regressor import Regressor

LEFT = 0.5  # share of a large group's mean vector that is left in its rows; see `RidgeHead`
FEW = 20.0  # rows: a group of so many has 0.7 of that share
TOLERANCE = 1e-3  # of conjugate gradients; 1e-4 takes twice as long and predicts no better
SPARSE_TOLERANCE = 1e-5  # of the logistic solver: gradients of rare words are small, and 1e-4 stops after nine steps


class _Linear(PropertyModel):
    """A weight for each output and dimension; vectors may be sparse, as those of counted words are."""

    sparse = "csr"
    search = {"noise": (0.05, 1.5), "alpha": (1e-2, 1e4)}

    def raw(self, z: Tensor) -> Tensor:
        """Scores (n, 1) without the offset, or a logit for each class (n, classes)."""
        tensors = self._cast(z)
        return self._of_rows(z @ tensors["weight"].T + tensors["bias"])

    def _raw_of(self, X: Any) -> Array:
        if not issparse(X):
            return super()._raw_of(X)
        weight, bias = (self.tensors_[name].numpy() for name in ("weight", "bias"))
        return self._of_rows(torch.tensor(X @ weight.T + bias, dtype=torch.float64)).numpy()

    def _of_rows(self, out: Tensor) -> Tensor:
        """Outputs of what the rows of the weights say, (n, rows)."""
        return out

    def _fit_raw(
        self, x: Any, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        if not issparse(x) or not x.nnz:
            return self._solved(x, target, weights, groups)
        seen = np.unique(x.indices)  # the others keep a weight of nought: of hashed words, few rows have few
        found = self._solved(x[:, seen], target, weights, groups)
        weight = torch.zeros(len(found["weight"]), x.shape[1], dtype=torch.float64)
        weight[:, seen] = found["weight"]
        return found | {"weight": weight}

    @abstractmethod
    def _solved(
        self, x: Any, target: NDArray[Any], weights: Array, groups: NDArray[np.intp] | None
    ) -> dict[str, Tensor]:
        """The weight (rows, d) and the bias (rows,) for vectors (n, d)."""


class RidgeHead(_Linear, Regressor):
    """Ridge regression (Hoerl & Kennard 1970); of sparse vectors by conjugate gradients, without making them dense.

    With groups, a group's mean is taken off its rows' vectors and scores alike, as in the within estimator of a linear
    model with an intercept for each group: what tells groups apart is no evidence of what tells their rows apart. Half
    of the vectors' means is taken off: measured on 40,000 tweets, words, shares taken off of 0, 0.5 and 1 explain 28.8,
    30.8 and 31.3% of the variance within accounts, and 26.2, 24.6 and 18.9% where only an account's level is known.

    Args:
        alpha: penalty on the squared weights.
        noise: standard deviation of Gaussian noise that the vectors are thought to carry. Fitting on many noisy
            copies of the rows has the same solution as the penalty n * noise^2 (Bishop 1995, "Training with noise"),
            which is what is done.
        scale: "identity", "log1p" for counts or "logit" for rates.
        positive: weights are at least 0, for dimensions that each are an opinion of the value.
        random_state: seed of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "ridge"

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        noise: float = 0.0,
        scale: str = "identity",
        positive: bool = False,
        random_state: int = 0,
    ) -> None:
        self.alpha = alpha
        self.noise = noise
        self.scale = scale
        self.positive = positive
        self.random_state = random_state

    def _solved(
        self, x: Any, target: NDArray[Any], weights: Array, groups: NDArray[np.intp] | None
    ) -> dict[str, Tensor]:
        penalty = self.alpha + x.shape[0] * self.noise**2
        levels = Levels(weights, groups)
        if issparse(x) and not self.positive:
            weight = _sparse_ridge(x, target, penalty, levels)
        else:
            root = np.sqrt(weights)
            centred = root[:, None] * levels.off(x.toarray() if issparse(x) else x)
            ridge = Ridge(alpha=penalty, fit_intercept=False, positive=self.positive)
            weight = ridge.fit(centred, root * levels.off(target)).coef_
        level = np.average(target - np.asarray(x @ weight), weights=weights)
        return {"weight": torch.tensor(weight[None]).double(), "bias": torch.tensor([float(level)]).double()}


class Levels:
    """What is taken off rows before weights are fitted to them: the mean of all, and most of their group's.

    Of a group's mean vector a share d is left, so that weights which would move whole groups cost a little. d is half
    for large groups and nothing for small ones, whose mean is mostly their rows' own chance.
    """

    def __init__(self, weights: Array, groups: NDArray[np.intp] | None) -> None:
        self.weights = weights
        self.index = np.zeros(len(weights), dtype=np.intp) if groups is None else groups
        self.size = np.bincount(self.index, weights=weights)
        rows = np.bincount(self.index)
        self.left = np.zeros(1) if groups is None else LEFT * np.sqrt(rows / (rows + FEW))

    def off(self, v: Array) -> Array:
        """Rows (n,) or (n, d) as they are fitted: v - v_g + d (v_g - c), c the mean that fits best."""
        within, between = self._parts(v)
        return within + (between.T * self.left).T[self.index]

    def normal(self, v: Array) -> Array:
        """The product off' W off v for v (n,), W the weights: what a quadratic form in `off(v)` has as its matrix."""
        within, between = self._parts(v)
        return self.weights * (within + (between * self.left**2)[self.index])

    def _parts(self, v: Array) -> tuple[Array, Array]:
        columns = v[:, None] if v.ndim == 1 else v
        sums = [
            np.bincount(self.index, weights=self.weights * column, minlength=len(self.size)) for column in columns.T
        ]
        means = (np.stack(sums, axis=1) / self.size[:, None]).reshape(len(self.size), *v.shape[1:])
        share = self.size * self.left**2
        between = means - (share @ means) / share.sum() if share.any() else np.zeros_like(means)
        return v - means[self.index], between


def _sparse_ridge(x: Any, target: Array, penalty: float, levels: Levels) -> NDArray[np.float64]:
    """Solve (X' P' W P X + penalty) w = X' P' W P y, P being `levels.off`, without forming any of the products."""
    transposed = x.T.tocsr()

    def normal(w: Array) -> Array:
        return np.asarray(transposed @ levels.normal(x @ w.ravel()) + penalty * w.ravel())

    operator = LinearOperator((x.shape[1], x.shape[1]), matvec=normal, dtype=np.float64)
    weight, _ = cg(operator, transposed @ levels.normal(target), rtol=TOLERANCE)
    return np.asarray(weight)


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

    def _of_rows(self, out: Tensor) -> Tensor:
        # Of two classes one row of weights is kept, as scikit-learn does; a logit for each is one shape for all.
        return out if out.shape[1] > 1 else torch.cat([-out / 2, out / 2], dim=1)

    def _solved(
        self, x: Any, target: NDArray[Any], weights: Array, groups: NDArray[np.intp] | None
    ) -> dict[str, Tensor]:
        penalty = self.alpha + 0.25 * x.shape[0] * self.noise**2
        tolerance = SPARSE_TOLERANCE if issparse(x) else 1e-4
        model = LogisticRegression(C=1 / max(penalty, 1e-12), max_iter=self.max_iter, tol=tolerance)
        model.fit(x, target, sample_weight=weights)
        self.n_iter_ = int(model.n_iter_.max())
        return {"weight": torch.tensor(model.coef_).double(), "bias": torch.tensor(model.intercept_).double()}
