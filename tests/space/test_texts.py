"""Texts as people hold them in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from latentopt.errors import LatentoptError
from latentopt.space.texts import checked_texts
from tests.toy import toy_space

TEXTS = ["small boats", "warm bread", "paper stars"]
FRAME = pd.DataFrame({"text": TEXTS, "likes": [1, 2, 3]})


@pytest.mark.parametrize(
    "texts",
    [
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        FRAME["text"],
        FRAME["text"].astype("category"),
        FRAME["text"].astype("string")[[2, 0, 1]].sort_index(),
        FRAME["text"].to_numpy(),
    ],
    ids=lambda texts: f"{type(texts).__name__} of {getattr(texts, 'dtype', 'str')}",
)
def test_columns_arrays_and_tuples_are_texts(texts: Any) -> None:
    assert torch.equal(toy_space().encode(texts), toy_space().encode(TEXTS))
    assert {type(text) for text in checked_texts(texts)} == {str}


def test_the_order_is_that_of_the_rows_and_not_of_the_index() -> None:
    assert checked_texts(FRAME["text"][[2, 0, 1]]) == ["paper stars", "small boats", "warm bread"]


def test_every_way_in_takes_a_column() -> None:
    space, column = toy_space(), FRAME["text"]
    z = space.encode(TEXTS)
    assert torch.equal(space.invert(column, steps=2).encoded, z)
    assert torch.equal(space.log_likelihood(column, z), space.log_likelihood(TEXTS, z))
    assert space.lengths(column) == space.lengths(TEXTS)
    assert space.interpolate(column, column[::-1], steps=3) == space.interpolate(TEXTS, TEXTS[::-1], steps=3)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "is missing (None)"),
        (float("nan"), "is missing (nan)"),
        (pd.NA, "is missing (<NA>)"),
        (pd.NaT, "is missing (NaT)"),
        (3.5, "is a number (3.5)"),
        (np.int64(7), "is a number (7)"),
        (["warm", "bread"], "is a list"),
        (b"bread", "is a bytes"),
        (" \n", "is empty"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_named_with_its_row(value: Any, fault: str) -> None:
    with pytest.raises(LatentoptError) as caught:
        toy_space().encode(["small boats", value, "paper stars", value])
    assert str(caught.value) == (
        f"a text must be a string with a visible character, but text 1 {fault}, and 1 more are none; "
        "the first text is text 0; leave such rows out"
    )


@pytest.mark.parametrize("one", ["small boats", b"small boats", np.str_("small boats")])
def test_one_string_is_refused(one: Any) -> None:
    with pytest.raises(LatentoptError, match=r"must be a list of strings, got one string; write \[text\]"):
        toy_space().encode(one)


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (FRAME, "DataFrame"),
        ({"text": "boats"}, "dict"),
        ({"boats"}, "set"),
        (np.array([TEXTS]), "ndarray"),
        (np.array("boats"), "ndarray"),
        ((text for text in TEXTS), "generator"),
        (None, "NoneType"),
        (7, "int"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_row_of_texts_is_refused_and_not_guessed_at(other: Any, kind: str) -> None:
    with pytest.raises(LatentoptError, match=f"got a {kind}; write list"):
        toy_space().encode(other)
