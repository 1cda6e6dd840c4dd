"""Other ways from token states to one latent and back, to compare with the flattened positions that are shipped.

Each takes the arguments of `latentopt.model.bottleneck.Bottleneck`, and ends in the same layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentopt.model.bottleneck import Bottleneck


class OneVector(Bottleneck):
    """The mean of the token states, as in sentence encoders; every position of the memory is made from all of z."""

    def __init__(self, d_model: int, latent_dim: int, *, positions: int, slot_dim: int, stochastic: bool) -> None:
        super().__init__(d_model, latent_dim, positions=positions, slot_dim=slot_dim, stochastic=stochastic)
        self.pooled = nn.Linear(d_model, latent_dim)

    def encode(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.rms_norm(self.pooled(mean).float(), (self.pooled.out_features,)), None


class AttentionPooled(Bottleneck):
    """Learned queries, as many as there are slots, attend to the token states."""

    HEADS = 4

    def __init__(self, d_model: int, latent_dim: int, *, positions: int, slot_dim: int, stochastic: bool) -> None:
        super().__init__(d_model, latent_dim, positions=positions, slot_dim=slot_dim, stochastic=stochastic)
        self.queries = nn.Parameter(torch.randn(positions, d_model))
        self.attention = nn.MultiheadAttention(d_model, self.HEADS, batch_first=True)
        self.place = nn.Parameter(0.5 * torch.randn(positions, d_model))  # attention itself is blind to order

    def encode(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        keys = states + self.place[: states.shape[1]]
        queries = self.queries.expand(len(states), -1, -1)
        pooled, _ = self.attention(queries, keys, states, key_padding_mask=mask == 0, need_weights=False)
        return F.rms_norm(self.to_latent(self.down(pooled).flatten(1)).float(), (self.to_latent.out_features,)), None
