"""Texts as the network reads them: token ids within its limit, in batches of like lengths, and states of tokens."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.errors import TruncationWarning
from latentopt.model import T5VAE
from latentopt.model.padding import STEP, padded

WIDE = 32  # tokens of a row


@dataclass(frozen=True)
class TokenStates:
    """States of a text's t tokens, and which characters each covers.

    states: the encoder's, (t + 1, h), the last of the text's end; or the decoder's behind each token, (t, h).
    """

    states: Tensor
    characters: list[tuple[int, int]]

    @property
    def mean(self) -> Tensor:
        """Of the whole text, (h,)."""
        return self.states.mean(0)

    def mean_within(self, ranges: Sequence[tuple[int, int]]) -> Tensor:
        """Of the tokens that cover some characters of any of these ranges, (h,); 0 where none does."""
        return self._mean_of(
            any(first < last and begin < last and first < end for first, last in ranges)
            for begin, end in self.characters
        )

    def mean_behind(self, place: int) -> Tensor:
        """Of the tokens behind a character, (h,); 0 where there are none."""
        return self._mean_of(begin >= place for begin, _ in self.characters)

    def _mean_of(self, chosen: Iterable[bool]) -> Tensor:
        there = [row for row, wanted in enumerate(chosen) if wanted]
        return self.states[there].mean(0) if there else torch.zeros(self.states.shape[1])


def within(limit: int, ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Token ids of n texts, each cut to `limit` of them and its end token; a TruncationWarning counts those cut.

    The warning points at the caller of a method of LatentSpace that calls a function that calls this one.
    """
    long = [len(row) - 1 for row in ids if len(row) - 1 > limit]
    if long:
        warnings.warn(
            f"{len(long)} of {len(ids)} texts are longer than the model's limit of {limit} tokens (the longest has "
            f"{max(long)}): what lies beyond is ignored; shorten them, or train a model with more positions",
            TruncationWarning,
            stacklevel=5,  # torch.no_grad is one of them
        )
    return [list(row) if len(row) - 1 <= limit else [*row[:limit], row[-1]] for row in ids]


def batches(ids: Sequence[Sequence[int]], size: int, *, of: Iterable[int] | None = None) -> Iterator[list[int]]:
    """Numbers of the rows (all, or those named), `size` at a time: rows of like length, so that little is padding.

    Rows of more than WIDE tokens come half as many at a time: what is computed of them would take twice the memory.
    """
    order = sorted(range(len(ids)) if of is None else of, key=lambda i: len(ids[i]))
    start = 0
    while start < len(order):
        rows = order[start : start + size]
        if len(ids[rows[-1]]) > WIDE:
            rows = rows[: max(1, size // 2)]
        yield rows
        start += len(rows)


def batch_of(model: T5VAE, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids and mask (1 for a token), both (b, t), on the model's device, of rows that are within its limit."""
    width = min(-(-max(map(len, rows)) // STEP) * STEP, model.config.positions)
    return padded(rows, model.config.pad_token_id, width=width, device=model.device)
