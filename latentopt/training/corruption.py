"""Token noise for denoising training.

Each corruption takes and returns a list of token ids; compose them in a sequence.

A denoising autoencoder keeps similar texts near each other in latent space (Shen et al. 2020, "Educating text
autoencoders: latent representation guidance via denoising"). All draw from the generator that they are given; the
trainer seeds one for each text and epoch, so that a resumed run sees the same noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

Corruption = Callable[[Sequence[int], torch.Generator], list[int]]


def _chosen(count: int, probability: float, generator: torch.Generator) -> list[bool]:
    return (torch.rand(count, generator=generator) < probability).tolist()


def _check(probability: float) -> None:
    if not 0 <= probability < 1:
        raise ValueError(f"the probability of a corruption must be at least 0 and below 1, got {probability}")


@dataclass(frozen=True)
class Drop:
    """Leave each token out with the given probability; one token is always kept."""

    probability: float

    def __post_init__(self) -> None:
        _check(self.probability)

    def __call__(self, ids: Sequence[int], generator: torch.Generator) -> list[int]:
        kept = [i for i, chosen in zip(ids, _chosen(len(ids), self.probability, generator), strict=True) if not chosen]
        return kept or list(ids[:1])


@dataclass(frozen=True)
class Blank:
    """Replace each token by the mask token with the given probability."""

    probability: float
    mask_id: int

    def __post_init__(self) -> None:
        _check(self.probability)

    def __call__(self, ids: Sequence[int], generator: torch.Generator) -> list[int]:
        chosen = _chosen(len(ids), self.probability, generator)
        return [self.mask_id if c else i for i, c in zip(ids, chosen, strict=True)]


@dataclass(frozen=True)
class Substitute:
    """Replace each token by a token drawn uniformly from [low, high) with the given probability."""

    probability: float
    low: int
    high: int

    def __post_init__(self) -> None:
        _check(self.probability)
        if self.low >= self.high:
            raise ValueError(f"substitutes are drawn from [low, high), got low={self.low}, high={self.high}")

    def __call__(self, ids: Sequence[int], generator: torch.Generator) -> list[int]:
        chosen = _chosen(len(ids), self.probability, generator)
        drawn = torch.randint(self.low, self.high, (len(ids),), generator=generator).tolist()
        return [d if c else i for i, d, c in zip(ids, drawn, chosen, strict=True)]


def corrupt(ids: Sequence[int], corruptions: Sequence[Corruption], generator: torch.Generator) -> list[int]:
    """Apply the corruptions one after the other."""
    for corruption in corruptions:
        ids = corruption(ids, generator)
    return list(ids)
