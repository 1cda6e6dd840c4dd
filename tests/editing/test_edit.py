"""What changed, and what is told of it."""

import pytest

from latentopt.cli.editing import measured
from latentopt.editing.edit import Candidate, Change, Edit, Estimate, changes_between, words_changed


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("a good day", []),
        ("a great day", [Change("good", "great", 2, 7)]),
        ("a day", [Change("good", "", 1, 1)]),
        ("a good day for all", [Change("", "for all", 11, 18)]),
        ("what a good day!", [Change("", "what", 0, 4), Change("", "!", 15, 16)]),
    ],
)
def test_words_that_changed_are_found_where_they_stand(text, changes):
    assert changes_between("a good day", text) == changes
    for change in changes:
        assert text[change.start : change.end] == change.now


def test_words_that_changed_are_counted_by_the_longer_side():
    assert words_changed(changes_between("a good day", "a very good night")) == 2
    assert words_changed(changes_between("one two three four", "one")) == 3


def test_an_estimate_without_an_interval_has_none():
    assert Estimate(1.0).low is None


@pytest.mark.parametrize(
    ("fluency", "words"), [(0.5, "as usual"), (-0.1, "as usual"), (-0.2, "unusual"), (-0.4, "odd")]
)
def test_fluency_is_said_in_words(fluency, words):
    candidate = Candidate("a", [], 0.0, {}, {}, {}, True, 1.0, 1.0, fluency, 0.5, 0.0)
    assert candidate.wording == words


@pytest.mark.parametrize(
    ("rating", "words"), [(None, None), (1.4, "good"), (0.8, "good"), (0.79, "fair"), (0.5, "fair"), (0.49, "poor")]
)
def test_acceptability_is_said_in_words_where_it_is_known(rating, words):
    candidate = Candidate("a", [], 0.0, {}, {}, {}, True, 1.0, 1.0, 0.0, 0.5, 0.0, rating)
    edit = Edit("b", {}, {}, [candidate], "improved", False, "why")
    assert edit.to_json()["candidates"][0]["acceptability_words"] == words
    assert ("acceptability" in measured(edit, candidate)) == (words is not None)
    assert words is None or f"acceptability {words}" in measured(edit, candidate)


@pytest.mark.parametrize(("typicality", "untypical"), [(0.0, True), (0.009, True), (0.01, False), (1.0, False)])
def test_a_text_that_is_like_none_of_the_training_is_told(typicality, untypical):
    candidate = Candidate("a", [], 0.0, {}, {}, {}, True, 1.0, 1.0, 0.0, typicality, 0.0)
    assert candidate.untypical == untypical
    edit = Edit("b", {}, {}, [candidate], "improved", False, "why")
    assert ("hardly any training text is like it" in measured(edit, candidate)) == untypical


def test_without_a_candidate_the_text_is_the_source():
    assert Edit("a", {}, {}, [], "none_better", False, "why").text == "a"
