"""Spans are masked at word boundaries, in T5's format, and put back byte for byte."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentopt.model.spans import MOST_SPANS, Words, draw_spans, masked, with_fills, words_of
from latentopt.model.tokenizer import sentinel_ids, train_tokenizer
from tests.toy import toy_texts

TOKENIZER = train_tokenizer(toy_texts(200), vocab_size=400)
SENTINELS, END = sentinel_ids(TOKENIZER), TOKENIZER.eos_token_id
CHARACTERS = st.characters(exclude_categories=["Cs"])


def words(text: str) -> Words:
    return words_of(TOKENIZER, [text])[0]


def text_of(ids: list[int]) -> str:
    return TOKENIZER.decode(ids)


class TestWords:
    def test_they_are_mentions_hashtags_words_with_apostrophes_and_runs_of_marks(self) -> None:
        found = words("@the_baker don't sell #warm_bread, ok?! 🙂  now ")
        assert found.pieces == ["@the_baker", " don't", " sell", " #warm_bread", ",", " ok", "?!", " 🙂", "  now "]

    @settings(max_examples=300, deadline=None)
    @given(st.text(CHARACTERS))
    def test_joined_they_are_the_text_and_their_tokens_are_its_tokens(self, text: str) -> None:
        found = words(text)
        assert "".join(found.pieces) == text
        assert len(found.starts) == len(found.pieces) + 1
        assert found.starts == sorted(set(found.starts)) or not found.ids
        assert (found.starts[0], found.starts[-1]) == (0, len(found.ids))

    def test_each_word_has_its_own_tokens(self) -> None:
        found = words("my neighbour paints, on Sundays!")
        tokens = [text_of(found.ids[a:b]) for a, b in zip(found.starts, found.starts[1:], strict=False)]
        assert tokens == found.pieces


class TestMasked:
    def test_the_source_has_sentinels_and_the_target_the_whole_text_with_its_spans_between_them(self) -> None:
        found = words("my neighbour paints warm bread in winter")
        made = masked(found, [(1, 2), (3, 5)], SENTINELS, end=END)
        a, b = SENTINELS[:2]
        my, neighbour, paints, warm, bread, inn, winter = (
            found.ids[i:j] for i, j in zip(found.starts, found.starts[1:], strict=False)
        )
        assert made.source == [*my, a, *paints, b, *inn, *winter, END]
        assert made.target == [*my, a, *neighbour, a, *paints, b, *warm, *bread, b, *inn, *winter, END]

    def test_fills_and_the_sentinels_that_end_them_weigh_one_those_that_begin_them_nothing(self) -> None:
        found = words("my neighbour paints")
        made = masked(found, [(1, 2)], SENTINELS, end=END, kept_weight=0.1)
        fill = found.starts[2] - found.starts[1]
        kept_before, kept_behind = found.starts[1], len(found.ids) - found.starts[2] + 1
        assert made.weights == [0.1] * kept_before + [0.0] + [1.0] * (fill + 1) + [0.1] * kept_behind

    def test_an_empty_span_inserts(self) -> None:
        found = words("my neighbour")
        made = masked(found, [(1, 1)], SENTINELS, end=END)
        first = found.ids[: found.starts[1]]
        assert made.target[len(first) : len(first) + 2] == [SENTINELS[0]] * 2
        assert [i for i in made.source if i not in SENTINELS] == [*found.ids, END]

    @pytest.mark.parametrize("spans", [[(2, 3), (0, 1)], [(0, 2), (1, 3)], [(0, 1), (1, 2)], [(0, 4)], [(2, 1)]])
    def test_spans_that_overlap_touch_or_lie_outside_are_refused(self, spans: list[tuple[int, int]]) -> None:
        with pytest.raises(ValueError, match=r"in order and a word apart, got .* of 3 words"):
            masked(words("my neighbour paints"), spans, SENTINELS, end=END)

    def test_more_spans_than_sentinels_are_refused(self) -> None:
        with pytest.raises(ValueError, match="sentinels for 1 spans, got 2"):
            masked(words("my neighbour paints"), [(0, 1), (2, 3)], SENTINELS[:1], end=END)


class TestDrawnSpans:
    TEXTS = words_of(TOKENIZER, [*toy_texts(30), "one. two! three? four", "boats", "warm bread"])

    def drawn(self, n: int = 4000) -> list[tuple[Words, list[tuple[int, int]]]]:
        draw = random.Random(0)
        return [(w, draw_spans(w, draw)) for w in (draw.choice(self.TEXTS) for _ in range(n))]

    def test_all_can_be_masked_and_put_back(self) -> None:
        for found, spans in self.drawn():
            masked(found, spans, SENTINELS, end=END)  # raises where they overlap or touch
            fills = ["".join(found.pieces[a:b]) for a, b in spans]
            assert with_fills(found, spans, fills) == found.text

    def test_short_ones_are_more_frequent_and_all_kinds_occur(self) -> None:
        drawn = self.drawn()
        numbers = Counter(len(spans) for _, spans in drawn)
        assert max(numbers) <= MOST_SPANS
        assert numbers[1] > numbers[2] > numbers[3] > 0
        lengths = Counter(b - a for _, spans in drawn for a, b in spans)
        assert lengths[1] > lengths[2] > lengths[3] > 0
        assert 0.02 < lengths[0] / sum(lengths.values()) < 0.2  # insertions
        whole = sum(spans == [(0, len(found))] for found, spans in drawn) / len(drawn)
        assert 0.03 < whole < 0.25

    def test_the_share_of_masked_words_goes_from_little_to_all(self) -> None:
        long = [(f, s) for f, s in self.drawn() if len(f) >= 6]
        shares = sorted(sum(b - a for a, b in spans) / len(found) for found, spans in long)
        assert shares[0] == 0.0
        assert shares[-1] == 1.0
        assert 0.1 < shares[len(shares) // 2] < 0.4

    def test_some_end_with_their_sentence(self) -> None:
        (found,) = words_of(TOKENIZER, ["one two three. four five six! seven eight"])
        draw = random.Random(0)
        ends = Counter(spans[0][1] for spans in (draw_spans(found, draw) for _ in range(3000)) if len(spans) == 1)
        behind_sentences = ends[4] + ends[8]
        assert behind_sentences > ends[3] + ends[7]

    def test_no_more_than_asked_for(self) -> None:
        draw = random.Random(0)
        assert max(len(draw_spans(w, draw, most=2)) for w in self.TEXTS for _ in range(50)) == 2


class TestPuttingBack:
    @settings(max_examples=200, deadline=None)
    @given(st.text(CHARACTERS, min_size=1), st.integers(0, 10**6))
    def test_what_is_kept_is_kept_byte_for_byte(self, text: str, seed: int) -> None:
        found = words(text)
        spans = draw_spans(found, random.Random(seed))
        out = with_fills(found, spans, ["\x00"] * len(spans))
        kept = "\x00".join("".join(part) for part in _kept(found, spans))
        assert out == kept

    def test_fills_stand_where_their_spans_stood(self) -> None:
        found = words("my neighbour paints bread")
        assert with_fills(found, [(1, 2), (3, 4)], [" baker", " boats"]) == "my baker paints boats"
        assert with_fills(found, [(1, 1)], [" old"]) == "my old neighbour paints bread"


def _kept(found: Words, spans: list[tuple[int, int]]) -> list[list[str]]:
    edges = [0, *(edge for span in spans for edge in span), len(found)]
    return [found.pieces[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
