"""What the encoder makes of each token of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from latentopt.model.bf16 import quick
from latentopt.model.tokenizer import token_ids, token_places
from latentopt.space.tokens import TokenStates, batch_of, batches, within

if TYPE_CHECKING:
    from latentopt.space.space import LatentSpace


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
