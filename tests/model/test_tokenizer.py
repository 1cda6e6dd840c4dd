"""The tokenizer loses no byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import load_tokenizer, to_texts, token_ids, token_texts, train_tokenizer
from tests.toy import toy_texts

TOKENIZER = train_tokenizer(toy_texts(200), vocab_size=500)
CHARACTERS = st.characters(exclude_categories=["Cs"])  # every code point but lone surrogates, which are no characters


@settings(max_examples=300, deadline=None)
@given(st.text(CHARACTERS))
def test_any_unicode_string_comes_back_exactly(text: str) -> None:
    assert to_texts(TOKENIZER, token_ids(TOKENIZER, [text])) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧‍👦 🏳️‍🌈",
        "e\u0301 vs é",
        "漢字かな交じり文",
        "\x00\x07\x1b[0m",
        "two\nlines\r\n\tand a tab",
        "  spaces  ",
        "</s><pad><mask>",
        "a\u202eb",
    ],
)
def test_what_is_hard_comes_back_exactly(text: str) -> None:
    assert to_texts(TOKENIZER, token_ids(TOKENIZER, [text])) == [text]


def test_a_text_that_spells_a_special_token_means_its_characters() -> None:
    (ids,) = token_ids(TOKENIZER, ["</s>"])
    assert ids.count(TOKENIZER.eos_token_id) == 1
    assert ids[-1] == TOKENIZER.eos_token_id


def test_the_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    texts = ["</s> 🙂 \n", "my neighbour paints"]
    assert token_ids(load_tokenizer(tmp_path), texts) == token_ids(TOKENIZER, texts)


def test_a_token_that_begins_a_word_says_its_space() -> None:
    pieces = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁a", -1.0), ("▁glad", -2.0), ("ness", -3.0)], unk_id=0))
    pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    sentencepiece = PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token="<unk>")
    assert token_texts(sentencepiece, 4) == ["", " a", " glad", "ness"]
    said = token_texts(TOKENIZER, len(TOKENIZER))
    assert len(said) == len(TOKENIZER) and said[:3] == ["", "", ""]
    the, inner = token_ids(TOKENIZER, [" the", "the"])
    assert said[the[0]] == " the" and "".join(said[i] for i in inner[:-1]) == "the"


def test_a_lone_surrogate_is_named() -> None:
    with pytest.raises(LatentoptError, match="text 1 holds a lone surrogate"):
        token_ids(TOKENIZER, ["fine", "\ud800"])


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(LatentoptError, match="use at least 267"):
        train_tokenizer(["a"], vocab_size=100)


def test_bytes_that_make_no_character_are_left_out_and_a_replacement_character_of_the_text_stays():
    cut = [ids[:-2] for ids in token_ids(TOKENIZER, ["so \U0001f6f8", "so \ufffd \U0001f6f8"])]
    assert all("\ufffd" in text for text in TOKENIZER.batch_decode(cut))
    assert to_texts(TOKENIZER, cut) == ["so ", "so \ufffd "]
