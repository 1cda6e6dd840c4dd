"""Masking spans of a text at word boundaries, and putting fills back.

The source of a fill is the text with each masked span replaced by a sentinel of its own; the target is the whole text
with each span between two of its sentinel (the "BERT-style" target of Raffel et al. 2020, table 4, with the spans
marked):

    source   thank you <extra_id_0> who came out tonight </s>
    target   thank you <extra_id_0> to everyone <extra_id_0> who came out tonight </s>

What is kept is forced and not sampled, so that a fill continues its left context through the decoder's self-attention.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from latentopt.model.tokenizer import encoded_texts

# A word with the spaces before it: with its mention or hashtag sign and its apostrophes; or a run of marks.
WORD = re.compile(r"\s*(?:[@#]?\w+(?:['’]\w+)*|[^\w\s]+)")
SENTENCE_ENDS = frozenset(".!?…")
MOST_SPANS = 7
KEPT_WEIGHT = 0.1

Span = tuple[int, int]  # first word and the one after the last; equal where the span is empty


@dataclass(frozen=True)
class Words:
    """A tokenized text and its words.

    text: as it came. ids: its t tokens, without the end token. starts: the first token of each of n words, and t
    behind the last, n + 1 in all. pieces: the n words as they stand in the text, with the spaces before them.
    """

    text: str
    ids: list[int]
    starts: list[int]
    pieces: list[str]

    def __len__(self) -> int:
        return len(self.pieces)


@dataclass(frozen=True)
class Masked:
    """What the encoder reads and the decoder writes, with how much each token of the target weighs.

    source and target end with the end token. weights: one for each token of the target.
    """

    source: list[int]
    target: list[int]
    weights: list[float]


def words_of(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[Words]:
    """Tokenize texts and find their words.

    Args:
        tokenizer: a fast one, since the words are found by the places of the tokens in the text.
        texts: n texts.

    Returns:
        Words of each text. A token that reaches over a boundary belongs to the word it ends in, so that a word may
        have none: it is then part of the next.
    """
    encoded = encoded_texts(tokenizer, texts, return_offsets_mapping=True)
    found = []
    for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        # White space behind the last word is part of it; a text of nothing else is one word.
        ends = [*[match.end() for match in WORD.finditer(text)][:-1], len(text)]
        starts, pieces, begun = [], [], 0
        word = -1
        for i, (_, end) in enumerate(offsets):
            if word < 0 or end > ends[word]:
                if word >= 0:
                    pieces.append(text[begun : ends[word]])
                    begun = ends[word]
                word = max(word, 0)
                while word < len(ends) - 1 and end > ends[word]:
                    word += 1
                starts.append(i)
        if ids:
            pieces.append(text[begun:])
        found.append(Words(text, ids, [*starts, len(ids)], pieces))
    return found


def masked(
    words: Words, spans: Sequence[Span], sentinels: Sequence[int], *, end: int, kept_weight: float = KEPT_WEIGHT
) -> Masked:
    """Mask spans of a text.

    Args:
        words: the text.
        spans: in order, apart by a word or more.
        sentinels: ids of the sentinel tokens, as many as there are spans, or more.
        end: id of the end token.
        kept_weight: of the tokens that are kept; those of a fill and the sentinel that ends it weigh 1, the one that
            begins it, which is always given, 0.

    Raises:
        ValueError: if the spans overlap, touch, or are more than the sentinels.
    """
    if len(spans) > len(sentinels):
        raise ValueError(f"there are sentinels for {len(sentinels)} spans, got {len(spans)}")
    source: list[int] = []
    target: list[int] = []
    weights: list[float] = []
    at = 0
    for number, (first, last) in enumerate(spans):
        if not (0 <= first <= last <= len(words)) or (number and first <= spans[number - 1][1]):
            raise ValueError(f"spans must be in order and a word apart, got {list(spans)} of {len(words)} words")
        begin, stop = words.starts[first], words.starts[last]
        kept, fill, sentinel = words.ids[at:begin], words.ids[begin:stop], sentinels[number]
        source += [*kept, sentinel]
        target += [*kept, sentinel, *fill, sentinel]
        weights += [kept_weight] * len(kept) + [0.0] + [1.0] * (len(fill) + 1)
        at = stop
    kept = [*words.ids[at:], end]
    return Masked([*source, *kept], [*target, *kept], weights + [kept_weight] * len(kept))


def draw_spans(words: Words, generator: random.Random, *, most: int = MOST_SPANS) -> list[Span]:
    """Spans to mask in training: 5 to 100% of the words, 1 to `most` spans, short ones more often.

    One in ten is a phrase up to the end of its sentence, one in twenty the whole text, one in eight of the others empty
    (what is inserted there is nothing).
    """
    n = len(words)
    kind = generator.random()
    if n < 2 or kind < 0.05:
        return [(0, n)]
    if kind < 0.15:
        first = generator.randrange(n)
        ends = [i + 1 for i in range(first, n) if words.pieces[i].strip()[-1:] in SENTENCE_ENDS]
        return [(first, ends[0] if ends else n)]
    count = min(1 + int(generator.expovariate(1 / 1.2)), most, max(1, n // 3))
    wanted = max(1, min(n - count, math.ceil(n * min(1.0, 0.05 + generator.expovariate(1 / 0.15)))))
    lengths = []
    for _ in range(count):
        length = min(1 + int(generator.expovariate(1 / max(0.5, wanted / count - 0.5))), n)
        lengths.append(0 if generator.random() < 0.125 else length)
    while sum(lengths) + count - 1 > n:
        lengths[lengths.index(max(lengths))] -= 1
    # What is left goes between the spans, before and behind them; between them there is a word at least.
    free = n - sum(lengths) - (count - 1)
    cuts = sorted(generator.randint(0, free) for _ in range(count))
    spans, at, before = [], 0, 0
    for number, (cut, length) in enumerate(zip(cuts, lengths, strict=True)):
        at += cut - before + (1 if number else 0)
        spans.append((at, at + length))
        at, before = at + length, cut
    return spans


def with_fills(words: Words, spans: Sequence[Span], fills: Sequence[str]) -> str:
    """The text with its spans replaced by fills, what is kept byte for byte."""
    parts, at = [], 0
    for (first, last), fill in zip(spans, fills, strict=True):
        parts += [*words.pieces[at:first], fill]
        at = last
    return "".join([*parts, *words.pieces[at:]])
