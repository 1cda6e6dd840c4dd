"""Two edits of one text become one."""

from latentopt.editing.join import joined

SOURCE = "what a terrible day, I hate this weather"


def test_edits_of_different_words_are_joined():
    texts = ["what a great day, I hate this weather", "what a terrible day, I love this weather"]
    assert joined(SOURCE, texts) == [(0, 1, "what a great day, I love this weather")]


def test_whichever_comes_first_and_whatever_is_added_or_left_out():
    texts = [
        "what a terrible day, I love it!",
        "what a day, I hate this weather",
        "oh what a terrible day, I hate this weather",
    ]
    assert joined(SOURCE, texts) == [
        (0, 1, "what a day, I love it!"),
        (0, 2, "oh what a terrible day, I love it!"),
        (1, 2, "oh what a day, I hate this weather"),
    ]


def test_edits_of_the_same_words_or_of_neighbours_are_not():
    assert joined(SOURCE, ["what a great day, I hate this weather", "what a nice day, I hate this weather"]) == []
    assert joined(SOURCE, ["what a great day, I hate this weather", "what a terrible night, I hate this weather"]) == []
    assert joined(SOURCE, ["what a great day, I love this weather", "what a terrible day, I love my weather"]) == []


def test_spaces_stay_as_they_are():
    assert joined("a  bad day\nand cold", ["a  good day\nand cold", "a  bad day\nand warm"]) == [
        (0, 1, "a  good day\nand warm")
    ]


def test_one_edit_or_none_has_nothing_to_be_joined_with():
    assert joined(SOURCE, []) == joined(SOURCE, ["what a great day"]) == joined("", ["a", "b"]) == []
