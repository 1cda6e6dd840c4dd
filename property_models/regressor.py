"""Heads for a number."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data
from torch import Tensor

from property_models.base import PropertyModel, precision_of, share_below
from property_models.errors import HeadError
from property_models.head import Array
from property_models.intervals import PERCENTILES, conformal_radius, unseen_radii
from property_models.targets import SCALES, GroupOffsets, checked_scores, to_score, to_value

FEWEST_TO_CALIBRATE = 100  # rows: below this, none are set aside and there are no intervals
CALIBRATION_SHARE = 0.1
WEIGHER_ALPHA = 1e-3  # opinions are few, and each is a guess at the value
KEPT_RESIDUALS = 2000
FEWEST_OF_GROUP = 5  # rows: the level of a smaller group is mostly that of all, and is not kept
UNGROUPED = "a typical value is that of a group, but this head was fitted without; fit it with groups"


class Regressor(RegressorMixin, PropertyModel):
    """A head for a number. `scale` says how the loss sees it, as "log1p" for counts (see `targets.SCALES`).

    A group has a level, a random intercept of which a small group is believed little (see `GroupOffsets`): what a
    vector says is learned within groups, and added to the level of the group that is predicted for.
    """

    scale: str
    random_state: int
    level_: float  # the level of the group that is predicted for, as a score
    levels_: Mapping[str, float]  # of groups by name, as scores
    residuals_: Array  # conformity scores of the rows that were set aside, sorted
    unseen_residuals_: Array  # the same where the group of a row is not known

    def fit(self, X: Any, y: Any, *, groups: Any = None, weights: Any = None) -> Self:
        """Fit to vectors X (n, d) and values y (n,).

        A tenth of the rows, from 100 rows on, is set aside for the intervals.

        Args:
            X: vectors. y: values, in their natural unit.
            groups: (n,) the group of each row, such as who wrote it.
            weights: (n,) above 0, how much is known of each row; for rates, from how many trials they are.

        Raises:
            HeadError: if scale is unknown, or a value is none that the scale has.
        """
        X, y = validate_data(self, X, y, dtype=precision_of(X), y_numeric=True, accept_sparse=self.sparse)
        score = checked_scores(y.astype(np.float64), self.scale)
        weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64) / np.mean(weights)
        offsets = None if groups is None else GroupOffsets.fit(score, groups, weight)
        mean = float(np.average(score, weights=weight))
        self.grouped_ = groups is not None
        self.level_ = offsets.typical if offsets else mean
        self.levels_ = offsets.of_at_least(FEWEST_OF_GROUP) if offsets else {}
        rest = score - (offsets.of_row if offsets else mean)
        self.score_scale_ = float(rest.std()) or 1.0
        self._range = np.quantile(rest, [0.001, 0.999])
        order = np.random.default_rng(self.random_state).permutation(len(rest))
        aside = int(CALIBRATION_SHARE * len(rest)) if len(rest) >= FEWEST_TO_CALIBRATE else 0
        fitting, calibration = order[aside:], order[:aside]
        known = offsets.of(groups) if offsets else np.full(len(score), mean)
        codes = None if groups is None else np.unique(np.asarray(groups)[fitting], return_inverse=True)[1]
        self.tensors_ = self._fit_numbers(
            X[fitting], y[fitting].astype(np.float64), known[fitting], weights=weight[fitting], groups=codes
        )
        said = self._raw_of(X[calibration] if aside else X)
        self.quantiles_ = np.quantile(said[:, 0], PERCENTILES)[None]
        self.residuals_ = self.unseen_residuals_ = np.zeros(0)
        if aside:
            self.residuals_ = np.sort(self._misses(said, rest[calibration]))
            self.residuals_ = self.residuals_[:: max(1, aside // KEPT_RESIDUALS)]
        if aside and offsets:
            misses = self._misses(said, (score - self.level_)[calibration])
            self.unseen_residuals_ = unseen_radii(misses, np.asarray(groups)[calibration])
        return self

    def _fit_numbers(
        self, x: Array, values: Array, known: Array, *, weights: Array, groups: NDArray[np.intp] | None
    ) -> dict[str, Tensor]:
        """Fit to values (n,) of which a part of the scores (n,) is known: the group's level, or the mean."""
        return self._fit_raw(x, to_score(values, self.scale) - known, 1, weights=weights, groups=groups)

    def bounds(self, outputs: Array) -> tuple[Array, Array]:
        """Ends (n,) of a first guess at an interval, as scores without level; here both are the prediction itself."""
        return outputs[:, 0], outputs[:, 0]

    def _misses(self, outputs: Array, rest: Array) -> Array:
        low, high = self.bounds(outputs)
        return np.maximum(low - rest, rest - high)  # Romano et al. 2019, eq. 6

    @property
    def classes(self) -> tuple[str, ...]:
        return ()

    @property
    def properties(self) -> tuple[Self]:
        return (self,)

    @property
    def level(self) -> float:
        """The level of the group that is predicted for, as a score."""
        return self.level_

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.levels_)

    def forward(self, z: Tensor) -> Tensor:
        return self.raw(z)[:, 0] + self.level_

    def predict(self, X: Any) -> Array:
        """Values (n,) of vectors X (n, d)."""
        return np.asarray(self.to_value(self.predict_score(X)), dtype=np.float64)

    def predict_score(self, X: Any) -> Array:
        """Scores (n,) of vectors X (n, d); that of a count may be below 0, where `predict` says 0."""
        return self.outputs(X)[:, 0] + self.level_

    def probabilities(self, X: Any) -> Array:
        return np.zeros((len(self.outputs(X)), 0))

    def percentile(self, X: Any) -> Array:
        return share_below(self.outputs(X)[:, 0], self.quantiles_[0])

    def to_score(self, value: Any) -> Any:
        return to_score(value, self.scale)

    def to_value(self, score: Any) -> Any:
        return to_value(score, self.scale)

    def interval(self, X: Any, *, level: float = 0.9) -> Array:
        """Values (n, 2) between which a share `level` of new rows of the group lies.

        Split conformal (Lei et al. 2018), around a first guess at both ends where the family has one (conformalized
        quantile regression, Romano et al. 2019).

        Raises:
            HeadError: if the head was fitted on too few rows to set some aside.
        """
        ends = self.within(self.outputs(X), level=level) + self.level_
        return np.asarray(self.to_value(ends), dtype=np.float64)

    def within(self, outputs: Array, *, level: float = 0.9) -> Array:
        """The same as scores (n, 2) without level, of outputs (n, outputs); raises as `interval`."""
        if not self.has_interval:
            raise HeadError(f"an interval needs a head fitted on {FEWEST_TO_CALIBRATE} rows or more; fit it on more")
        low, high = self.bounds(outputs)
        radius = conformal_radius(self.residuals_, level)
        return np.sort(np.stack([low - radius, high + radius], 1), axis=1)  # a negative radius may cross the ends

    def tolerance(self, value: Any) -> Any:
        """How far from a wished value counts as reached: a quarter of a count or rate, else of `score_scale`."""
        return 0.25 * self.score_scale if self.scale == "identity" else 0.25 * abs(value)

    @property
    def has_interval(self) -> bool:
        return len(self.residuals_) > 0

    @property
    def score_scale(self) -> float:
        """Standard deviation of the training scores, within groups if there are groups."""
        return self.score_scale_

    @property
    def score_range(self) -> tuple[float, float]:
        """Scores between which all but the outermost 0.2% of the training rows lie."""
        low, high = self._range
        return float(low + self.level_), float(high + self.level_)

    @property
    def typical(self) -> float | None:
        return float(self.to_value(np.array(self.level_))) if self.grouped_ else None

    def for_class(self, label: Any) -> NoReturn:
        raise HeadError(f"{label!r}: a class is asked for, but this property is a number")

    def with_typical(self, value: float) -> Self:
        if not self.grouped_:
            raise HeadError(UNGROUPED)
        known = SCALES[self.scale]
        if not known.has(value):
            raise HeadError(f"{self.name or 'the property'}: a typical value is one of {known.values}, got {value:g}")
        return self._at(float(self.to_score(value)))

    def with_group(self, name: str) -> Self:
        if not self.grouped_:
            raise HeadError(UNGROUPED)
        if name not in self.levels_:
            known = ", ".join(list(self.levels_)[:5]) + (", ..." if len(self.levels_) > 5 else "")
            raise HeadError(
                f"{name!r} is no group that the head was fitted with ({FEWEST_OF_GROUP} rows or more); it knows "
                f"{known or 'none'}; give a typical value instead"
            )
        return self._at(self.levels_[name])

    def for_unseen_group(self) -> Self:
        if not self.grouped_:
            raise HeadError(UNGROUPED)
        other = copy.copy(self)
        other.residuals_ = self.unseen_residuals_
        return other

    def with_levels_of(self, other: PropertyModel) -> Self:
        assert isinstance(other, Regressor)  # of the same property
        mine = self._at(other.level_)
        mine.levels_, mine.grouped_ = other.levels_, other.grouped_
        return mine

    def weigher(self) -> Regressor:
        from property_models.linear import RidgeHead  # which is a Regressor: it is not there before this

        return RidgeHead(alpha=WEIGHER_ALPHA, positive=True, scale=self.scale, random_state=self.random_state)

    def about(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        about = {
            "offset": self.level_,
            "score_scale": self.score_scale,
            "range": [float(x) for x in self._range],
            "grouped": self.grouped_,
            "levels": {name: float(f"{level:.5g}") for name, level in self.levels_.items()},
        }
        arrays = {"residuals": self.residuals_, "unseen_residuals": self.unseen_residuals_}
        return about, {name: array.astype(np.float32) for name, array in arrays.items()}

    def restore(self, about: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.residuals_ = arrays.pop("residuals").astype(np.float64)
        self.unseen_residuals_ = arrays.pop("unseen_residuals", np.zeros(0)).astype(np.float64)
        self.level_, self.grouped_, self.levels_ = about["offset"], about["grouped"], about.get("levels", {})
        self.score_scale_, self._range = about["score_scale"], np.array(about["range"])

    def _at(self, level: float) -> Self:
        other = copy.copy(self)
        other.level_ = level
        return other
