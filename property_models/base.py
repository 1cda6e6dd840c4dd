"""PropertyModel: scikit-learn estimator outside, differentiable forward(z) inside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from property_models.head import Array, Head
from property_models.intervals import PERCENTILES

ROUNDED = 1e-5  # share of a quantile by which it may come back smaller from where it was stored


class PropertyModel(BaseEstimator):
    """What the heads of all families share: fitting in scores, predicting in values, and a torch forward pass.

    It is a `Head` (that protocol says what its methods do), and can be fitted and written down.
    """

    tensors_: dict[str, Tensor]  # all that forward needs; what storage writes
    quantiles_: Array  # (outputs, 101) of the predictions for the fitted rows: scores without level, or log-odds
    n_features_in_: int
    name: str | None = None
    metrics: Mapping[str, Any] | None = None
    kind: ClassVar[str]
    scale: str  # how values become scores: a name of `targets.SCALES`
    search: ClassVar[Mapping[str, tuple[float, float]]]  # where to look for settings, on a logarithmic scale
    sparse: ClassVar[str | bool] = False  # or "csr": vectors may also be a sparse matrix of SciPy
    differentiable = True  # a gradient goes from `forward` back to the vectors

    @abstractmethod
    def raw(self, z: Tensor) -> Tensor:
        """Outputs (n, outputs) for vectors z (n, d): of a number first its score, or a logit for each class."""

    @abstractmethod
    def fit(self, X: Any, y: Any, *, groups: Any = None, weights: Any = None) -> Self:
        """Fit to vectors X (n, d) and values or labels y (n,), perhaps with groups and weights (n,)."""

    @abstractmethod
    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]: ...

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]: ...

    @property
    @abstractmethod
    def properties(self) -> tuple[Head, ...]: ...

    @property
    @abstractmethod
    def score_range(self) -> tuple[float, float]: ...

    @property
    @abstractmethod
    def score_scale(self) -> float: ...

    @property
    @abstractmethod
    def has_interval(self) -> bool: ...

    @property
    @abstractmethod
    def typical(self) -> float | None: ...

    @property
    @abstractmethod
    def groups(self) -> tuple[str, ...]: ...

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor: ...

    @abstractmethod
    def predict(self, X: Any) -> NDArray[Any]: ...

    @abstractmethod
    def predict_score(self, X: Any) -> Array: ...

    @abstractmethod
    def probabilities(self, X: Any) -> Array: ...

    @abstractmethod
    def percentile(self, X: Any) -> Array: ...

    @abstractmethod
    def interval(self, X: Any, *, level: float = 0.9) -> Array: ...

    @abstractmethod
    def to_score(self, value: Any) -> Any: ...

    @abstractmethod
    def to_value(self, score: Any) -> Any: ...

    @abstractmethod
    def tolerance(self, value: Any) -> Any: ...

    @abstractmethod
    def for_class(self, label: Any) -> Head: ...

    @abstractmethod
    def with_typical(self, value: float) -> Self: ...

    @abstractmethod
    def with_group(self, name: str) -> Self: ...

    @abstractmethod
    def for_unseen_group(self) -> Self: ...

    @abstractmethod
    def with_levels_of(self, other: PropertyModel) -> Self:
        """A copy that predicts for the group, and knows the groups, of another head of the same property."""

    @abstractmethod
    def weigher(self) -> PropertyModel:
        """What weighs opinions of the same property, (n, d) outputs of several heads; not fitted yet."""

    @abstractmethod
    def about(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a state holds of a fitted head beside its tensors and parameters: JSON, and arrays."""

    @abstractmethod
    def restore(self, about: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `about` gave, out of `arrays`, too."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self.sparse)
        return tags

    def outputs(self, X: Any) -> Array:
        check_is_fitted(self, "tensors_")
        return self._raw_of(validate_data(self, X, reset=False, dtype=precision_of(X), accept_sparse=self.sparse))

    def _cast(self, z: Tensor) -> dict[str, Tensor]:
        return {k: v.to(z.device, z.dtype) for k, v in self.tensors_.items()}

    def _raw_of(self, X: Any) -> Array:
        with torch.no_grad():
            return np.asarray(self.raw(torch.tensor(X)).numpy())


def share_below(values: Array, quantiles: Array) -> Array:
    """Share (n,) of what had the quantiles (101,) that lies below values (n,); what is as large does not."""
    first = np.searchsorted(quantiles, values - ROUNDED * np.abs(values)).clip(max=len(PERCENTILES) - 1)
    return np.minimum(np.interp(values, quantiles, PERCENTILES, left=0.0, right=1.0), PERCENTILES[first])


def precision_of(X: Any) -> type[np.floating[Any]]:
    """Sparse vectors are many, and counts: half the memory is precision enough for them."""
    return np.float32 if issparse(X) else np.float64
