"""What a group alone says of its rows: a random intercept, partially pooled."""

from __future__ import annotations

import numpy as np
import pytest

from property_models.targets import GroupOffsets

WITHIN, BETWEEN = 2.0, 1.0  # variances of the rows of a group, and of the groups' levels
SIZES = np.tile([1, 4, 40], 200)  # rows of each group
DRAW = np.random.default_rng(0)
LEVELS = DRAW.normal(3, np.sqrt(BETWEEN), len(SIZES))
GROUPS = np.repeat(np.arange(len(SIZES)), SIZES)
SCORES = LEVELS[GROUPS] + DRAW.normal(0, np.sqrt(WITHIN), len(GROUPS))


@pytest.mark.parametrize("size", [1, 4, 40])
def test_a_group_is_pulled_to_all_by_how_little_is_known_of_it(size: int) -> None:
    found = GroupOffsets.fit(SCORES, GROUPS)
    own = np.bincount(GROUPS, weights=SCORES) / SIZES
    means = found.of(np.arange(len(SIZES)))
    pulled = ((own - means) / (own - found.overall))[size == SIZES]
    k = WITHIN / BETWEEN
    assert np.median(pulled) == pytest.approx(k / (size + k), abs=0.05)  # of the best linear predictor, Robinson 1991


def test_pooled_means_are_nearer_to_the_levels_than_the_groups_own() -> None:
    own = np.bincount(GROUPS, weights=SCORES) / SIZES
    means = GroupOffsets.fit(SCORES, GROUPS).of(np.arange(len(SIZES)))
    few = SIZES == 1
    assert ((means - LEVELS)[few] ** 2).mean() < 0.5 * ((own - LEVELS)[few] ** 2).mean()
    assert ((means - LEVELS)[~few] ** 2).mean() < ((own - LEVELS)[~few] ** 2).mean()


def test_a_row_says_nothing_of_what_its_own_group_says_of_it() -> None:
    found = GroupOffsets.fit(SCORES, GROUPS)
    assert found.of_row[SIZES[GROUPS] == 1] == pytest.approx(found.overall)
    other = SCORES.copy()
    other[-1] += 1  # of the last group
    moved = GroupOffsets.fit(other, GROUPS).of_row - found.of_row
    assert abs(moved[-1]) < 0.001  # that of all rows is moved by next to nothing
    assert moved[-2] > 0.01


def test_of_a_group_that_is_not_known_all_that_is_known_is_said() -> None:
    found = GroupOffsets.fit(SCORES, GROUPS)
    assert found.of(np.array([len(SIZES)])) == found.overall
