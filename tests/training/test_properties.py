"""Columns that the latent shall tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentopt.errors import LatentoptError
from latentopt.training.losses import Property
from latentopt.training.properties import PropertyColumn, columns_of, values_of


def values(frame: dict[str, list], *asked: PropertyColumn) -> tuple[tuple[Property, ...], np.ndarray]:
    return values_of(pd.DataFrame(frame), asked)


def test_numbers_are_standardised_and_clipped() -> None:
    numbers = [*np.random.default_rng(0).normal(5, 2, 500).tolist(), 1000.0]
    (found,), column = values({"x": numbers}, PropertyColumn("x"))
    assert found == Property("x")
    assert column.max() == 3.0
    assert abs(column.mean()) < 0.2


def test_groups_are_compared_within() -> None:
    frame = {"likes": [*range(10), *range(1000, 1010)], "who": ["a"] * 10 + ["b"] * 10}
    _, column = values(frame, PropertyColumn("likes", groups="who"))
    assert np.allclose(column[:10], column[10:])
    assert column[:10].mean() == pytest.approx(0, abs=1e-6)


def test_a_group_of_few_says_nothing() -> None:
    frame = {"likes": [1, 2, 3, 4, 5, 6, 7.0, 8.0], "who": ["a"] * 6 + ["b"] * 2}
    _, column = values(frame, PropertyColumn("likes", groups="who"))
    assert np.isnan(column[:, 0]).tolist() == [False] * 6 + [True] * 2


def test_counts_are_read_as_logarithms() -> None:
    frame = {"likes": [0, 9, 99, 999]}
    _, column = values(frame, PropertyColumn("likes", log1p=True))
    assert np.allclose(np.diff(column[:, 0]), np.diff(column[:, 0])[0], atol=1e-5)
    with pytest.raises(LatentoptError, match="numbers below 0; leave log1p out"):
        values({"likes": [-1, 5, 6]}, PropertyColumn("likes", log1p=True))


def test_two_different_values_say_whether_something_is_so() -> None:
    frame = {"mood": ["sad", "glad", None, "sad"], "spam": ["0", "1", "1", ""]}
    found, column = values(frame, PropertyColumn("mood"), PropertyColumn("spam"))
    assert [p.binary for p in found] == [True, True]
    assert np.array_equal(column, [[1, 0], [0, 1], [np.nan, 1], [1, np.nan]], equal_nan=True)


def test_strings_of_numbers_are_numbers_and_gaps_are_unknown() -> None:
    _, column = values({"x": ["1", "2.5", "", "3"]}, PropertyColumn("x"))
    assert np.isnan(column[:, 0]).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", "b", "c"], "numbers, or one of two different values, .* it has 'a', 'b', 'c'"),
        ([None, None], "it has no values"),
        ([3, 3, 3], "says nothing: all its values are alike"),
    ],
)
def test_other_columns_are_refused(column: list, message: str) -> None:
    with pytest.raises(LatentoptError, match=message):
        values({"x": column}, PropertyColumn("x"))


def test_columns_are_named_once() -> None:
    asked = (PropertyColumn("likes", groups="who"), PropertyColumn("shares", groups="who"))
    assert columns_of(asked) == ["likes", "who", "shares"]
