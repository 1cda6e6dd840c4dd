import pytest

from latentopt.directions import usable_pairs, usable_texts
from latentopt.errors import LatentoptError
from tests.directions.synthetic import NumbersSpace

SPACE = NumbersSpace()
LONG = "1 " * 9


def test_pairs_that_teach_nothing_are_left_out_and_counted():
    source = ["1 1", "2 2", "2  2", "1 1", "3 3", "4 ?", "5 5"]
    target = ["1 2", "2 2", "2 2", "1 2", LONG, "4 4", "5 6"]
    found = usable_pairs(SPACE, source, target)
    assert list(zip(found.source, found.target, strict=True)) == [("1 1", "1 2"), ("5 5", "5 6")]
    assert found.to_json() == {
        "given": 7,
        "left_out": {
            "of a text with itself": 2,
            "that are there twice": 1,
            "longer than the model reads": 1,
            "with characters that the model's tokenizer loses": 1,
        },
    }
    assert found.wording.startswith("2 of a text with itself, 1 that are there twice, ")


def test_a_source_may_have_several_targets():
    assert len(usable_pairs(SPACE, ["1 1", "1 1"], ["1 2", "1 3"]).source) == 2


def test_where_no_pair_is_left_it_says_why():
    with pytest.raises(LatentoptError, match="no usable pair is left of 2: 2 of a text with itself; give pairs of two"):
        usable_pairs(SPACE, ["1", "2"], ["1", "2"])
    with pytest.raises(LatentoptError, match="no usable pair is left of 0"):
        usable_pairs(SPACE, [], [])
    with pytest.raises(LatentoptError, match="got 2 sources, 1 targets"):
        usable_pairs(SPACE, ["1", "2"], ["1"])
    with pytest.raises(LatentoptError, match="text 1 is missing"):
        usable_pairs(SPACE, ["1", None], ["1", "2"])


def test_texts_of_both_kinds_tell_nothing():
    found = usable_texts(SPACE, ["1", "2", "2", "?"], ["1", "3"])
    assert (found.source, found.target) == (["2"], ["3"])
    assert found.left_out == {
        "that are there twice": 1,
        "of both kinds": 2,
        "with characters that the model's tokenizer loses": 1,
    }
    with pytest.raises(LatentoptError, match="texts of two kinds, got 0 and 0 that are usable"):
        usable_texts(SPACE, ["1"], ["1"])
