"""Pairs, with orders that are known."""

from dataclasses import replace

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads.fit import fit_head
from latentopt.heads.pairs import Pairs, grouped_pairs, marked_pairs, ordered_rightly, pairs_report
from latentopt.heads.rows import rows_of
from tests.toy import toy_space, toy_texts


def pairs_of(right, cluster):
    n = len(right)
    return Pairs([""] * n, [""] * n, np.array(right, dtype=bool), np.array(cluster))


def test_the_share_and_its_interval_are_those_of_a_binomial():
    draw = np.random.default_rng(0)
    right = draw.random(1000) < 0.7
    found = ordered_rightly(np.ones(1000), pairs_of(right, range(1000)), seed=0)
    assert found["ordered"] == right.mean()
    half = 1.96 * np.sqrt(0.7 * 0.3 / 1000)
    assert found["low"] == pytest.approx(found["ordered"] - half, abs=0.006)
    assert found["high"] == pytest.approx(found["ordered"] + half, abs=0.006)


def test_pairs_of_one_cluster_count_as_little_as_they_know():
    right = np.repeat(np.random.default_rng(0).random(100) < 0.7, 10)
    alone = ordered_rightly(np.ones(1000), pairs_of(right, range(1000)), seed=0)
    together = ordered_rightly(np.ones(1000), pairs_of(right, np.repeat(np.arange(100), 10)), seed=0)
    assert together["high"] - together["low"] > 2.5 * (alone["high"] - alone["low"])


def test_a_tie_is_half_right():
    assert ordered_rightly(np.array([0.0, 1.0]), pairs_of([True, True], [0, 1]), seed=0)["ordered"] == 0.75


def test_pairs_are_made_within_groups_of_what_differs():
    pairs = grouped_pairs(["a", "b", "c", "d"], np.array([1.0, 2.0, 2.0, 9.0]), ["x", "x", "x", "y"])
    assert list(zip(pairs.first, pairs.second, pairs.first_is_more.tolist(), strict=True)) == [
        ("a", "b", False),
        ("a", "c", False),
    ]


def test_pairs_that_chance_explains_can_be_left_out():
    values, errors = np.array([1.0, 2.0, 5.0]), np.ones(3)
    pairs = grouped_pairs(["a", "b", "c"], values, [0, 0, 0], errors=errors, least_z=1.96)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [("a", "c"), ("b", "c")]
    with pytest.raises(LatentoptError, match="no two rows of one group differ"):
        grouped_pairs(["a", "b", "c"], values, [0, 1, 2])


def test_a_mark_that_says_neither_is_refused():
    assert marked_pairs(["a", "b"], ["c", "d"], ["second", 1]).first_is_more.tolist() == [False, True]
    with pytest.raises(LatentoptError, match="first or second, or 1 or 2, got 'both'"):
        marked_pairs(["a"], ["b"], ["both"])


def test_head_reader_and_stack_are_measured_on_the_same_pairs():
    space, texts = toy_space(), toy_texts(400, seed=5)
    lengths = np.array([float(len(text)) for text in texts])
    fitted = fit_head(rows_of(space, texts[:300], lengths[:300].tolist()), parameters={"noise": 0.1})
    pairs = grouped_pairs(texts[300:], lengths[300:], np.arange(100) // 10)
    report = pairs_report(space, fitted, pairs)
    assert report["stacked"]["ordered"] > 0.8
    assert report["reader"]["ordered"] > 0.8
    assert report["pairs"] == len(pairs)
    assert set(pairs_report(space, replace(fitted, reader=None, stacked=None), pairs)) == {"pairs", "level", "head"}
