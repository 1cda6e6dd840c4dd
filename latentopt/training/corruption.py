"""Token noise for denoising training.

Each corruption takes and returns a list of token ids; compose them in a sequence.

A denoising autoencoder keeps similar texts near each other in latent space (Shen et al. 2020, "Educating text
autoencoders: latent representation guidance via denoising"). All draw from the generator that they are given; the
trainer seeds one for each text and epoch, so that a resumed run sees the same noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from latentopt.errors import LatentoptError


@dataclass(frozen=True)
class Tokens:
    """What a vocabulary offers to noise: the token that blanks, if there is one, and the ordinary tokens' ids (v,)."""

    mask: int | None
    ordinary: Tensor

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Self:
        """Those of a tokenizer."""
        special = set(tokenizer.all_special_ids)
        return cls(tokenizer.mask_token_id, torch.tensor([i for i in range(len(tokenizer)) if i not in special]))


class Corruption(Protocol):
    """One kind of noise."""

    def __call__(self, ids: Sequence[int], tokens: Tokens, generator: torch.Generator) -> list[int]:
        """The token ids of a text, corrupted."""


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

    def __call__(self, ids: Sequence[int], tokens: Tokens, generator: torch.Generator) -> list[int]:
        kept = [i for i, chosen in zip(ids, _chosen(len(ids), self.probability, generator), strict=True) if not chosen]
        return kept or list(ids[:1])


@dataclass(frozen=True)
class Blank:
    """Replace each token by the mask token with the given probability."""

    probability: float

    def __post_init__(self) -> None:
        _check(self.probability)

    def __call__(self, ids: Sequence[int], tokens: Tokens, generator: torch.Generator) -> list[int]:
        if tokens.mask is None:
            raise LatentoptError("this tokenizer has no mask token to blank tokens with; drop or substitute them")
        chosen = _chosen(len(ids), self.probability, generator)
        return [tokens.mask if c else i for i, c in zip(ids, chosen, strict=True)]


@dataclass(frozen=True)
class Substitute:
    """Replace each token by an ordinary one, drawn uniformly, with the given probability."""

    probability: float

    def __post_init__(self) -> None:
        _check(self.probability)

    def __call__(self, ids: Sequence[int], tokens: Tokens, generator: torch.Generator) -> list[int]:
        chosen = _chosen(len(ids), self.probability, generator)
        drawn = tokens.ordinary[torch.randint(len(tokens.ordinary), (len(ids),), generator=generator)].tolist()
        return [d if c else i for i, d, c in zip(ids, drawn, chosen, strict=True)]


def corrupt(
    ids: Sequence[int], corruptions: Sequence[Corruption], tokens: Tokens, generator: torch.Generator
) -> list[int]:
    """Apply the corruptions one after the other."""
    for corruption in corruptions:
        ids = corruption(ids, tokens, generator)
    return list(ids)
