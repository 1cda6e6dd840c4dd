"""What a head is fitted to, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads.rows import rows_of
from latentopt.heads.splits import at_random, parted
from tests.heads.sentences import AUTHORS, LENGTHS, TEXTS, WINTER


def test_a_split_holds_out_a_fifth_of_every_group(space):
    rows = rows_of(space, TEXTS, LENGTHS, groups=AUTHORS)
    train, test = parted(rows, at_random, 0)
    assert len(train) + len(test) == 400
    assert np.unique(test.groups, return_counts=True)[1].tolist() == [20] * 4
    assert at_random(rows, 1).tolist() != at_random(rows, 0).tolist()


def test_columns_of_a_shuffled_frame_are_rows_in_their_order(space):
    frame = pd.DataFrame({"text": TEXTS, "length": LENGTHS, "author": AUTHORS}).sample(frac=1, random_state=0)
    rows = rows_of(space, frame["text"], frame["length"], groups=frame["author"], weights=frame["length"])
    assert rows.texts == frame["text"].tolist()
    assert rows.values.tolist() == rows.weights.tolist() == frame["length"].tolist()
    assert rows.groups.tolist() == frame["author"].tolist()
    with pytest.raises(LatentoptError, match=r"text 2 is missing \(nan\)"):
        rows_of(space, frame["text"].where(np.arange(400) != 2), frame["length"])


def test_too_few_rows_are_refused(space):
    with pytest.raises(LatentoptError, match="a head needs 20 rows or more to learn from, got 3; give more rows"):
        rows_of(space, TEXTS[:3], [1, 2, 3])


def test_values_that_are_all_the_same_are_refused(space):
    with pytest.raises(LatentoptError, match=r"a head learns from values that differ, but all are 1;"):
        rows_of(space, TEXTS, [1] * 400)


def test_too_many_classes_are_refused(space):
    with pytest.raises(LatentoptError, match="classes, of which there may be 50, each of 5 rows or more, got 400"):
        rows_of(space, TEXTS, [f"class {i}" for i in range(400)])


def test_a_row_of_a_rare_class_is_left_out_with_its_group(space):
    with pytest.warns(UserWarning, match="left out 1 rows of classes"):
        rows = rows_of(space, TEXTS, ["rare", *WINTER[1:]], groups=["alone", *AUTHORS[1:]])
    assert rows.groups.tolist() == AUTHORS[1:]


def test_a_value_that_is_not_finite_is_refused(space):
    with pytest.raises(LatentoptError, match="values must be finite numbers, got nan at 2; leave such rows out"):
        rows_of(space, TEXTS, [1.0, 2.0, float("nan"), *[3.0] * 397])


def test_a_text_without_a_value_is_refused(space):
    with pytest.raises(LatentoptError, match="if there are some, got 400 texts, 2 values, 1 groups"):
        rows_of(space, TEXTS, [1, 2], groups=["a"])
    with pytest.raises(LatentoptError, match="if there are some, got 400 texts, 400 values, 3 weights"):
        rows_of(space, TEXTS, LENGTHS, weights=[1.0, 1.0, 1.0])


@pytest.mark.parametrize("missing", [None, float("nan"), " "])
def test_a_row_without_a_group_is_no_row_of_a_group_called_nan(space, missing):
    with pytest.raises(LatentoptError, match=r"each row needs its group, got .* at 2; leave such rows out"):
        rows_of(space, TEXTS, LENGTHS, groups=[*AUTHORS[:2], missing, *AUTHORS[3:]])


def test_a_class_of_five_rows_is_learned_and_measured(space):
    rows = rows_of(space, TEXTS, ["rare"] * 5 + WINTER[5:])
    train, test = parted(rows, at_random, 0)
    assert (train.values == "rare").sum() == 4
    assert (test.values == "rare").sum() == 1


def test_as_many_groups_as_rows_are_refused(space):
    with pytest.raises(LatentoptError, match="all 400 rows have one of their own; leave them out"):
        rows_of(space, TEXTS, LENGTHS, groups=list(range(400)))


def test_two_different_numbers_are_classes(space):
    assert rows_of(space, TEXTS, [0, 1] * 200).values.tolist()[:2] == ["0", "1"]
