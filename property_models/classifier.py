"""Heads for one of several classes, and one class of such a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data
from torch import Tensor

from property_models.base import PropertyModel, precision_of, share_below
from property_models.errors import HeadError
from property_models.head import Array
from property_models.intervals import PERCENTILES

PROBABILITY_TOLERANCE = 0.1
SCORE_RANGE = (-6.0, 6.0)  # log-odds
EPSILON = 1e-6
WEIGHER_ALPHA = 1.0  # a weight for each class and each opinion of it: many, on rows that may be few


class _Probability:
    """What is said alike of a classifier and of one of its classes."""

    scale = "logit"
    score_scale = 1.0
    score_range = SCORE_RANGE
    typical = None
    has_interval = False
    groups: tuple[str, ...] = ()

    def to_score(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return torch.logit(value, eps=EPSILON)
        p = np.clip(np.asarray(value, dtype=float), EPSILON, 1 - EPSILON)
        return np.log(p / (1 - p))

    def to_value(self, score: Any) -> Any:
        return score.sigmoid() if isinstance(score, Tensor) else 1 / (1 + np.exp(-np.asarray(score, dtype=float)))

    def tolerance(self, value: Any) -> Any:
        return PROBABILITY_TOLERANCE

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        raise HeadError("the probability of a class has no interval; ask `has_interval` first")

    def with_typical(self, value: float) -> NoReturn:
        raise HeadError("a typical value is one of numbers, but this property is one of classes")

    def with_group(self, name: str) -> NoReturn:
        raise HeadError("groups are those of numbers, but this property is one of classes")

    def for_unseen_group(self) -> NoReturn:
        raise HeadError("groups are those of numbers, but this property is one of classes")


class Classifier(_Probability, ClassifierMixin, PropertyModel):
    """A head for one of several classes; its value is a class's probability, its score the log-odds."""

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, *, groups: Any = None, weights: Any = None) -> Self:
        """Fit to vectors X (n, d) and labels y (n,) of two classes or more, perhaps weighted (n,).

        Raises:
            HeadError: if there is one class, or if there are groups.
        """
        if groups is not None:
            raise HeadError("groups are for numbers, but the values are classes; leave the groups out, or fit numbers")
        X, y = validate_data(self, X, y, dtype=precision_of(X), accept_sparse=self.sparse)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise HeadError(f"a classifier needs two classes or more, got one class: {self.classes_[0]!r}")
        weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64) / np.mean(weights)
        self.tensors_ = self._fit_raw(X, index, len(self.classes_), weights=weight)
        logits = self._raw_of(X)
        log_odds = np.stack([each.log_odds(logits) for each in self.properties])
        self.quantiles_ = np.quantile(log_odds, PERCENTILES, axis=1).T
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(map(str, self.classes_.tolist()))

    @property
    def properties(self) -> tuple[ClassView, ...]:
        return tuple(ClassView(self, k) for k in range(len(self.classes_)))

    def forward(self, z: Tensor) -> Tensor:
        return self._second().forward(z)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, classes), by scikit-learn's name."""
        return np.asarray(softmax(self.outputs(X), axis=1))

    def probabilities(self, X: Any) -> Array:
        return self.predict_proba(X)

    def predict_score(self, X: Any) -> Array:
        return self._second().predict_score(X)

    def percentile(self, X: Any) -> Array:
        return self._second().percentile(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels (n,)."""
        likeliest = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[likeliest])

    def for_class(self, label: Any) -> ClassView:
        if str(label) not in self.classes:
            raise HeadError(f"{label!r} is no class of this head; it knows {', '.join(self.classes)}")
        return self.properties[self.classes.index(str(label))]

    def with_levels_of(self, other: PropertyModel) -> Self:
        return self

    def weigher(self) -> Classifier:
        from property_models.linear import LogisticHead  # which is a Classifier: it is not there before this

        return LogisticHead(alpha=WEIGHER_ALPHA)

    def about(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"classes": self.classes_.tolist()}, {}

    def restore(self, about: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.classes_ = np.array(about["classes"])

    def _second(self) -> ClassView:
        if len(self.classes_) != 2:
            known = ", ".join(self.classes)
            raise HeadError(f"there are {len(self.classes_)} classes: choose one with for_class: {known}")
        return self.properties[1]


class ClassView(_Probability):
    """One class of a classifier as a head of its own: log-odds forward, its probability as value."""

    classes: tuple[str, ...] = ()

    def __init__(self, head: Classifier, index: int) -> None:
        self.head = head
        self.index = index

    @property
    def properties(self) -> tuple[ClassView]:
        return (self,)

    @property
    def label(self) -> str:
        """The class."""
        return self.head.classes[self.index]

    @property
    def name(self) -> str:
        return f"{self.head.name or 'class'}={self.label}"

    @property
    def differentiable(self) -> bool:
        return self.head.differentiable

    def forward(self, z: Tensor) -> Tensor:
        logits = self.head.raw(z)
        others = [i for i in range(logits.shape[1]) if i != self.index]
        return logits[:, self.index] - logits[:, others].logsumexp(1)

    def outputs(self, X: Any) -> Array:
        return self.predict_score(X)[:, None]

    def predict_score(self, X: Any) -> Array:
        return self.log_odds(self.head.outputs(X))

    def log_odds(self, logits: Array) -> Array:
        """Log-odds (n,) of the class by logits (n, classes)."""
        return np.asarray(logits[:, self.index] - logsumexp(np.delete(logits, self.index, axis=1), axis=1))

    def percentile(self, X: Any) -> Array:
        return share_below(self.predict_score(X), self.head.quantiles_[self.index])

    def predict(self, X: Any) -> Array:
        return self.head.predict_proba(X)[:, self.index]

    def probabilities(self, X: Any) -> Array:
        return np.zeros((len(self.predict(X)), 0))

    def for_class(self, label: Any) -> NoReturn:
        raise HeadError(f"{label!r}: a class is asked for, but this is one class already: {self.label}")
