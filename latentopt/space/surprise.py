"""What the network makes of each token of a text, as a language model or given a latent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentopt.model import T5VAE
from latentopt.model.bf16 import quick
from latentopt.space.tokens import TokenStates, batch_of, batches


@dataclass(frozen=True)
class Surprise:
    """Nats of a text's tokens.

    ends: the character at which each of t tokens ends. nats: minus the log-probability of each given those before it,
    and of the text's end, t + 1. states: of the decoder behind each of the t tokens, where they were asked for.
    """

    ends: list[int]
    nats: list[float]
    states: TokenStates | None = field(default=None, compare=False, repr=False)

    @property
    def total(self) -> float:
        """Nats of the whole text, the end included."""
        return sum(self.nats)

    @property
    def mean(self) -> float:
        """Nats per token, the end included."""
        return self.total / len(self.nats)

    def within(self, start: int, end: int) -> float:
        """Nats of the tokens that end in the characters start to end."""
        return sum(nats for at, nats in zip(self.ends, self.nats, strict=False) if start < at <= end)


@torch.no_grad()
def token_losses(model: T5VAE, ids: Sequence[Sequence[int]], z: Tensor, batch_size: int) -> list[Tensor]:
    """Nats of the tokens of each of n texts, its end token's last.

    Args:
        model: in evaluation mode.
        ids: token ids of each text, its end token included.
        z: what they are given, (n, d) or (n, m).
        batch_size: texts per forward pass.
    """
    out: dict[int, Tensor] = {}
    for rows in batches(ids, batch_size):
        labels, _ = batch_of(model, [ids[i] for i in rows])
        with quick(model.device):
            loss = model.token_loss(model.memory(z[rows].to(model.device)), labels).float().cpu()
        out |= {i: loss[row, : len(ids[i])] for row, i in enumerate(rows)}
    return [out[i] for i in range(len(ids))]
