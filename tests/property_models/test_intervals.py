"""Intervals, beside those of MAPIE."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from property_models import QuantileHead, RidgeHead
from property_models.intervals import conformal_radius, unseen_radii

mapie = pytest.importorskip("mapie.regression")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(1200, 3))
Y = X[:, 0] + np.exp(X[:, 1] / 2) * DRAW.normal(size=1200)


class Column(RegressorMixin, BaseEstimator):
    """A column of a head's outputs, as MAPIE asks for a fitted estimator."""

    def __init__(self, head: RidgeHead | QuantileHead, column: int) -> None:
        self.head = head
        self.column = column
        self.fitted_ = True

    def fit(self, X: np.ndarray, y: np.ndarray) -> Column:
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.head.outputs(X)[:, self.column] + self.head.level


def calibration_rows(head: RidgeHead | QuantileHead, rows: int) -> np.ndarray:
    """The rows that a head sets aside, by its documented tenth of a seeded permutation."""
    return np.random.default_rng(head.random_state).permutation(rows)[: rows // 10]


def test_split_conformal_intervals_are_mapies() -> None:
    head = RidgeHead().fit(X[:1000], Y[:1000])
    aside = calibration_rows(head, 1000)
    theirs = mapie.SplitConformalRegressor(Column(head, 0), confidence_level=0.9, prefit=True)
    _, ends = theirs.conformalize(X[aside], Y[aside]).predict_interval(X[1000:])
    assert head.interval(X[1000:]) == pytest.approx(ends[:, :, 0], abs=1e-9)


def test_conformalized_quantiles_are_mapies() -> None:
    head = QuantileHead().fit(X[:1000], Y[:1000])
    aside = calibration_rows(head, 1000)
    columns = [Column(head, 1), Column(head, 2), Column(head, 0)]
    theirs = mapie.ConformalizedQuantileRegressor(columns, confidence_level=0.9, prefit=True)
    theirs.conformalize(X[aside], Y[aside])
    _, ends = theirs.predict_interval(X[1000:], symmetric_correction=True)
    assert head.interval(X[1000:]) == pytest.approx(ends[:, :, 0], abs=1e-9)


@pytest.mark.parametrize(("n", "level", "rank"), [(9, 0.9, 9), (99, 0.9, 90), (19, 0.5, 10)])
def test_the_radius_is_the_right_order_statistic(n: int, level: float, rank: int) -> None:
    assert conformal_radius(np.arange(1.0, n + 1), level) == rank
    assert conformal_radius(np.arange(1.0, 9), 0.9) == float("inf")


def test_of_unseen_groups_each_counts_once() -> None:
    residuals = np.concatenate([np.full(900, 1.0), np.arange(2.0, 102)])
    groups = np.concatenate([np.zeros(900), np.arange(1, 101)])
    found = unseen_radii(residuals, groups)
    assert np.median(found) == pytest.approx(51, abs=2)  # the large group is one of 101
