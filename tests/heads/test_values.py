"""Kinds of value."""

import numpy as np
import pandas
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads.values import (
    check_counts,
    check_dropped,
    check_texts,
    named_classes,
    rates_of,
    thousands_warning,
    values_of,
)
from latentopt.tables import Table
from latentopt.tables.parsing import RowError


@pytest.mark.parametrize(
    ("raw", "classes"),
    [
        (["0", "1", "1"], ["0", "1", "1"]),
        ([0, 4, 0], ["0", "4", "0"]),
        ([0.0, 1.0], ["0", "1"]),
        ([True, False], ["True", "False"]),
        (["yes", "no "], ["yes", "no"]),
        (["a", "b", "c"], ["a", "b", "c"]),
    ],
)
def test_two_entries_and_words_are_classes(raw, classes):
    assert values_of(raw).values.tolist() == classes


def test_other_numbers_are_numbers_and_what_is_none_has_a_fault():
    read = values_of(["1.2K", "3M", "6,529", "many"])
    assert read.values[:3].tolist() == [1200, 3e6, 6529]
    assert read.faults == [None, None, None, "is 'many', not a finite number"]
    assert values_of(["6.967", "12", "7"], decimal_comma=True).values.tolist() == [6967, 12, 7]


def test_two_numbers_are_classes_though_some_entries_are_neither():
    read = values_of(["0", "1", "1", "n/a", "0"])
    assert [label for label, fault in zip(read.values, read.faults, strict=True) if fault is None] == list("0110")
    assert read.faults[3] == "is 'n/a', none of the classes"


def test_a_few_values_below_0_do_not_make_counts_numbers_in_silence():
    counts = np.array([0, 1, 2, 3, 900, -1, np.nan])
    with pytest.raises(
        LatentoptError, match="likes has counts, but 1 of 6 are below 0, such as -1; --scale log1p leaves"
    ):
        check_counts(counts, "likes")
    check_counts(counts[:5], "likes")
    check_counts(np.array([-2, -1, 0, 1, 2.0]), "change")
    check_counts(counts + 0.5, "degrees")


def test_a_kind_that_is_said_is_kept_to():
    assert values_of([0, 1, 0], kind="numbers").values.tolist() == [0, 1, 0]
    assert values_of([1, 2, 3], kind="classes").values.tolist() == ["1", "2", "3"]


def test_classes_are_named_and_others_left_out():
    read = values_of([0, 4, 2], classes=named_classes("0=negative, 4=positive"))
    assert read.values.tolist()[:2] == ["negative", "positive"]
    assert read.faults == [None, None, "is 2, none of the classes"]
    with pytest.raises(LatentoptError, match="classes are two or more, set apart by commas, got 'cat'"):
        named_classes("cat")


def test_a_rate_of_many_weighs_more_than_one_of_few():
    read = rates_of(["10", "1,000", 0], [100, "10,000", 5])
    assert read.values == pytest.approx([10.5 / 101, 1000.5 / 10001, 0.5 / 6])
    assert read.weights is not None
    assert read.weights[1] / read.weights[0] == pytest.approx(2, rel=0.06)  # the first is the median row
    assert read.weights[2] < read.weights[0] / 5


def test_impossible_rates_have_faults():
    assert rates_of([3, 1, "x", 2], [2, 0, 5, 2]).faults == [
        "is 3 of 2, and a rate is from none to all",
        "is of 0, and a rate is of 1 or more",
        "is not a finite number",
        None,
    ]
    with pytest.raises(LatentoptError, match="a rate is made of two counts, but all are below 1"):
        rates_of([0.1, 0.2], [100, 100])


def table(good, bad):
    errors = [RowError(i + 2, f"likes is {value!r}, not a finite number") for i, value in enumerate(bad)]
    return Table(pandas.DataFrame({"likes": good}), errors, "posts.csv")


@pytest.mark.parametrize(
    ("bad", "help"),
    [
        (["6,52", "7,1", "8,25"], "--decimal-comma reads these"),
        (["a", "b", "c"], "--may-drop 0.15 leaves them out"),
    ],
)
def test_too_many_rows_left_out_is_an_error_that_shows_three_and_helps(bad, help):
    good = [1.0] * 17
    with pytest.raises(
        LatentoptError, match=r"posts\.csv: 3 of 20 rows cannot be used, which is more than 5%"
    ) as error:
        check_dropped(table(good, bad), [*good, *bad], may_drop=0.05)
    assert f"row 2: likes is '{bad[0]}'" in str(error.value)
    assert f"row 4: likes is '{bad[2]}'" in str(error.value)
    assert help in str(error.value)
    check_dropped(table(good, bad), [*good, *bad], may_drop=0.25)


def test_where_no_row_is_left_leaving_out_more_is_no_help():
    with pytest.raises(LatentoptError, match=r"none is left; give another column, or another --scale$"):
        check_dropped(table([], [-1, -2, -3]), [-1, -2, -3], may_drop=0.05)
    with pytest.raises(LatentoptError, match=r"few are left; give another column, or another --scale$"):
        check_dropped(table([1], [-1, -2, -3]), [1, -1, -2, -3], may_drop=0.05)
    with pytest.raises(LatentoptError, match=r"--may-drop 0\.75 leaves them out$"):
        check_dropped(table([1], ["", "", ""]), [1], may_drop=0.05)  # what is empty was left out before


def test_points_that_look_like_thousands_are_pointed_out():
    warning = thousands_warning(["6.967", "1.200", "3.004", "12"], "likes")
    assert warning == "likes has values such as 6.967, read as 6.967; --decimal-comma reads 6,967"
    assert thousands_warning(["6.96", "1.200", "3.004"], "likes") is None
    assert thousands_warning([6.967, 1.2], "likes") is None


def test_a_column_of_numbers_holds_no_texts():
    with pytest.raises(LatentoptError, match="the column 'id' holds numbers, such as '17', and no texts"):
        check_texts(["17", "18", "19"], "id")
    check_texts(["17", "a text", "another"], "text")


def test_an_array_of_two_numbers_is_one_of_classes():
    assert values_of(list(np.array([0.0, 1.0, 1.0]))).values.tolist() == ["0", "1", "1"]
