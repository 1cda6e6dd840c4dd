import ast

import pytest

from latentopt.evaluation import by_length, distinct_n, interpolation, reconstruction, valid_share


def test_what_comes_back_whole_is_exact():
    texts = ["the old baker sells warm bread", "her brother loves small boats"]
    assert reconstruction(texts, texts) == pytest.approx({"bleu": 100, "chrf": 100, "exact": 1})
    half = reconstruction(texts, [texts[0], "no word of it"])
    assert half["exact"] == 0.5
    assert 0 < half["bleu"] < 100


def test_each_text_is_counted_in_its_length():
    texts = ["a", "b b b b b b b b b", "c", "d" * 300]
    rows = by_length(texts, ["a", "x", "x", "d" * 300], [1, 9, 8, 300])
    assert [(r["tokens_from"], r["tokens_to"], r["texts"], r["exact"]) for r in rows] == [
        (1, 8, 2, 0.5),
        (9, 16, 1, 0.0),
        (129, 300, 1, 1.0),
    ]


def test_distinct_n_is_the_share_of_different_ngrams():
    assert distinct_n(["a b a", "a b"], 1) == 2 / 5
    assert distinct_n(["a b a", "a b"], 2) == 2 / 3
    assert distinct_n(["a"], 2) == 0


def test_a_checker_refuses_by_raising_or_by_false():
    assert valid_share(["x = 1", "x = ", "return x"], ast.parse) == 2 / 3
    assert valid_share(["a", "b"], lambda text: text == "a") == 0.5
    assert valid_share(["a", "b"], lambda text: None) == 1


def test_an_even_way_is_monotonic():
    found = interpolation([["aa bb", "aa cc", "dd cc"]], [0.2, 0.6, 0.4])
    assert found == pytest.approx({"monotonic": 1, "distinct": 1, "fluency": 0.6, "fluency_ends": 0.3})


def test_a_way_that_turns_back_is_not():
    found = interpolation([["aa bb", "dd cc", "aa bb", "dd cc"]], [0.5] * 4)
    assert found["monotonic"] == pytest.approx(2 / 3)
    assert found["distinct"] == 0.5
