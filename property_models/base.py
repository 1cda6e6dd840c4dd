"""PropertyModel: scikit-learn estimator outside, differentiable forward(z) inside."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from property_models.errors import HeadError
from property_models.intervals import conformal_radius
from property_models.targets import GroupOffsets, checked_scores, to_score, to_value

Array = NDArray[np.float64]
FEWEST_TO_CALIBRATE = 100  # rows: below this, none are set aside and there are no intervals
CALIBRATION_SHARE = 0.1
KEPT_RESIDUALS = 2000
PROBABILITY_TOLERANCE = 0.1
PERCENTILES = np.linspace(0, 1, 101)


class PropertyModel(BaseEstimator):
    """What all heads share: fitting in scores, predicting in values, and a torch forward pass.

    A score is a value as the loss sees it: log1p of a count, log-odds of a class.
    """

    tensors_: dict[str, Tensor]  # all that forward needs; what storage writes
    quantiles_: Array  # (outputs, 101) of the predictions for the fitted rows: scores without offset, or log-odds
    n_features_in_: int
    name: str | None = None
    metrics: Mapping[str, Any] | None = None
    kind: ClassVar[str]
    search: ClassVar[Mapping[str, tuple[float, float]]]  # where to look for settings, on a logarithmic scale
    sparse: ClassVar[str | bool] = False  # or "csr": vectors may also be a sparse matrix of SciPy
    differentiable = True  # a gradient goes from `forward` back to the vectors

    @abstractmethod
    def raw(self, z: Tensor) -> Tensor:
        """Outputs (n, outputs) for vectors z (n, d): scores, or a logit for each class; differentiable."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Scores (n,) of vectors z (n, d); differentiable, in z's dtype."""

    @abstractmethod
    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]: ...

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self.sparse)
        return tags

    def _cast(self, z: Tensor) -> dict[str, Tensor]:
        return {k: v.to(z.device, z.dtype) for k, v in self.tensors_.items()}

    def outputs(self, X: Any) -> Array:
        """What `raw` says of vectors X (n, d): (n, outputs), of a number its score without the offset."""
        check_is_fitted(self, "tensors_")
        return self._raw_of(validate_data(self, X, reset=False, dtype=_precision(X), accept_sparse=self.sparse))

    def _raw_of(self, X: Any) -> Array:
        with torch.no_grad():
            return np.asarray(self.raw(torch.tensor(X)).numpy())


class Regressor(RegressorMixin, PropertyModel):
    """A head for a number. `scale` says how the loss sees it: "identity", or "log1p" for counts."""

    scale: str
    random_state: int
    classes: tuple[str, ...] = ()  # it knows numbers

    @property
    def properties(self) -> tuple[Self]:
        """What can be wished for: the number."""
        return (self,)

    def fit(self, X: Any, y: Any, *, groups: Any = None, weights: Any = None) -> Self:
        """Fit to vectors X (n, d) and values y (n,).

        A tenth of the rows, from 100 rows on, is set aside for the intervals.

        Args:
            X: vectors. y: values, in their natural unit.
            groups: (n,) the group of each row, such as who wrote it. The model then learns what a vector says
                within its group, and predicts for a group whose own typical value is known (see `with_typical`).
            weights: (n,) above 0, how much is known of each row; for rates, from how many trials they are.

        Raises:
            HeadError: if scale is unknown, or a value is none that the scale has.
        """
        X, y = validate_data(self, X, y, dtype=_precision(X), y_numeric=True, accept_sparse=self.sparse)
        score = checked_scores(y.astype(np.float64), self.scale)
        weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64) / np.mean(weights)
        offsets = None if groups is None else GroupOffsets.fit(score, groups, weight)
        mean = float(np.average(score, weights=weight))
        self.grouped_ = groups is not None
        self.offset_ = offsets.typical if offsets else mean
        rest = score - (offsets.of_row if offsets else mean)
        self.score_scale_ = float(rest.std()) or 1.0
        self._range = np.quantile(rest, [0.001, 0.999])
        order = np.random.default_rng(self.random_state).permutation(len(rest))
        aside = int(CALIBRATION_SHARE * len(rest)) if len(rest) >= FEWEST_TO_CALIBRATE else 0
        fitting, calibration = order[aside:], order[:aside]
        target = score - (offsets.of(groups) if offsets else mean)
        codes = None if groups is None else np.unique(np.asarray(groups)[fitting], return_inverse=True)[1]
        self.tensors_ = self._fit_raw(X[fitting], target[fitting], 1, weights=weight[fitting], groups=codes)
        unseen = self._raw_of(X[calibration] if aside else X)[:, 0]
        self.quantiles_ = np.quantile(unseen, PERCENTILES)[None]
        errors = np.abs(unseen - rest[calibration]) if aside else np.zeros(0)
        self.residuals_ = np.sort(errors)[:: max(1, len(errors) // KEPT_RESIDUALS)]
        return self

    def forward(self, z: Tensor) -> Tensor:
        """Scores (n,) of vectors z (n, d)."""
        return self.raw(z)[:, 0] + self.offset_

    def predict(self, X: Any) -> Array:
        """Values (n,) of vectors X (n, d)."""
        return np.asarray(self.to_value(self.predict_score(X)), dtype=np.float64)

    def predict_score(self, X: Any) -> Array:
        """Scores (n,) of vectors X (n, d); that of a count may be below 0, where `predict` says 0."""
        return self.outputs(X)[:, 0] + self.offset_

    def percentile(self, X: Any) -> Array:
        """Share (n,) of the rows that the head was fitted to, their groups left aside, for which it predicts less."""
        return _share_below(self.outputs(X)[:, 0], self.quantiles_[0])

    def to_score(self, value: Any) -> Any:
        """Values to scores, elementwise."""
        return to_score(value, self.scale)

    def to_value(self, score: Any) -> Any:
        """Scores to values, elementwise."""
        return to_value(score, self.scale)

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """Values (n, 2) between which a share `level` of new rows lies (split conformal, Lei et al. 2018).

        Raises:
            HeadError: if the head was fitted on too few rows to set some aside.
        """
        score = self.predict_score(X)
        if not len(self.residuals_):
            raise HeadError(f"an interval needs a head fitted on {FEWEST_TO_CALIBRATE} rows or more; fit it on more")
        radius = conformal_radius(self.residuals_, level)
        return np.asarray(self.to_value(np.stack([score - radius, score + radius], 1)), dtype=np.float64)

    def tolerance(self, value: Any) -> Any:
        """How far from a wished value counts as reached: a quarter of a count or rate, else of `score_scale`."""
        return 0.25 * self.score_scale if self.scale == "identity" else 0.25 * abs(value)

    @property
    def has_interval(self) -> bool:
        """Whether rows enough were there to set some aside for `interval`."""
        return len(self.residuals_) > 0

    @property
    def score_scale(self) -> float:
        """Standard deviation of the training scores, within groups if there are groups."""
        return self.score_scale_

    @property
    def score_range(self) -> tuple[float, float]:
        """Scores between which all but the outermost 0.2% of the training rows lie."""
        low, high = self._range
        return float(low + self.offset_), float(high + self.offset_)

    @property
    def typical(self) -> float | None:
        """The value of the group that is predicted for; None for a head without groups."""
        return float(self.to_value(np.array(self.offset_))) if self.grouped_ else None

    def with_typical(self, value: float) -> Self:
        """A copy that predicts for a group with this typical value.

        Raises:
            HeadError: if the head was fitted without groups, or the value is none that it could have.
        """
        if not self.grouped_:
            raise HeadError("a typical value is that of a group, but this head was fitted without; fit it with groups")
        other = copy.copy(self)
        other.offset_ = float(checked_scores(np.array([float(value)]), self.scale)[0])
        return other


class Classifier(ClassifierMixin, PropertyModel):
    """A head for one of several classes; its value is a class's probability, its score the log-odds."""

    classes_: NDArray[Any]
    score_scale = 1.0
    score_range = (-6.0, 6.0)
    typical = None
    has_interval = False

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in words, in the order of `classes_`."""
        return tuple(map(str, self.classes_))

    @property
    def properties(self) -> tuple[ClassView, ...]:
        """What can be wished for: each class, in the order of `classes`."""
        return tuple(ClassView(self, i) for i in range(len(self.classes_)))

    def with_typical(self, value: float) -> Self:
        """Raise HeadError: a typical value is one of numbers."""
        raise HeadError("a typical value is one of numbers, but this head knows classes")

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to vectors X (n, d) and labels y (n,) of two classes or more."""
        X, y = validate_data(self, X, y, dtype=_precision(X), accept_sparse=self.sparse)
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise HeadError(f"a classifier needs two classes or more, got one class: {self.classes_[0]!r}")
        self.tensors_ = self._fit_raw(X, index, len(self.classes_), weights=np.ones(len(index)))
        log_odds = np.stack([ClassView(self, k).log_odds(self._raw_of(X)) for k in range(len(self.classes_))])
        self.quantiles_ = np.quantile(log_odds, PERCENTILES, axis=1).T
        return self

    def forward(self, z: Tensor) -> Tensor:
        """Log-odds (n,) of the second of two classes for vectors z (n, d)."""
        if len(self.classes_) != 2:
            raise HeadError(f"there are {len(self.classes_)} classes: choose one with for_class: {self._known()}")
        logits = self.raw(z)
        return logits[:, 1] - logits[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, classes)."""
        return np.asarray(softmax(self.outputs(X), axis=1))

    def predict_score(self, X: Any) -> Array:
        """Log-odds (n,) of the second of two classes for vectors X (n, d)."""
        return self.second.predict_score(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels (n,)."""
        likeliest = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[likeliest])

    def to_score(self, value: Any) -> Any:
        """Probabilities to log-odds."""
        return _logit(value)

    def to_value(self, score: Any) -> Any:
        """Log-odds to probabilities."""
        return _sigmoid(score)

    def tolerance(self, value: Any) -> Any:
        """How far from a wished probability counts as reached."""
        return PROBABILITY_TOLERANCE

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """Raise HeadError: a probability says itself how sure it is."""
        raise HeadError("the probability of a class has no interval; ask `has_interval` first")

    def for_class(self, label: Any) -> ClassView:
        """The head of one class."""
        known = {str(c): i for i, c in enumerate(self.classes_)}
        if str(label) not in known:
            raise HeadError(f"{label!r} is no class of this head; it knows {self._known()}")
        return ClassView(self, known[str(label)])

    @property
    def second(self) -> ClassView:
        """The second of two classes, which is the one that `predict_score` speaks of."""
        if len(self.classes_) != 2:
            raise HeadError(f"there are {len(self.classes_)} classes: choose one with for_class: {self._known()}")
        return ClassView(self, 1)

    def _known(self) -> str:
        return ", ".join(map(str, self.classes_))


class ClassView:
    """One class of a classifier as a head of its own: log-odds forward, its probability as value."""

    score_scale = 1.0
    score_range = Classifier.score_range
    typical = None
    has_interval = False

    def __init__(self, head: Classifier, index: int) -> None:
        self.head = head
        self.index = index

    @property
    def properties(self) -> tuple[ClassView]:
        """What can be wished for: the class."""
        return (self,)

    @property
    def label(self) -> str:
        """The class."""
        return str(self.head.classes_[self.index])

    @property
    def name(self) -> str:
        """The property and the class, `mood=glad`: each class is a property of its own."""
        return f"{self.head.name or 'class'}={self.label}"

    @property
    def differentiable(self) -> bool:
        """As the classifier."""
        return self.head.differentiable

    def forward(self, z: Tensor) -> Tensor:
        """Log-odds (n,) of the class against all others for vectors z (n, d)."""
        logits = self.head.raw(z)
        others = [i for i in range(logits.shape[1]) if i != self.index]
        return logits[:, self.index] - logits[:, others].logsumexp(1)

    def predict_score(self, X: Any) -> Array:
        """Log-odds (n,) of the class against all others for vectors X (n, d)."""
        return self.log_odds(self.head.outputs(X))

    def log_odds(self, logits: Array) -> Array:
        """Log-odds (n,) of the class by logits (n, classes)."""
        return np.asarray(logits[:, self.index] - logsumexp(np.delete(logits, self.index, axis=1), axis=1))

    def percentile(self, X: Any) -> Array:
        """Share (n,) of the rows that the head was fitted to that it finds less likely to be of the class."""
        return _share_below(self.predict_score(X), self.head.quantiles_[self.index])

    def predict(self, X: Any) -> Array:
        """Probabilities (n,) of the class."""
        return self.head.predict_proba(X)[:, self.index]

    def to_score(self, value: Any) -> Any:
        """Probabilities to log-odds."""
        return _logit(value)

    def to_value(self, score: Any) -> Any:
        """Log-odds to probabilities."""
        return _sigmoid(score)

    def tolerance(self, value: Any) -> Any:
        """How far from a wished probability counts as reached."""
        return PROBABILITY_TOLERANCE

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """Raise HeadError, as the classifier does."""
        return self.head.interval(X, level=level)


def _share_below(values: Array, quantiles: Array) -> Array:
    return np.interp(values, quantiles, PERCENTILES, left=0.0, right=1.0)


def _precision(X: Any) -> type[np.floating[Any]]:
    """Sparse vectors are many, and counts: half the memory is precision enough for them."""
    return np.float32 if issparse(X) else np.float64


def _logit(p: Any) -> Any:
    if isinstance(p, Tensor):
        return torch.logit(p, eps=1e-6)
    p = np.clip(np.asarray(p, dtype=float), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def _sigmoid(score: Any) -> Any:
    return score.sigmoid() if isinstance(score, Tensor) else 1 / (1 + np.exp(-np.asarray(score, dtype=float)))
