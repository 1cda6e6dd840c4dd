"""A learned map: a small network says for each text where its partner would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch.nn import functional as F

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples
from latentopt.directions.offset import Offset

if TYPE_CHECKING:
    from latentopt.space import LatentSpace


@dataclass(frozen=True)
class LearnedMap:
    """OffsetNet (Mai et al. 2020, Emb2Emb): a step that depends on the text, learned from pairs.

    The network adds to the mean difference what it can tell from the source's latent; its loss is the squared distance
    to the target's latent. Little but the dropout holds it back where pairs are few: all steps of the weight decay take
    6% of the weights. Batches are whole: a direction has some thousand pairs.

    hidden: units. steps: of Adam. rate: of learning. decay: on all weights, of which a step takes rate times decay.
    dropout: on hidden units. seed: of both.
    """

    hidden: int = 64
    steps: int = 200
    rate: float = 3e-3
    decay: float = 0.1
    dropout: float = 0.3
    seed: int = 0

    @classmethod
    def for_space(cls, space: LatentSpace) -> Self:
        """As it is for any space."""
        return cls()

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction; raises LatentoptError if the texts are no pairs."""
        difference, z = examples.difference, examples.source
        mean, d = examples.mean(), z.shape[1]
        generator = torch.Generator().manual_seed(self.seed)
        reads = torch.randn(self.hidden, d, generator=generator) / d**0.5
        bias, writes = torch.zeros(self.hidden), torch.zeros(self.hidden, d)
        weights = [tensor.requires_grad_() for tensor in (reads, bias, writes)]
        optimizer = torch.optim.AdamW(weights, lr=self.rate, weight_decay=self.decay)
        wanted = difference - mean
        for _ in range(self.steps):
            kept = (torch.rand(len(z), self.hidden, generator=generator) >= self.dropout) / (1 - self.dropout)
            with torch.enable_grad():
                said = (torch.relu(F.linear(z, reads, bias)) * kept) @ writes
                loss = (said - wanted).square().sum(1).mean()
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
        offset = Offset(*(tensor.detach() for tensor in weights))
        # The vector is the mean step over the sources: what is left of the mean difference that the network says, too.
        beside = offset(z).mean(0)
        flat = Offset(torch.zeros(1, d), torch.ones(1), -beside[None])
        return examples.direction(mean + beside, offset=offset + flat)
