"""Boosted trees: what a property may be where no line and no small network finds it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from property_models.base import PropertyModel
from property_models.classifier import Classifier
from property_models.head import Array
from property_models.regressor import Regressor

FIELDS = ("feature_idx", "num_threshold", "left", "right", "value", "is_leaf")


class _Boosting(PropertyModel):
    """Trees on histograms (scikit-learn's HistGradientBoosting, after Ke et al. 2017), kept as arrays of their nodes.

    They have no gradient: a search that needs one refuses an objective with them.
    """

    differentiable = False
    search = {"learning_rate": (0.01, 0.3), "max_leaf_nodes": (7, 63), "alpha": (1e-2, 1e2), "trees": (30, 300)}
    trees_of: ClassVar[type]  # scikit-learn's estimator that grows them

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 15,
        trees: int = 100,
        alpha: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.trees = trees
        self.alpha = alpha
        self.random_state = random_state

    def raw(self, z: Tensor) -> Tensor:
        """Score (n, 1), or a logit for each class (n, classes); no gradient leads back to z."""
        t = self.tensors_
        feature, left, right = (t[name].long() for name in ("feature_idx", "left", "right"))
        threshold, leaf = t["num_threshold"].to(z.dtype), t["is_leaf"].bool()
        node = t["root"].long().expand(len(z), -1)  # (n, trees)
        while not leaf[node].all():
            goes_left = torch.gather(z, 1, feature[node]) <= threshold[node]
            node = torch.where(leaf[node], node, torch.where(goes_left, left[node], right[node]))
        outputs = len(t["baseline"])
        sums = t["value"].to(z.dtype)[node].reshape(len(z), -1, outputs).sum(1)  # trees of an iteration, one an output
        return self._of_sums(t["baseline"].to(z.dtype) + sums)

    def _of_sums(self, sums: Tensor) -> Tensor:
        return sums

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        grown = self.trees_of(
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            max_iter=self.trees,
            l2_regularization=self.alpha,
            random_state=self.random_state,
            early_stopping=False,
        )
        return _tensors(grown.fit(x, target, sample_weight=weights))


class BoostingRegressor(_Boosting, Regressor):
    """Boosted trees for a number.

    Args:
        learning_rate: of a tree. max_leaf_nodes: of a tree. trees: how many. alpha: penalty on the squared values of
            leaves. scale: "identity", "log1p" for counts or "logit" for rates. random_state: seed.
    """

    kind: ClassVar[str] = "boosting-regressor"
    trees_of = HistGradientBoostingRegressor

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 15,
        trees: int = 100,
        alpha: float = 1.0,
        scale: str = "identity",
        random_state: int = 0,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            max_leaf_nodes=max_leaf_nodes,
            trees=trees,
            alpha=alpha,
            random_state=random_state,
        )
        self.scale = scale


class BoostingClassifier(_Boosting, Classifier):
    """Boosted trees for one of several classes; arguments as in `BoostingRegressor`."""

    kind: ClassVar[str] = "boosting-classifier"
    trees_of = HistGradientBoostingClassifier

    def _of_sums(self, sums: Tensor) -> Tensor:
        return sums if sums.shape[1] > 1 else torch.cat([-sums / 2, sums / 2], dim=1)


def _tensors(model: Any) -> dict[str, Tensor]:
    """The nodes of all trees, one after another: (nodes,) each, and the root of each tree, (trees,)."""
    trees = [tree.nodes for iteration in model._predictors for tree in iteration]
    starts = np.concatenate([[0], np.cumsum([len(nodes) for nodes in trees])[:-1]])
    found = {name: np.concatenate([nodes[name] for nodes in trees]).astype(np.float64) for name in FIELDS}
    for name in ("left", "right"):  # a leaf has 0 there, which leads nowhere
        found[name] += np.repeat(starts, [len(nodes) for nodes in trees])
    found["num_threshold"] = _storable(found["num_threshold"])
    found |= {"root": starts.astype(np.float64), "baseline": np.ravel(model._baseline_prediction).astype(np.float64)}
    return {name: torch.tensor(array) for name, array in found.items()}


def _storable(thresholds: Array) -> Array:
    """The least single-precision numbers that are not below: rows that lie on a threshold stay on their side."""
    most = float(np.finfo(np.float32).max)
    single = np.clip(np.nan_to_num(thresholds, posinf=most), -most, most).astype(np.float32)
    return np.where(single < thresholds, np.nextafter(single, np.float32(most)), single).astype(np.float64)
