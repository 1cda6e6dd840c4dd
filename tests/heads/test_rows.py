"""What a head is fitted to, and what is refused."""

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads.rows import rows_of, split, without_negative
from latentopt.tables import numeric_column, read_table
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(400, seed=5)
LENGTHS = [len(text) for text in TEXTS]
WINTER = ["winter" if text.endswith("in winter") else "other" for text in TEXTS]
AUTHORS = [f"author {i % 4}" for i in range(400)]


@pytest.fixture(scope="module")
def space():
    return toy_space()


def test_a_split_holds_out_a_fifth_of_every_group(space):
    rows = rows_of(space, TEXTS, LENGTHS, groups=AUTHORS)
    train, test = split(rows, seed=0)
    assert sorted([*train, *test]) == list(range(400))
    assert np.unique(rows.take(test).groups, return_counts=True)[1].tolist() == [20] * 4
    assert split(rows, seed=1)[1].tolist() != test.tolist()


def test_too_few_rows_are_refused(space):
    with pytest.raises(LatentoptError, match="a head needs 20 rows or more to learn from, got 3; give more rows"):
        rows_of(space, TEXTS[:3], [1, 2, 3])


def test_values_that_are_all_the_same_are_refused(space):
    with pytest.raises(LatentoptError, match=r"a head learns from values that differ, but all are 1\.0"):
        rows_of(space, TEXTS, [1] * 400)


def test_too_many_classes_are_refused(space):
    with pytest.raises(LatentoptError, match="classes, of which there may be 50, each of 5 rows or more, got 400"):
        rows_of(space, TEXTS, [f"class {i}" for i in range(400)])


def test_groups_of_classes_are_refused(space):
    with pytest.raises(
        LatentoptError, match="groups are for numbers, but the values are classes; leave the groups out"
    ):
        rows_of(space, TEXTS, WINTER, groups=AUTHORS)


def test_a_value_that_is_not_finite_is_refused(space):
    with pytest.raises(LatentoptError, match="values must be finite numbers, got nan at 2; leave such rows out"):
        rows_of(space, TEXTS, [1.0, 2.0, float("nan"), *[3.0] * 397])


def test_a_text_without_a_value_is_refused(space):
    with pytest.raises(LatentoptError, match="each text needs its value, got 400 texts, 2 values and 1 groups"):
        rows_of(space, TEXTS, [1, 2], groups=["a"])


def test_a_class_of_five_rows_is_learned_and_measured(space):
    rows = rows_of(space, TEXTS, ["rare"] * 5 + WINTER[5:])
    train, test = (rows.take(part) for part in split(rows, seed=0))
    assert (train.values == "rare").sum() == 4
    assert (test.values == "rare").sum() == 1


def test_rows_of_negative_counts_become_errors(tmp_path):
    (tmp_path / "t.csv").write_text("text,likes\none,3\ntwo,-1\nthree,0\n")
    table = without_negative(
        numeric_column(read_table(tmp_path / "t.csv", columns=["text", "likes"]), "likes"), "likes"
    )
    assert table.frame["likes"].tolist() == [3.0, 0.0]
    assert [(error.row, error.message) for error in table.errors] == [(3, "likes is -1, and no count is below 0")]


def test_classes_are_never_negative_counts(tmp_path):
    (tmp_path / "t.csv").write_text("text,season\none,winter\n")
    table = read_table(tmp_path / "t.csv", columns=["text", "season"])
    assert without_negative(table, "season") is table
