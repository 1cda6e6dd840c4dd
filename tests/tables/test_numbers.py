"""Numbers as people write them."""

import numpy as np
import pytest

from latentopt.tables import number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.2K", 1200),
        ("1.005k", 1005),
        ("3M", 3_000_000),
        ("6,529", 6529),
        ("1,234,567.5", 1234567.5),
        ("1 234 567", 1234567),
        ("6.967", 6.967),
        ("12%", 0.12),
        (" -3 ", -3),
        ("1e3", 1000),
        (np.int64(7), 7),
        (2.5, 2.5),
    ],
)
def test_numbers_are_read_as_people_write_them(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("6.967", 6967), ("1,2K", 1200), ("6,52", 6.52), ("1.234.567,5", 1234567.5), ("12", 12)]
)
def test_a_comma_may_be_the_decimal_sign(value, expected):
    assert number(value, decimal_comma=True) == expected


@pytest.mark.parametrize(
    "value",
    ["6,52", "1,2345", "1_000", "", "K", "many", "nan", "inf", "1e999", "٣", True, None, float("nan"), [1], 10**400],
)
def test_what_is_half_written_is_no_number(value):
    assert number(value) is None
