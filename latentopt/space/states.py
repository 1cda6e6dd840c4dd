"""What encoder or decoder make of each token of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.model.bf16 import quick
from latentopt.model.tokenizer import token_ids, token_places
from latentopt.space.tokens import batch_of, batches, within

if TYPE_CHECKING:
    from latentopt.space.space import LatentSpace


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


@torch.no_grad()
def token_states(space: LatentSpace, texts: Sequence[str], *, batch_size: int = 64) -> list[TokenStates]:
    """The encoder's states of n texts.

    What is beyond the model's limit is left out, and a TruncationWarning says how much.

    Args:
        space: its model encodes. texts: none blank. batch_size: texts per forward pass.
    """
    ids = within(space.max_tokens, token_ids(space.tokenizer, list(texts)))
    places = token_places(space.tokenizer, texts)
    found: dict[int, TokenStates] = {}
    for rows in batches(ids, batch_size):
        with quick(space.model.device):
            states = space.model.states(*batch_of(space.model, [ids[i] for i in rows])).float().cpu()
        for place, i in enumerate(rows):
            tokens = len(ids[i]) - 1
            found[i] = TokenStates(states[place, : tokens + 1], places[i][:tokens])
    return [found[i] for i in range(len(ids))]
