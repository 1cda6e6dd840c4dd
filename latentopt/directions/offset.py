"""Offset: what a learned map adds to a step, text by text."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Offset:
    """A network of one hidden layer from latents to steps: relu(z reads' + bias) writes.

    OffsetNet of Mai et al. 2020, "Plug and play autoencoders for conditional text generation" (Emb2Emb), eq. 5: what it
    says is added to the latent. Offsets add up and may be multiplied, as directions may.

    reads: (h, d). bias: (h,). writes: (h, d).
    """

    reads: Tensor
    bias: Tensor
    writes: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        """Steps (n, d) from latents z (n, d)."""
        return torch.relu(z @ self.reads.to(z).T + self.bias.to(z)) @ self.writes.to(z)

    def __add__(self, other: Offset) -> Offset:
        parts = zip((self.reads, self.bias, self.writes), (other.reads, other.bias, other.writes), strict=True)
        return Offset(*(torch.cat(pair) for pair in parts))

    def written(self, matrix: Tensor) -> Offset:
        """The offset whose steps are those of this one times a matrix (d, d)."""
        return Offset(self.reads, self.bias, self.writes @ matrix)

    def __mul__(self, factor: float) -> Offset:
        return Offset(self.reads, self.bias, self.writes * factor)
